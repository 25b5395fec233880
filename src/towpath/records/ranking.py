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


@dataclass(frozen=True, slots=True)
class LookedFor:
    """The words, as one pattern each."""

    patterns: tuple[re.Pattern[str], ...]
    whole: re.Pattern[str]

    @classmethod
    def of(cls, words: Sequence[Sequence[str]]) -> "LookedFor":
        """For each word, what it may be."""
        choices = ["|".join(re.escape(one) for one in word) for word in words]
        patterns = tuple(re.compile(rf"\b(?:{one})(\w*)", re.IGNORECASE) for one in choices)
        whole = re.compile(rf"\b(?:{'|'.join(choices)})\w*", re.IGNORECASE)
        return cls(patterns, whole)

    def score(self, title: str, page: str, text: str) -> float:
        """More is better. A word in the title weighs most; a short text weighs more than a long."""
        told = 0.0
        for pattern in self.patterns:
            told += IN_TITLE * _weight(pattern, title, 1) + IN_PAGE * _weight(pattern, page, 1)
            told += _weight(pattern, text, TIMES_MAX) / math.log2(2 + len(text) / LONG_CHARACTERS)
        return told

    def marked(self, text: str) -> str:
        return self.whole.sub(lambda found: f"{MARK_BEGINS}{found[0]}{MARK_ENDS}", text)

    def snippet(self, text: str) -> str:
        """The piece around the first word that fits."""
        found = self.whole.search(text)
        begins = max(0, found.start() - BEFORE_CHARACTERS) if found else 0
        if begins:
            begins = text.find(" ", begins, found.start() if found else None) + 1 or begins
        ends = begins + SNIPPET_CHARACTERS
        if ends < len(text):
            ends = max(text.rfind(" ", begins, ends), found.end() if found else 0, begins + 1)
        piece = self.marked(text[begins:ends])
        return f"{'…' if begins else ''}{piece}{'…' if ends < len(text) else ''}"


def _weight(pattern: re.Pattern[str], text: str, times_max: int) -> float:
    weight = 0.0
    for times, found in enumerate(pattern.finditer(text)):
        if times == times_max:
            break
        weight += BEGUN if found[1] else WHOLE
    return weight
