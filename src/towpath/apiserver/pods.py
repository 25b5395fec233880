"""Who runs the pods of an API: what its server asks for a pod's logs, and to execute in it.

The local cluster implements it. A refusal is a StatusError before the first byte.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo


class PodLogOptions(Struct, frozen=True):
    """The query of `pods/<name>/log`; None and "" mean that the client did not say."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    since_s: int | None = None
    since_time: str = ""
    limit_bytes: int | None = None


class ExecOptions(Struct, frozen=True):
    """The query of `pods/<name>/exec` and `attach`; `command` is empty for attach."""

    container: str = ""
    command: tuple[str, ...] = ()
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


class Execution(Protocol):
    """A program that somebody talks with. `end` it, whatever happens."""

    def output(self) -> AsyncIterator[tuple[bool, bytes]]:
        """What it says, until it and its children have closed their output.

        True: it is an error output. A terminal has only one output.
        """
        ...

    async def write(self, data: bytes) -> None:
        """To its standard input, at its pace. What nobody reads any more is dropped."""
        ...

    def close_input(self) -> None: ...

    def resize(self, columns: int, rows: int) -> None:
        """Of its terminal, if it has one."""
        ...

    async def wait(self) -> int:
        """Its exit code; 128 + signal number when killed by a signal."""
        ...

    def end(self) -> None:
        """Kill it, if it runs, and close everything."""
        ...


Connected = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Pods(Protocol):
    async def logs(self, pod: RawObject, options: PodLogOptions) -> AsyncIterator[bytes]:
        """Whole lines, while they come when `follow` is set."""
        ...

    async def put_on_record(
        self, user: UserInfo, pod: RawObject, subresource: str, detail: RawObject
    ) -> None:
        """That `user` will now execute in it or connect to it; durable when it returns."""
        ...

    async def execute(self, pod: RawObject, options: ExecOptions) -> Execution:
        """Start a command in a container of the pod."""
        ...

    async def attach(self, pod: RawObject, options: ExecOptions) -> Execution:
        """To the program of a container that runs; its `end` only leaves it."""
        ...

    async def connect(self, pod: RawObject, port: str) -> Connected:
        """To a port of the pod's own address."""
        ...
