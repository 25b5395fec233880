"""What templates cannot compute: YAML with its words told apart, points of a small curve.

Pure, and text only: a template escapes every part.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_YAML = re.compile(
    r"(?P<indent>\s*(?:- )*)"
    r"(?:(?P<key>(?:\"[^\"]*\"|'[^']*'|[^\s#:'\"{\[&*!|>][^:#]*|[^\s#:]+?)):(?=\s|$)(?P<gap>\s*))?"
    r"(?P<value>.*)"
)
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_PLAIN = re.compile(r"(?:true|false|null|~|[-+]?\d[\d_.eE+-]*)$")

SPARK_WIDTH, SPARK_HEIGHT = 120, 28
_MARGIN = 2.0


def yaml_lines(text: str) -> Iterator[list[tuple[str, str]]]:
    """Each line as parts: (`key`, `text`, `plain`, `comment` or "", what it says)."""
    block_indent = -1
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if block_indent >= 0 and (indent > block_indent or not line.strip()):
            yield [("text", line)]
            continue
        block_indent = -1
        parts = list(_yaml_parts(line))
        if re.search(r"[|>][+-]?\d?$", line) and any(kind == "key" for kind, _ in parts):
            block_indent = indent
        yield parts


def _yaml_parts(line: str) -> Iterator[tuple[str, str]]:
    if line.lstrip().startswith("#"):
        yield "comment", line
        return
    found = _YAML.fullmatch(line)
    if found is None:
        yield "", line
        return
    if found["indent"]:
        yield "", found["indent"]
    if found["key"]:
        yield "key", found["key"]
        yield "", ":" + found["gap"]
    value = found["value"]
    comment = _COMMENT.search(value) if not value.startswith(('"', "'")) else None
    said = value[: comment.start()] if comment else value
    if said:
        yield "plain" if _PLAIN.match(said) else "text", said
    if comment:
        yield "comment", value[comment.start() :]


@dataclass(frozen=True, slots=True)
class Spark:
    """A small curve: the points of its line and of the ground below it, and where it ends."""

    line: str
    ground: str
    end: tuple[float, float]
    width: int = SPARK_WIDTH
    height: int = SPARK_HEIGHT


def spark(values: Sequence[float]) -> Spark | None:
    """None where there is no curve: fewer than two values."""
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = (SPARK_WIDTH - 2 * _MARGIN) / (len(values) - 1)
    room = SPARK_HEIGHT - 2 * _MARGIN
    points = [
        (round(_MARGIN + at * step, 1), round(_MARGIN + room * (1 - (value - low) / span), 1))
        for at, value in enumerate(values)
    ]
    line = " ".join(f"{x},{y}" for x, y in points)
    ground = f"{points[0][0]},{SPARK_HEIGHT} {line} {points[-1][0]},{SPARK_HEIGHT}"
    return Spark(line, ground, points[-1])
