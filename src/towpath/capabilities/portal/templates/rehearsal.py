"""A template's steps without anything being made: in a folder of its own that goes afterwards.

Actions that support a dry run are run; of the others their rendered inputs are enough, and what
they would give is an example by their schema, unless somebody says what it is. One way for the
form's preview, the workbench, `towpath template test` and Backstage's dry run.
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.descriptor import Descriptor, TemplateStep
from towpath.capabilities.portal.templates.execution import (
    NO_SECRETS,
    Secrets,
    StepExecution,
    StepLog,
    render_outputs,
)
from towpath.capabilities.portal.templates.expressions import UNDEFINED, render_input
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.engines.git.port import File
from towpath.hooks.templates import TemplateAction
from towpath.machinery.objects import RawObject
from towpath.records.contract import LogBook

Given = Mapping[str, Any]


class StepFailed(Exception):
    """A step cannot be done with these values; `str()` says which, and why."""


@dataclass(slots=True)
class _Lines:
    """A log that is only looked at."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def append(self, stream: str, lines: Sequence[str]) -> None:
        self.lines += [(stream, line) for line in lines]

    def end(self, stream: str) -> None:
        """Nobody follows it."""


@dataclass(slots=True)
class Rehearsal:
    place: Path
    actions: Mapping[str, TemplateAction]
    run: RawObject
    secrets: Secrets = NO_SECRETS
    log: _Lines = field(default_factory=_Lines)

    @property
    def workspace(self) -> Path:
        return self.place / "workspace"

    def execution(self, step: TemplateStep, given: Given) -> StepExecution:
        action = self.actions.get(step.action) or _unknown(step.action)
        log = StepLog(cast(LogBook, self.log), step.id, self.secrets)
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
) -> AsyncIterator[Rehearsal]:
    """`template` is the folder of the template."""
    run = TEMPLATE_RUN.object("preview", project, spec={"requestedBy": user})
    run["metadata"]["uid"] = ""
    with tempfile.TemporaryDirectory(prefix="towpath-preview-") as name:
        place = Path(name)
        (place / "workspace").mkdir()
        await asyncio.to_thread(
            lambda: folders.write_files(place / "template", template, scratch=place / "scratch")
        )
        yield Rehearsal(place, actions, run, secrets)


@dataclass(slots=True)
class DryRun:
    log: list[RawObject]
    files: dict[str, File]
    output: dict[str, Any]
    problem: str = ""


async def dry_run(stage: Rehearsal, descriptor: Descriptor, given: dict[str, Any]) -> DryRun:
    """All steps in order, until one cannot be done. `given` is what expressions see."""
    told: list[RawObject] = [{"message": f"Starting up task with {len(descriptor.steps)} steps"}]
    outputs: dict[str, Any] = {}
    problem = ""
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
            problem = f"{step.name}: {stage.secrets.hide(str(error) or type(error).__name__)}"
            told.append(_event(step, "failed", problem))
            break
    output: dict[str, Any] = {}
    if not problem:
        known = {**given, "steps": outputs}
        output = await asyncio.to_thread(render_outputs, descriptor.output, known)
    return DryRun(told, await stage.files(), output, problem)


async def _rehearsed(
    stage: Rehearsal, step: TemplateStep, known: Given, outputs: dict[str, Any]
) -> list[RawObject]:
    shown = {**known, "secrets": stage.secrets.shown}
    rendered = await asyncio.to_thread(render_input, dict(step.input), shown)
    asked = json.dumps({} if rendered is UNDEFINED else rendered, indent=2, default=str)
    text = f"Running {step.action} in dry-run mode with inputs (secrets redacted): {asked}"
    told = [{"stepId": step.id, "message": text}]
    before = len(stage.log.lines)
    outputs[step.id] = {"output": await stage.perform(step, known)}
    told += [{"stepId": step.id, "message": line} for _, line in stage.log.lines[before:]]
    action = stage.actions.get(step.action)
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
