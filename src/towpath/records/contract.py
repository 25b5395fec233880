"""What the platform asks of its records. Implementations: SQLite, PostgreSQL.

Every read that a person can reach takes the Viewer, and the viewer's projects go into the SQL.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from towpath.machinery.users import UserInfo


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is looking, and which projects they may see; `projects` None means all."""

    user: UserInfo
    projects: frozenset[str] | None

    def may_see(self, project: str) -> bool:
        return self.projects is None or project in self.projects


@dataclass(frozen=True, slots=True)
class LogLine:
    number: int
    """1, 2, 3... within its stream: the address of the line."""
    time_s: float
    text: str


class LogBook(Protocol):
    """Logs of runs, one stream per step: `templaterun/<project>/<name>/<step>` and so on.

    The second part of a stream's name is the project it belongs to.
    """

    def append(self, stream: str, lines: Sequence[str]) -> None:
        """Add lines at the end; returns at once, stored in the next group commit."""
        ...

    def end(self, stream: str) -> None:
        """Nothing more will come: followers finish."""
        ...

    async def read(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[LogLine]: ...

    def follow(self, stream: str, *, after: int = 0) -> AsyncGenerator[LogLine, None]:
        """Lines after number `after`, then new ones as they come, until the stream has ended."""
        ...

    async def streams(self, prefix: str) -> list[str]:
        """The names of the streams that begin with `prefix`, in the order they began."""
        ...
