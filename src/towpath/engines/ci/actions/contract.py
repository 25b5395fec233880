"""What an action is given and how it fails."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from towpath.engines.ci.jobwork import JobWork
from towpath.engines.ci.programs import Ended
from towpath.engines.ci.steplog import StepLog


class ActionFailed(Exception):
    """The step fails; `str()` is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class ActionCall:
    work: JobWork
    inputs: Mapping[str, str]
    """Computed; names in lower case, values as text."""
    log: StepLog
    run_script: Callable[[str, Mapping[str, str]], Awaitable[Ended]]
    """Run a shell script in the workspace, with these variables beside the step's own."""
    outputs: dict[str, str] = field(default_factory=dict)

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean input. Raises ActionFailed."""
        text = self.inputs.get(name, "").strip().lower()
        if text in ("true", "false"):
            return text == "true"
        if text == "":
            return default
        raise ActionFailed(f"the input `{name}` is true or false, not `{text}`")


@dataclass(frozen=True, slots=True)
class ActionDefinition:
    inputs: frozenset[str]
    run: Callable[[ActionCall], Awaitable[None]]
