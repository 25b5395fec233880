"""People and groups as an identity provider pushed them: what can be asked, and what is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

NEWS = "provisioned"
"""The noun of its changes."""


class NameTaken(Exception):
    """Another person has that name."""


class StaleVersion(Exception):
    """It is not the version that the writer has seen."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """One resource. `kind` is `User` or `Group`."""

    kind: str
    id: str
    name: str
    """In small letters. No two people of a source have one; groups may."""
    external: str
    """How the identity provider calls it."""
    content: dict[str, Any]
    """What was pushed, without the members of a group."""
    version: int = 1
    created_s: float = 0.0
    modified_s: float = 0.0
    members: frozenset[str] = frozenset()
    """Of a group, ids."""


class ProvisionedPeople(Protocol):
    async def get(self, source: str, kind: str, id: str) -> Provisioned | None: ...

    async def find(self, source: str, kind: str, by: str, value: str) -> list[Provisioned]:
        """By `id`, `name` or `external`."""
        ...

    async def all(self, source: str, kind: str) -> list[Provisioned]:
        """In the order in which they came."""
        ...

    async def page(
        self, source: str, kind: str, *, offset: int, limit: int
    ) -> tuple[list[Provisioned], int]:
        """In the same order, and how many there are in all."""
        ...

    async def names(self, source: str, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Kind and name of each that is there."""
        ...

    async def holders(self, source: str, member: str) -> list[tuple[str, str]]:
        """Id and name of the groups that it is in."""
        ...

    async def add(self, source: str, new: Provisioned) -> Provisioned:
        """With an id and the time of its own. Raises NameTaken."""
        ...

    async def change(
        self, source: str, changed: Provisioned, *, seen: int | None = None
    ) -> Provisioned | None:
        """None when there is none of that id. Raises NameTaken, and StaleVersion unless it is the
        version that was seen."""
        ...

    async def remove(self, source: str, kind: str, id: str, *, seen: int | None = None) -> bool:
        """Whether it was there. Raises StaleVersion."""
        ...

    async def forget(self, source: str) -> None:
        """All that the source was pushed."""
        ...
