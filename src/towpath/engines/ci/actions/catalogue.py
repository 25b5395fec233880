"""The list of actions, and the check that a workflow names no other."""

from collections.abc import Mapping

from towpath.engines.ci.actions.checkout import CHECKOUT
from towpath.engines.ci.actions.contract import ActionDefinition
from towpath.engines.ci.actions.setup import SETUP_PYTHON, SETUP_UV
from towpath.engines.ci.workflow import Problem, Step, Workflow, WorkflowInvalid

ACTIONS: Mapping[str, ActionDefinition] = {
    "actions/checkout": CHECKOUT,
    "actions/setup-python": SETUP_PYTHON,
    "astral-sh/setup-uv": SETUP_UV,
}

_INSTEAD = {
    "actions/cache": "uv's cache and Python environments are kept from run to run here; remove it",
    "actions/upload-artifact": "artifacts are not implemented on this runner; remove it",
    "actions/download-artifact": "artifacts are not implemented on this runner; remove it",
    "docker/build-push-action": "use `run: towpath image build . --push`",
    "docker/setup-buildx-action": "use `run: towpath image build . --push`, which needs no daemon",
    "docker/login-action": "steps are signed in to the platform's registry; remove it",
}


def check_actions(workflow: Workflow) -> None:
    """Raises WorkflowInvalid when a step uses an action that is not to be had here."""
    problems = [
        Problem(step.line, f"jobs.{job.id}.steps[{step.number - 1}].uses", _refusal(step))
        for job in workflow.jobs.values()
        for step in job.steps
        if step.uses is not None and step.uses.name not in ACTIONS
    ]
    if problems:
        raise WorkflowInvalid(workflow.file, problems)


def _refusal(step: Step) -> str:
    assert step.uses is not None
    named = f" (step {step.number}, `{step.name}`)" if step.name else f" (step {step.number})"
    instead = _INSTEAD.get(step.uses.name) or "call the tool itself with `run:`"
    return (
        f"the action `{step.uses}`{named} is not available on this runner, which has "
        f"{', '.join(ACTIONS)}; {instead}"
    )
