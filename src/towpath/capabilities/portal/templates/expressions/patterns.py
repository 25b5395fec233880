"""Regular expressions of templates: `r/[^a-z]+/gi`, on an engine that cannot be interrupted.

Python's matcher goes back over its steps and holds the interpreter while it does, so a pattern
must be known to end soon before it runs: no repetition inside a repetition, no back reference, and
a text whose length to the power of (unbounded repetitions + 1) stays below a limit.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from towpath.capabilities.portal.templates.expressions.limits import ExpressionError

WORK_MAX = 50_000_000
REPEATS_FEW = 16
"""A repetition of at most this many is not counted as unbounded."""

FLAGS = {"g": 0, "i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "y": 0, "u": 0}
_REPEATS = {constants.MAX_REPEAT, constants.MIN_REPEAT}
_NAMED_GROUP = re.compile(r"\(\?<(?=[A-Za-z_])")
_REFERENCE = re.compile(r"\$(\$|&|\d{1,2}|<\w+>)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression literal."""

    source: str
    flags: str
    compiled: re.Pattern[str]
    unbounded: int
    """How many repetitions without a bound follow each other in it."""

    def __str__(self) -> str:
        return f"/{self.source}/{self.flags}"

    def replace(self, text: str, replacement: str) -> str:
        """`text.replace(pattern, replacement)`: the first match, or all with the flag g."""
        self._check(text)
        count = 0 if "g" in self.flags else 1
        return self.compiled.sub(lambda match: _expanded(match, replacement), text, count=count)

    def _check(self, text: str) -> None:
        if self.unbounded and (len(text) + 1) ** (self.unbounded + 1) > WORK_MAX:
            raise ExpressionError(
                f"the text of {len(text)} characters is too long for the pattern {self}"
            )


def compile_pattern(source: str, flags: str) -> Pattern:
    """Raises ExpressionError: the pattern cannot be read, or might not end in time."""
    unknown = set(flags) - set(FLAGS)
    if unknown:
        raise ExpressionError(f"the pattern /{source}/{flags} has the unknown flag {min(unknown)}")
    text = _NAMED_GROUP.sub("(?P<", source).replace(r"\/", "/").replace("(?P<=", "(?<=")
    bits = re.ASCII
    for flag in flags:
        bits |= FLAGS[flag]
    try:
        tree = parser.parse(text, bits)
        unbounded = sum(_unbounded(tree, source, inside=False))
        return Pattern(source, flags, re.compile(text, bits), unbounded)
    except (re.error, OverflowError, RecursionError) as error:
        raise ExpressionError(f"the pattern /{source}/ cannot be read: {error}") from error


def _unbounded(tree: Any, source: str, *, inside: bool) -> Iterator[int]:
    """1 for each unbounded repetition; raises where work could grow with no end."""
    for operation, argument in tree:
        if operation in (constants.GROUPREF, constants.GROUPREF_EXISTS):
            raise ExpressionError(f"the pattern /{source}/ refers back to a group: not supported")
        if operation in _REPEATS:
            _, most, body = argument
            many = most is constants.MAXREPEAT or most > REPEATS_FEW
            if many and inside:
                raise ExpressionError(
                    f"the pattern /{source}/ repeats a repetition, which may take for ever"
                )
            if many:
                yield 1
            yield from _unbounded(body, source, inside=inside or most != 1)
        elif operation is constants.BRANCH:
            if inside:
                raise ExpressionError(
                    f"the pattern /{source}/ repeats a choice, which may take for ever"
                )
            for branch in argument[1]:
                yield from _unbounded(branch, source, inside=inside)
        elif operation is constants.SUBPATTERN:
            yield from _unbounded(argument[3], source, inside=inside)
        elif operation in (constants.ASSERT, constants.ASSERT_NOT):
            yield from _unbounded(argument[1], source, inside=inside)


def _expanded(match: re.Match[str], replacement: str) -> str:
    """`$1`, `$&` and `$$` in a replacement, as JavaScript has them."""

    def value(reference: re.Match[str]) -> str:
        what = reference.group(1)
        if what == "$":
            return "$"
        if what == "&":
            return match.group(0)
        try:
            group = match.group(what[1:-1] if what.startswith("<") else int(what))
        except (IndexError, re.error):
            return reference.group(0)
        return group or ""

    return _REFERENCE.sub(value, replacement)
