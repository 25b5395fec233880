"""Whether somebody answers for each entity: an owner that leads to living people, or what is wrong.

A person lives here while the catalogue has them, no orphan, and somebody has come by that name. A
group answers while one of its people does, or of a group below it. What is proposed instead is
what the evidence says: who committed and who deployed in the last months.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.portal.catalog.facts import ORPHAN
from towpath.capabilities.portal.catalog.kinds import UNSEEN_ANNOTATION
from towpath.machinery.references import DEFAULT_NAMESPACE
from towpath.records.contract import CatalogIndex, Edges, Entity, EntityFilter, Viewer

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
GROUPS_MAX = 5000
DEPTH_MAX = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    problem: str = FINE
    sentence: str = ""
    people: tuple[str, ...] = ()
    """Who answers, as references."""


@dataclass(slots=True)
class Judge:
    """One look at owners, for one viewer: what it has asked once it does not ask again."""

    index: CatalogIndex
    viewer: Viewer
    groups: dict[str, Entity] = field(default_factory=dict)
    _verdicts: dict[str, Verdict] = field(default_factory=dict)
    _edges: dict[str, Edges] = field(default_factory=dict)
    _people: dict[str, Entity | None] = field(default_factory=dict)

    async def begin(self) -> None:
        token = ""
        while len(self.groups) < GROUPS_MAX:
            page = await self.index.query(
                self.viewer,
                EntityFilter({"kind": ("Group",)}),
                limit=1000,
                continue_token=token,
                sort="name",
            )
            self.groups.update((one.ref, one) for one in page.entities)
            token = page.continue_token
            if not token:
                return

    async def verdict(self, owner: str) -> Verdict:
        if owner not in self._verdicts:
            self._verdicts[owner] = await self._judged(owner)
        return self._verdicts[owner]

    async def _judged(self, owner: str) -> Verdict:
        if not owner:
            return Verdict(NOBODY, "Nobody is named as its owner.")
        if owner.startswith("user:"):
            return await self._person(owner)
        if owner not in self.groups:
            return await self._unknown(owner)
        people = tuple(sorted(await self._living(owner)))
        if not people:
            return Verdict(EMPTY, f"{_short(owner)} has nobody in it who is here.")
        like = self._alike(owner)
        if like:
            told = f"{_short(owner)} could be meant for {', '.join(like)}."
            return Verdict(AMBIGUOUS, told, people)
        return Verdict(FINE, "", people)

    async def _person(self, ref: str) -> Verdict:
        person = await self._known(ref)
        if person is None:
            return await self._unknown(ref)
        if not is_here(person):
            return Verdict(DEPARTED, f"{_short(ref)} is here no more.")
        return Verdict(FINE, "", (ref,))

    async def _unknown(self, owner: str) -> Verdict:
        if await self.index.history(self.viewer, owner, limit=1):
            return Verdict(DEPARTED, f"{_short(owner)} was here, and is no more.")
        namespace = owner.partition(":")[2].partition("/")[0]
        where = "" if namespace == DEFAULT_NAMESPACE else f" in {namespace}"
        return Verdict(DANGLING, f"No group or person is called {_short(owner)}{where}.")

    async def _living(self, group: str, seen: frozenset[str] = frozenset()) -> set[str]:
        if group in seen or len(seen) > DEPTH_MAX:
            return set()
        people: set[str] = set()
        for ref in await self.members(group):
            person = await self._known(ref)
            if person is not None and is_here(person):
                people.add(ref)
        edges = await self._of(group)
        children = {one.target for one in edges.outgoing if one.type == "parentOf"}
        children |= {one.target for one in edges.incoming if one.type == "childOf"}
        for child in sorted(children):
            people |= await self._living(child, seen | {group})
        return people

    async def members(self, group: str) -> set[str]:
        edges = await self._of(group)
        told = {one.target for one in edges.outgoing if one.type == "hasMember"}
        return told | {one.target for one in edges.incoming if one.type == "memberOf"}

    async def groups_of(self, person: str) -> set[str]:
        edges = await self._of(person)
        told = {one.target for one in edges.outgoing if one.type == "memberOf"}
        return told | {one.target for one in edges.incoming if one.type == "hasMember"}

    async def _known(self, ref: str) -> Entity | None:
        if ref not in self._people:
            self._people[ref] = await self.index.get(self.viewer, ref)
        return self._people[ref]

    async def person(self, ref: str) -> bool:
        found = await self._known(ref)
        return found is not None and is_here(found)

    async def _of(self, ref: str) -> Edges:
        if ref not in self._edges:
            self._edges[ref] = await self.index.edges(self.viewer, ref)
        return self._edges[ref]

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
        best, doers = f"user:default/{person.lower()}", [person]
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
