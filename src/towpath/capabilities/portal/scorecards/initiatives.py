"""Initiatives: how many entities are where they should be, and whom to remind.

An initiative is about what a scorecard judges; it is done when nothing is left. Owners of what is
left are told as the last day comes nearer, once for each step of the way.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from towpath.capabilities.portal.scorecards.kinds import INITIATIVE, SCORECARD
from towpath.capabilities.portal.scorecards.news import ScoreNews
from towpath.client.protocols import Client
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.hooks.showing import get_if_there
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, RawObject, uid_of
from towpath.machinery.references import BadReference, parse_reference
from towpath.machinery.users import PLATFORM, UserInfo
from towpath.records.contract import Notice, Viewer
from towpath.records.scoring import Score, ScoreFilter
from towpath.runtime.controller import Controller
from towpath.runtime.outcomes import Stalled
from towpath.runtime.sources import Watch
from towpath.runtime.steps import Subject, stepwise

EVERYTHING = Viewer(PLATFORM, None)
REMINDER = "Reminder"
OPEN, DONE, OVERDUE = "Open", "Done", "Overdue"
SCORES_MAX = 10_000
LOOK_AGAIN_S = 3600.0

Today = Callable[[], date]


def utc_today() -> date:
    return datetime.now(UTC).date()


def controllers(platform: Platform) -> Sequence[Controller]:
    sources = (Watch(platform.api, INITIATIVE), ScoreNews(platform, INITIATIVE))
    return (Controller("initiatives", Initiatives(platform), sources),)


class Initiatives:
    def __init__(self, platform: Platform, today: Today = utc_today) -> None:
        self._platform = platform
        self._today = today
        self._reconcile = stepwise(
            platform.api, INITIATIVE, [self._counted], ready_message="It is followed."
        )

    async def __call__(self, key: Key) -> float | None:
        try:
            await self._platform.api.get(INITIATIVE, key.name, key.namespace)
        except NotFound:
            await self._platform.inbox.forget(_subject(key))
            return None
        again_s = await self._reconcile(key)
        # The days go by without an event.
        return LOOK_AGAIN_S if again_s is None else again_s

    async def _counted(self, subject: Subject) -> None:
        card = await scorecard_of(self._platform.api, subject.obj)
        if card is None:
            name = subject.spec["scorecard"]
            raise Stalled(
                "ScorecardNotFound",
                f"There is no scorecard {name}; make it, or name another one in spec.scorecard.",
            )
        goal = goal_of(subject.obj, card)
        where = concerned(subject.obj, card)
        total = (await self._platform.scores.find(EVERYTHING, where, limit=0)).total
        left = await self._platform.scores.find(EVERYTHING, goal.left(where), limit=SCORES_MAX)
        due = date.fromisoformat(subject.spec["due"])
        today = self._today()
        counted = {"total": total, "done": total - left.total}
        tell_counted(subject.key, subject.status, counted)
        subject.status["phase"] = OPEN if left.total else DONE
        if left.total and today > due:
            subject.status["phase"] = OVERDUE
        project = "" if subject.key.namespace == SYSTEM_NAMESPACE else subject.key.namespace
        people = await self._platform.people()
        told = list(reminders(subject.obj, goal, left.scores, today, people))
        await self._platform.inbox.settle(_subject(subject.key), project, told)


def tell_counted(key: Key, status: RawObject, counted: RawObject) -> None:
    """Of what is the platform's everybody reads the status, and would learn how much there is of
    what they may not see."""
    if key.namespace == SYSTEM_NAMESPACE:
        for name in counted:
            status.pop(name, None)
    else:
        status.update(counted)


@dataclass(frozen=True, slots=True)
class Goal:
    """What an initiative wants of each entity."""

    sentence: str
    """`Reach Silver of Production readiness`"""
    rank: int = 0
    rules: frozenset[str] = frozenset()

    def left(self, where: ScoreFilter) -> ScoreFilter:
        """Of these, what has not reached it."""
        if self.rank:
            return replace(where, below=self.rank)
        return replace(where, failing=tuple(sorted(self.rules)))


def goal_of(initiative: RawObject, card: RawObject) -> Goal:
    """Raises Stalled for a level or a rule that the scorecard does not have."""
    spec, title = initiative["spec"], card["spec"]["title"]
    if "level" in spec:
        names = [level["name"] for level in card["spec"]["levels"]]
        if spec["level"] not in names:
            raise Stalled(
                "LevelNotFound",
                f"{title} has no level {spec['level']}; its levels are {', '.join(names)}.",
            )
        return Goal(f"Reach {spec['level']} of {title}", rank=names.index(spec["level"]) + 1)
    titles = {rule["id"]: rule["title"] for rule in card["spec"]["rules"]}
    if strange := sorted(set(spec["rules"]) - set(titles)):
        raise Stalled("RuleNotFound", f"{title} has no rule {', '.join(strange)}.")
    return Goal("; ".join(titles[rule] for rule in spec["rules"]), rules=frozenset(spec["rules"]))


async def scorecard_of(api: Client, initiative: RawObject) -> RawObject | None:
    """Of the initiative's own namespace, else of the platform."""
    name, namespace = initiative["spec"]["scorecard"], initiative["metadata"]["namespace"]
    for place in dict.fromkeys((namespace, SYSTEM_NAMESPACE)):
        found = await get_if_there(api, SCORECARD, name, place)
        if found is not None:
            return found
    return None


