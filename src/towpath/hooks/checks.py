"""Checks of a service, as a scorecard asks them: one question, answered yes, no or unknown.

A check reads with the visitor's rights and changes nothing. What it finds is one sentence that
says what is so, and for a "no" what to do about it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from towpath.hooks.tabs import Service

if TYPE_CHECKING:
    from towpath.hooks.pages import Visit


class Outcome(StrEnum):
    PASSED = "Passed"
    FAILED = "Failed"
    UNKNOWN = "Unknown"
    """It could not be found out, or does not apply."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found; made by `passed`, `failed` and `unknown`."""

    outcome: Outcome
    sentence: str
    fix: str = ""
    """What to do about it, in a sentence."""
    href: str = ""
    """Where to do it, or to read more."""


@dataclass(frozen=True, slots=True)
class ServiceCheck:
    id: str
    title: str
    """As a statement that holds when it passes: `Has an owner`."""
    why: str
    """Why one wants that, in a sentence."""
    run: Callable[["Visit", Service], Awaitable[Verdict]]
    plugin: str = ""
    """Which plug-in brings it; "" for a built-in one."""
