"""Commands of the terminal: functions that are given a Terminal and their typed arguments.

The function's signature is the command line: positional parameters are arguments, keyword-only
ones are options, `bool` ones are flags; the docstring is the help, with a numpy-style `Parameters`
section for each argument. Keep imports inside the function: start-up time is everybody's.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from towpath.client.protocols import Client

FAILED, USAGE, NO_PLATFORM, NOT_FOUND, CONFLICT, TIMED_OUT = range(1, 7)
"""Exit codes that scripts can trust."""


class CommandError(Exception):
    """Ends the command with one clear sentence on standard error and this exit code."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code


class Terminal(Protocol):
    """What a command talks to: the API as the person who types, and their screen."""

    @property
    def api(self) -> Client: ...

    def cluster(self, name: str) -> Client: ...

    async def user(self) -> str:
        """Who the API says we are."""
        ...

    async def portal(self) -> str:
        """The portal's address, without a slash at the end."""
        ...

    @property
    def token(self) -> str:
        """What identifies the person who types, for programs that are signed in for them: git."""
        ...

    async def post(self, path: str, content: Mapping[str, str]) -> Any:
        """POST to a path of the portal, decoded."""
        ...

    async def read(self, path: str, **parameters: str) -> Any:
        """GET /api/v1/<path> of the read API, decoded."""
        ...

    def follow(self, path: str, **parameters: str) -> AsyncIterator[Any]:
        """The same, as a stream of JSON lines that goes on."""
        ...

    def show(
        self,
        data: Any,
        rows: Sequence[Mapping[str, str]] | None = None,
        *,
        words: Sequence[str] = (),
    ) -> None:
        """The result, on standard output: `data` for -o json|yaml, `rows` for a table, and below
        the table the sentences that belong to the answer."""
        ...

    def say(self, text: str) -> None:
        """Progress and hints, on standard error."""
        ...

    def confirm(self, question: str) -> bool:
        """Ask; False when nobody is there to answer."""
        ...

    def ask(self, question: str, default: str = "") -> str | None:
        """The answer, or the default for an empty one; None when nobody is there to answer."""
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """`words` is how it is called: ("promote",) or ("image", "build")."""

    words: tuple[str, ...]
    run: Callable[..., Awaitable[None]]
    """`async def run(terminal: Terminal, ...)`"""
    local: bool = False
    """Needs no platform: then the terminal is None."""
