"""The log of one step: masked lines into the log book."""

from collections.abc import Iterable

from towpath.engines.ci.masking import Mask
from towpath.records.contract import LogBook

CHARACTERS_MAX = 64 * 1024 * 1024
"""Of a program's output; what it prints beyond is not kept."""


class StepLog:
    def __init__(self, book: LogBook, stream: str, mask: Mask) -> None:
        self._book = book
        self._stream = stream
        self._mask = mask
        self._room = CHARACTERS_MAX

    def say(self, *lines: str) -> None:
        """Lines of our own."""
        self._book.append(
            self._stream, [self._mask.hide(part) for line in lines for part in line.splitlines()]
        )

    def show(self, masked: Iterable[str]) -> None:
        """Lines of the program's, masked already."""
        if self._room <= 0:
            return
        lines = list(masked)
        self._room -= sum(map(len, lines))
        if self._room <= 0:
            lines.append(f"##[warning]More than {CHARACTERS_MAX} characters; the rest is not kept")
        self._book.append(self._stream, lines)

    async def settled(self) -> None:
        await self._book.settled()

    def end(self) -> None:
        self._book.end(self._stream)
