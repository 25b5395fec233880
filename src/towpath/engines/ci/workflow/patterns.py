"""The patterns of branch, tag and path filters.

`*` any characters but `/`, `**` any characters, `?` zero or one of the character before, `+` one or
more of it, `[...]` one of a set, `!` at the beginning takes matches of earlier patterns back, `\\`
takes the next character as it is.
"""

import re
from collections.abc import Sequence
from functools import lru_cache


class PatternError(Exception):
    """A pattern that means nothing; `str()` says why."""


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Raises PatternError."""
    if not pattern:
        raise PatternError("a pattern is empty")
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        part, position = _part(pattern, position, first=not parts)
        parts.append(part)
    return re.compile("".join(parts) + r"\Z", re.DOTALL)


def _part(pattern: str, position: int, *, first: bool) -> tuple[str, int]:
    """The regular expression of what begins at `position`, and where the next begins."""
    character = pattern[position]
    if pattern.startswith("**/", position) and (first or pattern[position - 1] == "/"):
        return "(?:.*/)?", position + 3
    if pattern.startswith("**", position):
        return ".*", position + 2
    match character:
        case "*":
            return "[^/]*", position + 1
        case "?" | "+":
            if first:
                raise PatternError(f"`{pattern}`: `{character}` follows the character it repeats")
            return character, position + 1
        case "[":
            end = pattern.find("]", position + 1)
            if end < 0:
                raise PatternError(f"`{pattern}`: `[` is not closed")
            return _set(pattern, pattern[position + 1 : end]), end + 1
        case "\\":
            if position + 1 == len(pattern):
                raise PatternError(f"`{pattern}` ends with `\\`")
            return re.escape(pattern[position + 1]), position + 2
        case _:
            return re.escape(character), position + 1


def _set(pattern: str, inside: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", inside):
        raise PatternError(f"`{pattern}`: a set holds letters, digits and ranges of them")
    try:
        re.compile(f"[{inside}]")
    except re.error as error:
        raise PatternError(f"`{pattern}`: [{inside}] is not a set: {error}") from error
    return f"[{inside}]"


def matches(patterns: Sequence[str], text: str) -> bool:
    """Whether the last pattern that says something about `text` says yes."""
    matched = False
    for pattern in patterns:
        negative = pattern.startswith("!")
        if compile_pattern(pattern.removeprefix("!")).match(text):
            matched = not negative
    return matched
