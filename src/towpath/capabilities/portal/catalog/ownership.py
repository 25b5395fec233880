"""Whether somebody answers for each entity: an owner that leads to living people, or what is wrong.

A person lives here while the catalogue has them, no orphan, and somebody has come by that name. A
group answers while one of its people does, or of a group below it. What is proposed instead is
what the evidence says: who committed and who deployed in the last months.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.portal.catalog.facts import ORPHAN
from towpath.capabilities.portal.catalog.kinds import UNSEEN_ANNOTATION
from towpath.machinery.references import DEFAULT_NAMESPACE, person_ref
from towpath.records.contract import CatalogIndex, Entity, EntityFilter, Relation, Viewer

FINE, NOBODY, DANGLING, DEPARTED, EMPTY, AMBIGUOUS = (
    "fine",
    "nobody",
    "dangling",
    "departed",
    "empty",
    "ambiguous",
)
PROBLEMS = {
    NOBODY: "No owner",
    DANGLING: "Unknown owner",
    DEPARTED: "Owner has left",
    EMPTY: "Empty group",
    AMBIGUOUS: "Ambiguous owner",
}
OWNED_KINDS = (
    "Component",
    "API",
    "Resource",
    "System",
    "Domain",
    "Template",
    "AiResource",
    "Environment",
    "Capability",
)
BELONGING = ("hasMember", "memberOf", "parentOf", "childOf")
GROUPS_MAX = 5000
READ_AT_ONCE = 1000
DEPTH_MAX = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    problem: str = FINE
    sentence: str = ""
    people: tuple[str, ...] = ()
    """Who answers, as references."""


@dataclass(slots=True)
class Judge:
    """One look at owners, for one viewer: what is needed is read at once, and then only judged."""

    index: CatalogIndex
    viewer: Viewer
    groups: dict[str, Entity] = field(default_factory=dict)
    _departed: set[str] = field(default_factory=set)
    _people: dict[str, bool] = field(default_factory=dict)
    """Those that are known, and whether they are here."""
    _edges: dict[str, list[tuple[str, Relation]]] = field(default_factory=dict)
    """Of each that was asked about, what is told by it and of it: who tells, and what."""
    _verdicts: dict[str, Verdict] = field(default_factory=dict)

    async def begin(self, owners: Iterable[str]) -> None:
        """Read what a verdict about each of these needs."""
        await self._read_groups()
        asked = {owner for owner in owners if owner}
        reached = asked & self.groups.keys()
        for _ in range(DEPTH_MAX):
            await self._read_edges(reached)
            reached = {child for group in reached for child in self._children(group)}
            reached -= self._edges.keys()
            if not reached:
                break
        people = {owner for owner in asked if owner.startswith("user:")}
        people.update(*(self.members(group) for group in list(self._edges)))
        await self._read_people(people)
        for unknown in asked - self.groups.keys() - self._people.keys():
            if await self.index.history(self.viewer, unknown, limit=1):
                self._departed.add(unknown)

    async def meet(self, people: Iterable[str]) -> None:
        """Read whether these are here, and what groups they are in."""
        wanted = set(people)
        await self._read_people(wanted)
        await self._read_edges(ref for ref in wanted if self.is_here(ref))

    async def _read_groups(self) -> None:
        token = ""
        while len(self.groups) < GROUPS_MAX:
            page = await self.index.query(
                self.viewer,
                EntityFilter({"kind": ("Group",)}),
                limit=READ_AT_ONCE,
                continue_token=token,
                sort="name",
            )
            self.groups.update((one.ref, one) for one in page.entities)
            token = page.continue_token
            if not token:
                return

    async def _read_people(self, refs: Iterable[str]) -> None:
        for some in _parts(ref for ref in refs if ref not in self._people):
            where = EntityFilter({"ref": some})
            page = await self.index.query(self.viewer, where, limit=len(some))
            self._people.update((one.ref, is_here(one)) for one in page.entities)

    async def _read_edges(self, refs: Iterable[str]) -> None:
        for some in _parts(ref for ref in refs if ref not in self._edges):
            found: dict[str, list[tuple[str, Relation]]] = {ref: [] for ref in some}
            for teller, told in await self.index.around(self.viewer, some, BELONGING):
                for ref in {teller, told.target} & found.keys():
                    found[ref].append((teller, told))
            self._edges.update(found)

    def verdict(self, owner: str) -> Verdict:
        """Of an owner that it has begun with."""
        if owner not in self._verdicts:
            self._verdicts[owner] = self._judged(owner)
        return self._verdicts[owner]

    def _judged(self, owner: str) -> Verdict:
        if not owner:
            return Verdict(NOBODY, "Nobody is named as its owner.")
        if owner in self._people:
            if self._people[owner]:
                return Verdict(FINE, "", (owner,))
            return Verdict(DEPARTED, f"{_short(owner)} is here no more.")
        if owner not in self.groups:
            return self._unknown(owner)
        people = tuple(sorted(self._living(owner)))
        if not people:
            return Verdict(EMPTY, f"{_short(owner)} has nobody in it who is here.")
        like = self._alike(owner)
        if like:
            told = f"{_short(owner)} could be meant for {', '.join(like)}."
            return Verdict(AMBIGUOUS, told, people)
        return Verdict(FINE, "", people)

    def _unknown(self, owner: str) -> Verdict:
        if owner in self._departed:
            return Verdict(DEPARTED, f"{_short(owner)} was here, and is no more.")
        namespace = owner.partition(":")[2].partition("/")[0]
        where = "" if namespace == DEFAULT_NAMESPACE else f" in {namespace}"
        return Verdict(DANGLING, f"No group or person is called {_short(owner)}{where}.")

    def _living(self, group: str, seen: frozenset[str] = frozenset()) -> set[str]:
        if group in seen or len(seen) > DEPTH_MAX:
            return set()
        people = {ref for ref in self.members(group) if self.is_here(ref)}
        for child in self._children(group):
            people |= self._living(child, seen | {group})
        return people

    def members(self, group: str) -> set[str]:
        return self._related(group, told="hasMember", tells="memberOf")

    def groups_of(self, person: str) -> set[str]:
        return self._related(person, told="memberOf", tells="hasMember")

    def _children(self, group: str) -> set[str]:
        return self._related(group, told="parentOf", tells="childOf")

    def _related(self, ref: str, *, told: str, tells: str) -> set[str]:
        """Whom it tells `told` of, and who tells `tells` of it."""
        edges = self._edges.get(ref, ())
        return {one.target for teller, one in edges if teller == ref and one.type == told} | {
            teller for teller, one in edges if one.target == ref and one.type == tells
        }

    def is_here(self, person: str) -> bool:
        return self._people.get(person, False)

    def namesakes(self, owner: str) -> list[str]:
        """Groups of the name that nobody has in that namespace: it was left out, most likely."""
        return sorted(ref for ref in self.groups if ref != owner and _short(ref) == _short(owner))

    def _alike(self, owner: str) -> list[str]:
        """Other groups that people could mean by the same name or title."""
        mine = self.groups[owner]
        words = {mine.name.lower(), (mine.title or mine.name).lower()}
        return sorted(
            ref
            for ref, one in self.groups.items()
            if ref != owner and words & {one.name.lower(), (one.title or one.name).lower()}
        )


def _parts(refs: Iterable[str]) -> Iterator[list[str]]:
    """As many as one query takes."""
    wanted = sorted(set(refs))
    return (wanted[at : at + READ_AT_ONCE] for at in range(0, len(wanted), READ_AT_ONCE))


def is_here(person: Entity) -> bool:
    annotations = person.descriptor["metadata"].get("annotations") or {}
    return ORPHAN not in annotations and UNSEEN_ANNOTATION not in annotations


# -- proposals -------------------------------------------------------------------------------------

COMMIT_WEIGHT, DEPLOYMENT_WEIGHT = 1, 3


@dataclass(frozen=True, slots=True)
class Deeds:
    """What people have done, by the names under which they did it."""

    commits: Mapping[str, int]
    deployments: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Proposal:
    owner: str
    sentence: str


def proposal(deeds: Deeds, groups: Mapping[str, Iterable[str]]) -> Proposal | None:
    """Pure. The group whose people did most, or the person who did. `groups` of each person."""
    done: Counter[str] = Counter()
    for name, count in deeds.commits.items():
        done[name] += COMMIT_WEIGHT * count
    for name, count in deeds.deployments.items():
        done[name] += DEPLOYMENT_WEIGHT * count
    known = {name: weight for name, weight in done.items() if name in groups}
    if not known:
        return None
    by_group: Counter[str] = Counter()
    for name, weight in known.items():
        for group in groups[name]:
            by_group[group] += weight
    if by_group:
        best = max(sorted(by_group), key=lambda group: (by_group[group], -_size(groups, group)))
        doers = [name for name in known if best in set(groups[name])]
    else:
        person = max(sorted(known), key=lambda name: known[name])
        best, doers = person_ref(person), [person]
    return Proposal(best, _told(deeds, doers))


def _size(groups: Mapping[str, Iterable[str]], group: str) -> int:
    """Of two groups that did the same, the smaller one is closer to it."""
    return sum(1 for one in groups.values() if group in set(one))


def _told(deeds: Deeds, doers: Sequence[str]) -> str:
    parts = []
    for words, counts in (("commits", deeds.commits), ("deployments", deeds.deployments)):
        total = sum(counts.values())
        mine = {name: counts[name] for name in doers if counts.get(name)}
        if mine:
            names = ", ".join(
                f"{name} {count}" for name, count in sorted(mine.items(), key=lambda one: -one[1])
            )
            parts.append(f"{sum(mine.values())} of the last {total} {words} ({names})")
    return " and ".join(parts)


def _short(ref: str) -> str:
    return ref.rpartition("/")[2]
