"""A version of a template and the answers of an instance become the files that it would have.

The same actions run as in a run of the template, in a folder of their own, up to the step that
publishes; what makes something outside of the workspace does not run. What it would have given is
missing in the old rendering and in the new one alike, so that it makes no difference between them.
"""

import asyncio
import posixpath
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.files import FILE_ACTIONS, ActionFailed
from towpath.capabilities.portal.templates.context import expression_context
from towpath.capabilities.portal.templates.descriptor import (
    DescriptorInvalid,
    TemplateStep,
    parse_descriptor,
)
from towpath.capabilities.portal.templates.execution import StepExecution, StepInvalid, StepLog
from towpath.capabilities.portal.templates.expressions import ExpressionError, render_input
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.capabilities.portal.templates.skeleton import SkeletonError
from towpath.capabilities.portal.templates.upgrades.answers import Answers
from towpath.capabilities.portal.templates.upgrades.versions import Version
from towpath.engines.git.port import File, RepositoryName
from towpath.machinery.objects import RawObject
from towpath.records.contract import LogBook
from towpath.runtime.outcomes import Stalled

PUBLISH = "publish:"
_ACTIONS = {action.id: action for action in FILE_ACTIONS}
_TOLD = (
    ActionFailed,
    DescriptorInvalid,
    ExpressionError,
    SkeletonError,
    StepInvalid,
    folders.OutsideFolder,
)


class _NoLog:
    """Where the actions' words go: a rendering is repeated too often to be written down."""

    def append(self, stream: str, lines: Sequence[str]) -> None: ...

    def end(self, stream: str) -> None: ...


async def render_version(
    version: Version,
    repository: RepositoryName,
    answers: Answers,
    parameters: Mapping[str, Any],
) -> dict[str, File]:
    """Raises Stalled, with what the template's author has to change."""
    try:
        descriptor = parse_descriptor(version.descriptor)
        with tempfile.TemporaryDirectory(prefix="towpath-render-") as place:
            return await _rendered(
                Path(place),
                version,
                descriptor.steps,
                _context(repository, answers, parameters),
                _run(repository, answers, parameters),
            )
    except _TOLD as error:
        raise Stalled(
            "NotRendered", f"the version {version.shown} cannot be rendered: {error}"
        ) from error


async def _rendered(
    place: Path,
    version: Version,
    steps: Sequence[TemplateStep],
    given: dict[str, Any],
    run: RawObject,
) -> dict[str, File]:
    workspace, template = place / "workspace", place / "template"
    await asyncio.to_thread(workspace.mkdir)
    await asyncio.to_thread(
        lambda: folders.write_files(template, version.files, scratch=place / "scratch")
    )
    outputs: dict[str, Any] = given["steps"]
    for step in steps:
        if step.action.startswith(PUBLISH):
            return await _published(workspace, step, given)
        action = _ACTIONS.get(step.action)
        if action is None:
            continue
        log = StepLog(cast(LogBook, _NoLog()), "")
        execution = StepExecution(step, action, run, given, place, log)
        if await execution.does_run():
            outputs[step.id] = {"output": await execution.perform()}
    raise Stalled(
        "NotPublished",
        "the template has no step that publishes a repository, so there is nothing to compare with",
    )


async def _published(
    workspace: Path, step: TemplateStep, given: Mapping[str, Any]
) -> dict[str, File]:
    source = await asyncio.to_thread(render_input, step.input.get("sourcePath") or ".", given)
    below = posixpath.normpath(str(source or "."))
    return await asyncio.to_thread(lambda: folders.read_files(folders.inside(workspace, below)))


def _context(
    repository: RepositoryName, answers: Answers, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    place = {"project": repository.project, "owner": "", "host": "", **answers.place}
    return expression_context(
        parameters=parameters, steps={}, user=answers.user, run_uid="", place=place
    )


def _run(repository: RepositoryName, answers: Answers, parameters: Mapping[str, Any]) -> RawObject:
    spec = {"parameters": dict(parameters), "requestedBy": answers.user}
    run = TEMPLATE_RUN.object(repository.name, repository.project, spec=spec)
    run["metadata"]["uid"] = ""
    return run
