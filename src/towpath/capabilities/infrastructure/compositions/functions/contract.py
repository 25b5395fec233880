"""What a composition function is told and what it answers.

The same shape as Crossplane's RunFunctionRequest and RunFunctionResponse (proto/fn/v1): a function
copies the desired state that it received and adds to it; what it leaves out is deleted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from towpath.machinery.objects import RawObject


class FunctionError(Exception):
    """A fatal result: the pipeline stops and nothing is applied. `str()` is for the user."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A composed resource as it is, with its connection details (bytes by key)."""

    resource: RawObject
    connection: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Desired:
    """A composed resource as it shall be: a partial object. `ready` None is "not known"."""

    resource: RawObject
    ready: bool | None = None


@dataclass(slots=True)
class State:
    """What the pipeline has made so far; handed from function to function."""

    composite_status: RawObject = field(default_factory=dict)
    resources: dict[str, Desired] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Request:
    composite: RawObject
    observed: dict[str, Observed]
    input: RawObject


Function = Callable[[Request, State], State]
"""Raises FunctionError. May change and return the state that it was given."""
