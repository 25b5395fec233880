"""How well a text fits what was looked for, and which piece of it says so. Pure."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from towpath.records.search import MARK_BEGINS, MARK_ENDS

SNIPPET_CHARACTERS = 180
BEFORE_CHARACTERS = 60
WHOLE, BEGUN = 1.0, 0.6
IN_TITLE, IN_PAGE = 12.0, 4.0
TIMES_MAX = 5
"""How often a word counts in a text, however often it is there."""
LONG_CHARACTERS = 500

_REST = re.compile(r"\w*")


@dataclass(frozen=True, slots=True)
class LookedFor:
    """The words, as one pattern: to make one takes longer than to look through many texts."""

    pattern: re.Pattern[str]
    count: int

    @classmethod
    def of(cls, words: Sequence[Sequence[str]]) -> "LookedFor":
        """For each word, what it may be."""
        # The longest first: of two words that begin alike, the shorter would hide the other.
        ordered = sorted(words, key=lambda word: -max(map(len, word)))
        choices = ("|".join(re.escape(one) for one in word) for word in ordered)
        return cls(
            re.compile(rf"\b(?:{'|'.join(f'({one})' for one in choices)})", re.IGNORECASE),
            len(words),
        )

    def score(self, title: str, page: str, text: str) -> float:
        """More is better. A word in the title weighs most; a short text weighs more than a long."""
        told = self._weight(text, TIMES_MAX) / math.log2(2 + len(text) / LONG_CHARACTERS)
        return told + IN_TITLE * self._weight(title, 1) + IN_PAGE * self._weight(page, 1)

    def _weight(self, text: str, times_max: int) -> float:
        weight, times = 0.0, [0] * (self.count + 1)
        for found in self.pattern.finditer(text):
            which = found.lastindex or 0
            times[which] += 1
            if times[which] <= times_max:
                end = found.end()
                weight += BEGUN if text[end : end + 1].isalnum() else WHOLE
        return weight

    def marked(self, text: str) -> str:
        parts: list[str] = []
        at = 0
        for found in self.pattern.finditer(text):
            rest = _REST.match(text, found.end())
            end = rest.end() if rest else found.end()
            parts += [text[at : found.start()], MARK_BEGINS, text[found.start() : end], MARK_ENDS]
            at = end
        return "".join((*parts, text[at:]))

    def snippet(self, text: str) -> str:
        """The piece around the first word that fits."""
        found = self.pattern.search(text)
        begins = max(0, found.start() - BEFORE_CHARACTERS) if found else 0
        if begins:
            begins = text.find(" ", begins, found.start() if found else None) + 1 or begins
        ends = begins + SNIPPET_CHARACTERS
        if ends < len(text):
            ends = max(text.rfind(" ", begins, ends), found.end() if found else 0, begins + 1)
        piece = self.marked(text[begins:ends])
        return f"{'…' if begins else ''}{piece}{'…' if ends < len(text) else ''}"
