"""How much a template may use: steps, seconds and sizes. One Meter counts for one rendering."""

import time
from dataclasses import dataclass

CLOCK_EVERY = 256
"""Steps between two looks at the clock."""


class ExpressionError(Exception):
    """The template is wrong or asks for too much; `str()` is one sentence for its author."""


@dataclass(frozen=True, slots=True)
class Limits:
    steps_max: int = 1_000_000
    seconds_max: float = 5.0
    text_length_max: int = 4_000_000
    items_max: int = 100_000
    depth_max: int = 60


class Meter:
    """Counts what one rendering uses; an ExpressionError stops it when that is too much."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._steps = 0
        self._depth = 0
        self._ends_s = time.monotonic() + limits.seconds_max

    def step(self) -> None:
        self._steps += 1
        if self._steps > self.limits.steps_max:
            raise ExpressionError(
                f"the template takes more than {self.limits.steps_max} steps; does it loop too far?"
            )
        if self._steps % CLOCK_EVERY == 0 and time.monotonic() > self._ends_s:
            raise ExpressionError(f"the template runs longer than {self.limits.seconds_max:g} s")

    def enter(self) -> None:
        self._depth += 1
        if self._depth > self.limits.depth_max:
            raise ExpressionError("a macro of the template calls itself too deeply")

    def leave(self) -> None:
        self._depth -= 1

    def text(self, length: int) -> None:
        """Call before a text of this length is made."""
        if length > self.limits.text_length_max:
            raise ExpressionError(
                f"the template makes a text of more than {self.limits.text_length_max} characters"
            )

    def items(self, count: int) -> None:
        """Call before a list of this length is made."""
        if count > self.limits.items_max:
            raise ExpressionError(
                f"the template makes a list of more than {self.limits.items_max} items"
            )

    def weigh(self, value: object) -> None:
        """Call with each list or object that is made, so that none holds more text than may be.

        Two names for one list make it count twice: that is how it would print.
        """
        size = 0
        pending = [value]
        while pending:
            self.step()
            part = pending.pop()
            size += len(part) if isinstance(part, str) else 8
            self.text(size)
            if isinstance(part, list):
                pending.extend(part)
            elif isinstance(part, dict):
                pending.extend(part.values())