def concerned(initiative: RawObject, card: RawObject) -> ScoreFilter:
    """What it is about: an initiative of a project, what is the project's."""
    metadata, namespace = card["metadata"], initiative["metadata"]["namespace"]
    return ScoreFilter(
        f"{metadata['namespace']}/{metadata['name']}",
        owners=tuple(_owner(one) for one in initiative["spec"].get("owners") or ()),
        project="" if namespace == SYSTEM_NAMESPACE else namespace,
    )


def _owner(text: str) -> str:
    try:
        return parse_reference(text, default_kind="group").key
    except BadReference:
        return text


def reminders(
    initiative: RawObject,
    goal: Goal,
    left: Sequence[Score],
    today: date,
    people: Iterable[UserInfo],
) -> Iterator[Notice]:
    """To everybody who owns something that is left, from the first day of reminding on."""
    metadata, spec = initiative["metadata"], initiative["spec"]
    due = date.fromisoformat(spec["due"])
    steps = [days for days in spec["remindDaysBefore"] if (due - today).days <= days]
    if not steps:
        return
    step = "overdue" if today > due else str(min(steps))
    for person in people:
        mine = [score for score in left if _is_owner(person, score.owner)]
        if not mine:
            continue
        count = f"{len(mine)} of yours {'is' if len(mine) == 1 else 'are'} left"
        when = f"was due on {due}" if today > due else f"is due on {due}"
        yield Notice(
            person=person.name,
            cause=f"initiative/{uid_of(initiative)}/{step}",
            sort=REMINDER,
            title=f"{spec['title']} {when}; {count}",
            text=f"{goal.sentence}: {', '.join(score.title for score in mine[:5])}",
            href=f"/insights/initiatives/{metadata['namespace']}/{metadata['name']}",
            why="You own what is left, by yourself or with your team.",
            time_s=datetime(today.year, today.month, today.day, tzinfo=UTC).timestamp(),
        )


def _is_owner(person: UserInfo, owner: str) -> bool:
    """`owner` is a full reference in lower case."""
    kind, _, rest = owner.partition(":")
    name = rest.rpartition("/")[2]
    if kind == "user":
        return person.name.lower() == name
    return kind == "group" and name in {group.lower() for group in person.groups}


def _subject(key: Key) -> str:
    return f"initiative/{key.namespace}/{key.name}"
