"""What a crowd of services is, decided by a seed: names, owners, releases, and how each is doing.

Pure: the same numbers give the same crowd. `objects` and `runs` make API objects of it.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.crowd.words import (
    AREAS,
    LONG_NAMES,
    PEOPLE,
    PURPOSES,
    REASONS,
    ROLES,
    SUBJECTS,
    THINGS,
)

SERVICES_PER_PROJECT = 125
PROJECTS_OF_TEAM_A = 2
"""How many projects, the first ones, the demo's alice and team-a belong to."""

STORIES = {
    "healthy": 70,
    "ahead": 10,
    "waiting": 5,
    "degraded": 3,
    "failed": 3,
    "broken": 3,
    "drifted": 2,
    "progressing": 1,
    "missing": 1,
    "staging-only": 1,
    "new": 1,
}
"""How a service is doing, and how often of a hundred.

ahead: staging runs a newer release; waiting: one waits for approval; failed: a promotion failed;
broken: the newest pipeline failed; new: nothing was ever released.
"""


@dataclass(frozen=True, slots=True)
class Project:
    name: str
    team: str
    owner: str
    stages: tuple[str, ...]
    is_team_a: bool


@dataclass(frozen=True, slots=True)
class Release:
    commit: str
    subject: str
    author: str
    built: datetime

    @property
    def short(self) -> str:
        return self.commit[:8]


@dataclass(frozen=True, slots=True)
class Service:
    """One service. `releases` are the oldest first; `failing` is a commit that CI refused."""

    project: Project
    name: str
    owner: str
    description: str
    story: str
    has_database: bool
    born: datetime
    releases: tuple[Release, ...]
    failing: Release | None
    reason: str
    approver: str

    def release_name(self, release: Release) -> str:
        return f"{self.name}-{release.short}"

    @property
    def in_production(self) -> int:
        """The index of the release that production runs, -1 for none."""
        if self.story == "staging-only":
            return -1
        behind = self.story in ("ahead", "waiting", "failed")
        return len(self.releases) - 1 - behind


def projects(services: int) -> list[Project]:
    count = max(3, -(-services // SERVICES_PER_PROJECT))
    return [_project(index) for index in range(count)]


def _project(index: int) -> Project:
    area = AREAS[index % len(AREAS)]
    name = area if index < len(AREAS) else f"{area}-{index // len(AREAS) + 1}"
    is_team_a = index < PROJECTS_OF_TEAM_A
    stages = ("dev", "staging", "production") if index % 3 == 2 else ("staging", "production")
    return Project(
        name,
        team="team-a" if is_team_a else f"team-{name}",
        owner="alice" if is_team_a else PEOPLE[3 + index % (len(PEOPLE) - 3)],
        stages=stages,
        is_team_a=is_team_a,
    )


def services(count: int, seed: int, now: datetime) -> Iterator[Service]:
    """The crowd, spread evenly over its projects."""
    chance = random.Random(seed)
    there = projects(count)
    taken: set[tuple[str, str]] = set()
    for index in range(count):
        project = there[index % len(there)]
        name = _name(chance, index, project, taken)
        yield _service(chance, project, name, now)


def _name(chance: random.Random, index: int, project: Project, taken: set[tuple[str, str]]) -> str:
    """A name that is new in the project; now and then one as long as a name may be."""
    name = f"{chance.choice(THINGS)}-{chance.choice(ROLES)}"
    if index % 40 == 7:
        name = chance.choice(LONG_NAMES)
    number = 2
    found = name
    while (project.name, found) in taken:
        found = f"{name[:36].rstrip('-')}-{number}"
        number += 1
    taken.add((project.name, found))
    return found


def _service(chance: random.Random, project: Project, name: str, now: datetime) -> Service:
    story = chance.choices(tuple(STORIES), tuple(STORIES.values()))[0]
    thing = name.partition("-")[0]
    age = timedelta(days=chance.randint(3, 700), minutes=chance.randint(0, 1400))
    moments = sorted(now - age * chance.random() * 0.9 for _ in range(chance.randint(3, 5)))
    builds = [_release(chance, thing, moment) for moment in moments]
    failing = builds.pop() if story in ("broken", "new") else None
    if story == "new":
        builds = []
    return Service(
        project=project,
        name=name,
        owner="" if chance.random() < 0.03 else project.team,
        description=chance.choice(PURPOSES).format(thing=thing, area=project.name),
        story=story,
        has_database=chance.random() < 0.35,
        born=now - age,
        releases=tuple(builds),
        failing=failing,
        reason=chance.choice(REASONS),
        approver=chance.choice(PEOPLE),
    )


def _release(chance: random.Random, thing: str, moment: datetime) -> Release:
    return Release(
        commit=f"{chance.getrandbits(160):040x}",
        subject=chance.choice(SUBJECTS).format(thing=thing),
        author=chance.choice(PEOPLE),
        built=moment,
    )
