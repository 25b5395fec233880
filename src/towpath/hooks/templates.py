"""Actions that a software template's steps can use: what they are given and what they must undo."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from towpath.machinery.objects import RawObject


@dataclass(frozen=True, slots=True)
class ActionContext:
    """One execution of one step; it may be the second, after a crash in the middle of the first."""

    project: str
    run: RawObject
    """The TemplateRun; its uid owns what the step makes."""
    step: str
    input: dict[str, Any]
    """The step's input with every expression rendered and checked against the action's schema."""
    workspace: Path
    template: Path
    """The folder of the template, for relative `url: ./skeleton`."""
    log: Callable[[str], None]
    user: str
    """Who asked for the run."""
    template_ref: str = ""
    """`template:<namespace>/<name>`, "" for one that is only tried."""


NOTHING_OUTSIDE = "It makes nothing outside of the workspace."
"""What `TemplateAction.stays` says of an action without anything to undo."""


@dataclass(frozen=True, slots=True)
class TemplateAction:
    """`run` is idempotent per run uid and step; `undo` takes back all or part of what it made."""

    id: str
    description: str
    input_schema: RawObject
    run: Callable[[ActionContext], Awaitable[dict[str, Any]]]
    """Returns the step's outputs."""
    undo: Callable[[ActionContext], Awaitable[None]] | None = None
    check: Callable[[ActionContext], Awaitable[None]] | None = None
    """Raises what would stop `run`, such as a name that is taken, before anything is made.

    What comes from other steps is missing in the input then, and input_schema has not been asked.
    """
    supports_dry_run: bool = False
    """It may run when nothing must be made: it touches the workspace only, or only reads."""
    stays: str = ""
    """Without an `undo`: why nothing is taken back, one sentence for people."""
    output_schema: RawObject | None = None
