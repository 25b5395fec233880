"""What a workflow file says, after it has been checked. Values with expressions stay as written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath.engines.ci.expressions import Condition

Raw = Any
"""Plain data whose strings may hold expressions; computed when it is needed."""

JOB_TIMEOUT_MINUTES = 360


@dataclass(frozen=True, slots=True)
class Defaults:
    shell: str = ""
    working_directory: str = ""

    def over(self, outer: "Defaults") -> "Defaults":
        return Defaults(
            self.shell or outer.shell, self.working_directory or outer.working_directory
        )


@dataclass(frozen=True, slots=True)
class Action:
    """`actions/checkout@v5` as owner/name and version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Step:
    """`run` or `uses`, never both. `number` counts from 1 and is the address of its log."""

    number: int
    line: int
    id: str
    name: str
    condition: Condition
    run: str
    uses: Action | None
    inputs: Mapping[str, Raw]
    env: Raw
    shell: str
    working_directory: str
    continue_on_error: Raw
    timeout_minutes: Raw

    @property
    def hashes_files(self) -> bool:
        """Whether an expression of it may call hashFiles."""
        texts = (self.name, self.run, self.inputs, self.env, self.condition.text, self.shell)
        return "hashfiles" in repr(texts).lower()

    @property
    def title(self) -> str:
        """What it is called when it has no name, before expressions are computed."""
        if self.name:
            return self.name
        if self.uses is not None:
            return f"Run {self.uses}"
        lines = self.run.strip().splitlines()
        return f"Run {lines[0]}" if lines else "Run"


@dataclass(frozen=True, slots=True)
class Strategy:
    matrix: Raw
    fail_fast: Raw = True
    max_parallel: Raw = None


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    line: int
    name: str
    needs: tuple[str, ...]
    condition: Condition
    runs_on: Raw
    strategy: Strategy | None
    env: Raw
    defaults: Defaults
    outputs: Mapping[str, Raw]
    timeout_minutes: Raw
    continue_on_error: Raw
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """`branches` and its like: patterns that must match, or that must not. Both empty: anything."""

    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PushTrigger:
    """Of `push`, and of `pull_request`, which has no tags.

    With a filter for branches only, tags do not trigger, and the other way round.
    """

    branches: Filter | None = None
    tags: Filter | None = None
    paths: Filter | None = None
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DispatchInput:
    name: str
    type: str
    required: bool
    default: Raw
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DispatchTrigger:
    inputs: Mapping[str, DispatchInput] = field(default_factory=dict)


Trigger = PushTrigger | DispatchTrigger | None
"""None: an event that never happens on this host, such as `schedule`."""


@dataclass(frozen=True, slots=True)
class Concurrency:
    group: Raw
    cancel_in_progress: Raw = False


@dataclass(frozen=True, slots=True)
class Workflow:
    file: str
    name: str
    run_name: str
    triggers: Mapping[str, Trigger]
    env: Raw
    defaults: Defaults
    concurrency: Concurrency | None
    jobs: Mapping[str, Job]
    warnings: tuple[str, ...] = ()
    """What is in the file and has no effect here, one sentence each."""
