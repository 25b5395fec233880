"""Ranges of sizes and costs, which never overflow."""

import math
from typing import NamedTuple

from msgspec import Struct

from towpath.machinery.cel import syntax
from towpath.machinery.cel.types import Type

UNBOUNDED = (1 << 64) - 1
Path = tuple[str, ...]


class Range(NamedTuple):
    """Of sizes or of costs."""

    low: int
    high: int

    def plus(self, other: "Range") -> "Range":
        return Range(min(self.low + other.low, UNBOUNDED), min(self.high + other.high, UNBOUNDED))

    def times(self, other: "Range") -> "Range":
        return Range(min(self.low * other.low, UNBOUNDED), min(self.high * other.high, UNBOUNDED))

    def by(self, factor: float) -> "Range":
        return Range(_scaled(self.low, factor), _scaled(self.high, factor))

    def union(self, other: "Range") -> "Range":
        return Range(min(self.low, other.low), max(self.high, other.high))


def _scaled(value: int, factor: float) -> int:
    scaled = float(value) * factor
    return UNBOUNDED if scaled >= 2.0**64 else math.ceil(scaled)


def fixed(value: int) -> Range:
    return Range(value, value)


UNKNOWN = Range(0, UNBOUNDED)
ONE, ZERO = fixed(1), fixed(0)


class Operand(Struct, frozen=True):
    """A target or an argument of a call."""

    path: Path
    type: Type
    node: syntax.Node | None
    size: Range
    """As far as it is known; else UNKNOWN."""
    known: bool
    items: Range
    """The size of each item of a list."""


class CallEstimate(NamedTuple):
    cost: Range
    size: Range | None = None
