"""A template's steps without anything being made: in a folder of its own that goes afterwards.

Actions that support a dry run are run; of the others their rendered inputs are enough, and what
they would give is an example by their schema, unless somebody says what it is. One way for the
form's preview, the workbench, `towpath template test` and Backstage's dry run.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.descriptor import Descriptor, TemplateStep
from towpath.capabilities.portal.templates.execution import (
    NO_SECRETS,
    Secrets,
    StepExecution,
    render_outputs,
)
from towpath.capabilities.portal.templates.expressions import UNDEFINED, render_input
from towpath.capabilities.portal.templates.expressions.engine import indented
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.engines.git.port import File
from towpath.hooks.templates import TemplateAction
from towpath.machinery.objects import RawObject

Given = Mapping[str, Any]


class StepFailed(Exception):
    """A step cannot be done with these values; `str()` says which, and why."""


class UnknownAction(StepFailed):
    """A step's action is not here."""


@dataclass(slots=True)
class _Said:
    """A log that is only looked at: each message as it was said, whatever lines it has."""

    messages: list[str]
    secrets: Secrets

    def __call__(self, text: str) -> None:
        self.messages.append(self.secrets.hide(text))

    def end(self) -> None:
        """Nobody follows it."""


@dataclass(slots=True)
class Rehearsal:
    place: Path
    actions: Mapping[str, TemplateAction]
    run: RawObject
    secrets: Secrets = NO_SECRETS
    knows_all: bool = False
    """An action that is not among `actions` does not exist: else it is only not done here."""
    said: list[str] = field(default_factory=list)
    """By the steps so far."""

    @property
    def workspace(self) -> Path:
        return self.place / "workspace"

    def execution(self, step: TemplateStep, given: Given) -> StepExecution:
        action = self.actions.get(step.action) or _unknown(step.action)
        log = _Said(self.said, self.secrets)
        return StepExecution(step, action, self.run, given, self.place, log, self.secrets)

    async def perform(self, step: TemplateStep, given: Given) -> dict[str, Any]:
        """The step's outputs. Raises what its action raises."""
        action = self.actions.get(step.action)
        if action is None or not action.supports_dry_run:
            return _example_of(action)
        return await self.execution(step, given).perform()

    async def add(self, files: Mapping[str, File]) -> None:
        """To the workspace, as a step would."""
        scratch = self.place / "scratch"
        await asyncio.to_thread(lambda: folders.write_files(self.workspace, files, scratch=scratch))

    async def files(self) -> dict[str, File]:
        return await asyncio.to_thread(folders.read_files, self.workspace)


@asynccontextmanager
async def rehearsal(
    template: Mapping[str, File],
    actions: Mapping[str, TemplateAction],
    *,
    project: str,
    user: str,
    secrets: Secrets = NO_SECRETS,
    template_name: str = "",
    knows_all: bool = False,
) -> AsyncIterator[Rehearsal]:
    """`template` is the folder of the template; its name is what descriptors are marked with."""
    spec: RawObject = {"requestedBy": user}
    if template_name:
        spec["template"] = {"name": template_name}
    run = TEMPLATE_RUN.object("preview", project, spec=spec)
    run["metadata"]["uid"] = ""
    with tempfile.TemporaryDirectory(prefix="towpath-preview-") as name:
        place = Path(name)
        (place / "workspace").mkdir()
        await asyncio.to_thread(
            lambda: folders.write_files(place / "template", template, scratch=place / "scratch")
        )
        yield Rehearsal(place, actions, run, secrets, knows_all)


@dataclass(slots=True)
class DryRun:
    log: list[RawObject]
    files: dict[str, File]
    output: dict[str, Any]
    problem: str = ""
    failure: Exception | None = None
    """Of the step that could not be done."""


async def dry_run(stage: Rehearsal, descriptor: Descriptor, given: dict[str, Any]) -> DryRun:
    """All steps in order, until one cannot be done. `given` is what expressions see."""
    # Backstage appends a step that reads the workspace, and counts it.
    count = len(descriptor.steps) + 1
    told: list[RawObject] = [{"message": f"Starting up task with {count} steps"}]
    outputs: dict[str, Any] = {}
    problem = ""
    failure: Exception | None = None
    for step in descriptor.steps:
        known = {**given, "steps": outputs}
        told.append(_event(step, "processing", f"Beginning step {step.name}"))
        try:
            if not await stage.execution(step, known).does_run():
                text = f"Skipping step {step.id} because its if condition was false"
                told.append(_event(step, "skipped", text))
                continue
            told += await _rehearsed(stage, step, known, outputs)
        except Exception as error:  # noqa: BLE001 - whatever speaks against it is told
            failure, text = error, stage.secrets.hide(str(error) or type(error).__name__)
            problem = f"{step.name}: {text}"
            told.append(_event(step, "failed", problem))
            break
    output: dict[str, Any] = {}
    if failure is None:
        known = {**given, "steps": outputs}
        output = await asyncio.to_thread(render_outputs, descriptor.output, known)
    return DryRun(told, await stage.files(), output, problem, failure)


async def _rehearsed(
    stage: Rehearsal, step: TemplateStep, known: Given, outputs: dict[str, Any]
) -> list[RawObject]:
    shown = {**known, "secrets": stage.secrets.shown}
    rendered = await asyncio.to_thread(render_input, dict(step.input), shown)
    asked = await asyncio.to_thread(indented, {} if rendered is UNDEFINED else rendered)
    text = f"Running {step.action} in dry-run mode with inputs (secrets redacted): {asked}"
    told = [{"stepId": step.id, "message": text}]
    before = len(stage.said)
    action = stage.actions.get(step.action)
    if action is None and stage.knows_all:
        known_actions = ", ".join(sorted(stage.actions))
        raise UnknownAction(
            f"Template action with ID '{step.action}' is not registered. It can be one of "
            f"{known_actions}"
        )
    outputs[step.id] = {"output": await stage.perform(step, known)}
    told += [{"stepId": step.id, "message": said} for said in stage.said[before:]]
    if action is None or not action.supports_dry_run:
        text = f"Skipping because {step.action} does not support dry-run"
        return [*told, _event(step, "skipped", text)]
    return [*told, _event(step, "completed", f"Finished step {step.name}")]


def _event(step: TemplateStep, status: str, message: str) -> RawObject:
    return {"stepId": step.id, "status": status, "message": message}


def _unknown(name: str) -> TemplateAction:
    async def run(_: Any) -> dict[str, Any]:
        return {}

    return TemplateAction(name, "not here", {"type": "object"}, run)


def _example_of(action: TemplateAction | None) -> dict[str, Any]:
    if action is None or action.output_schema is None:
        return {}
    example: dict[str, Any] = _example(action.output_schema)
    return example


def _example(schema: RawObject) -> Any:
    """A value of the schema, as Backstage makes one up."""
    if schema.get("examples"):
        return schema["examples"][0]
    match schema.get("type"):
        case "object":
            return {key: _example(one) for key, one in (schema.get("properties") or {}).items()}
        case "array":
            items = schema.get("items")
            return [_example(items)] if isinstance(items, dict) else []
        case "string":
            return "<example>"
        case "number":
            return 0
        case "boolean":
            return False
        case _:
            return "<unknown>"
