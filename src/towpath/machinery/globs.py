"""File patterns: `*` within a folder, `**` across folders, `?`, `{a,b}`.

A pattern starts at the root of what it is about, so `*.hbs` is about the top level only; a pattern
without any of these that names a folder covers all that is in it, and `.` covers everything.
"""

import re
from collections.abc import Iterable
from functools import lru_cache


class Globs:
    """Some patterns together."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._matchers = [_matcher(pattern.removeprefix("./").rstrip("/")) for pattern in patterns]

    def match(self, path: str) -> bool:
        return any(matcher.fullmatch(path) for matcher in self._matchers)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> re.Pattern[str]:
    if pattern == ".":
        return re.compile(r".*", re.DOTALL)
    below = "" if any(character in pattern for character in "*?{") else "(/.*)?"
    return re.compile(_translated(pattern) + below, re.DOTALL)


def _translated(pattern: str) -> str:
    parts: list[str] = []
    index = 0
    while index < len(pattern):
        character = pattern[index]
        if pattern.startswith("**/", index):
            parts.append("(?:[^/]+/)*")
            index += 3
            continue
        if pattern.startswith("**", index):
            parts.append(".*")
            index += 2
            continue
        closing = pattern.find("}", index) if character == "{" else -1
        if closing > 0:
            choices = pattern[index + 1 : closing].split(",")
            parts.append("(?:" + "|".join(map(_translated, choices)) + ")")
            index = closing + 1
            continue
        parts.append({"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character)))
        index += 1
    return "".join(parts)
