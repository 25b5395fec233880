"""The log of one step: masked lines into the log book."""

from collections.abc import Iterable

from towpath.engines.ci.masking import Mask
from towpath.records.contract import LogBook


class StepLog:
    def __init__(self, book: LogBook, stream: str, mask: Mask) -> None:
        self._book = book
        self._stream = stream
        self._mask = mask

    def say(self, *lines: str) -> None:
        """Lines of our own."""
        self._book.append(
            self._stream, [self._mask.hide(part) for line in lines for part in line.splitlines()]
        )

    def show(self, masked: Iterable[str]) -> None:
        """Lines of the program's, masked already."""
        self._book.append(self._stream, list(masked))

    async def settled(self) -> None:
        await self._book.settled()

    def end(self) -> None:
        self._book.end(self._stream)
