"""What the platform asks of its scores: how each entity does on each scorecard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from towpath.records.viewers import Viewer


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """What one rule found. `outcome` is Passed, Failed or Unknown."""

    rule: str
    outcome: str
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """How one entity does on one scorecard."""

    scorecard: str
    """`<namespace>/<name>`"""
    ref: str
    title: str
    project: str
    """Whose viewers may see it; "" is for everybody."""
    owner: str
    """Reference of who owns the entity, "" for nobody."""
    level: str
    """The name of the level that is reached, "" for none."""
    rank: int
    """0 for none, 1 for the lowest level."""
    passed: int
    """How many rules pass."""
    verdicts: tuple[RuleVerdict, ...]
    since_s: float = 0.0
    """Since when it is at this level. Not part of what is put."""


@dataclass(frozen=True, slots=True)
class ScoreFilter:
    scorecard: str
    owners: tuple[str, ...] = ()
    """Any of these, "" is nobody; of everybody when empty."""
    rank: int | None = None
    below: int | None = None
    """At a lower rank than this."""
    failing: tuple[str, ...] = ()
    """Ids of rules of which not all pass."""
    project: str = ""


@dataclass(frozen=True, slots=True)
class ScorePage:
    """The lowest first."""

    scores: list[Score]
    total: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How the entities of one owner do."""

    owner: str
    ranks: Mapping[int, int]
    """How many are at which rank."""
    passed: int
    asked: int
    """Rules times entities."""


@dataclass(frozen=True, slots=True)
class Day:
    """How things stood at the end of a day, in UTC."""

    day: str
    """`2026-11-21`"""
    ranks: Mapping[int, int]


class Scores(Protocol):
    """Scores as rows, and every change of a level, for the trend."""

    async def settle(self, ref: str, scores: Sequence[Score]) -> bool:
        """Make these the scores of the entity; those on other scorecards go. False: as before."""
        ...

    async def forget(self, scorecard: str) -> None: ...

    async def refs(self) -> list[str]:
        """Of every entity that has a score."""
        ...

    async def scorecards(self) -> list[str]: ...

    async def of(self, viewer: Viewer, ref: str) -> list[Score]: ...

    async def find(
        self, viewer: Viewer, where: ScoreFilter, *, limit: int = 100, offset: int = 0
    ) -> ScorePage: ...

    async def standings(self, viewer: Viewer, where: ScoreFilter) -> list[Standing]:
        """By owner, the most entities first."""
        ...

    async def rules(self, viewer: Viewer, where: ScoreFilter) -> dict[str, dict[str, int]]:
        """For each rule, how many entities have which outcome."""
        ...

    async def days(self, viewer: Viewer, where: ScoreFilter, days: int) -> list[Day]:
        """The last days, today last. Of the filter, scorecard, owners and project are looked at."""
        ...
