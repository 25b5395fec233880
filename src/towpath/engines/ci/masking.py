"""Secrets become `***` in everything that is kept: logs, messages, outputs."""

import re
from collections.abc import Iterable

MASK = "***"
SHORTEST = 3
"""Shorter values would mask half of every line and hide nothing."""


class Mask:
    """The values to hide; `add` takes more while a job runs."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for value in values:
            self.add(value)

    def add(self, value: str) -> None:
        """A value of several lines is hidden line by line too, as that is how logs show it."""
        for part in {value.strip(), *(line.strip() for line in value.splitlines())}:
            if len(part) >= SHORTEST:
                self._values.add(part)
        # The longest first, else a value inside another would leave the rest of it readable.
        ordered = sorted(self._values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def hide(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def hides(self, text: str) -> bool:
        return self._pattern is not None and self._pattern.search(text) is not None
