"""What a run would make of these answers, worked out without making anything.

Steps that only write files into the workspace are done, in memory; of the others their inputs are
enough. Git is read with the rights of whoever asks.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath.capabilities.portal.templates import seeding
from towpath.capabilities.portal.templates.actions.adoption import (
    PROPOSE,
    READ,
    Adoptable,
    hints_of,
    look_at,
    proposal_of,
    refuse_problems,
)
from towpath.capabilities.portal.templates.actions.failures import ActionFailed
from towpath.capabilities.portal.templates.actions.files import FILE_ACTIONS
from towpath.capabilities.portal.templates.adoption.findings import Finding
from towpath.capabilities.portal.templates.adoption.proposal import diff_of
from towpath.capabilities.portal.templates.context import expression_context
from towpath.capabilities.portal.templates.descriptor import (
    DescriptorInvalid,
    TemplateStep,
    parse_descriptor,
)
from towpath.capabilities.portal.templates.execution import StepInvalid
from towpath.capabilities.portal.templates.expressions import (
    ExpressionError,
    render,
    render_input,
)
from towpath.capabilities.portal.templates.folders import OutsideFolder
from towpath.capabilities.portal.templates.forms import sentence
from towpath.capabilities.portal.templates.rehearsal import Rehearsal, rehearsal
from towpath.capabilities.portal.templates.skeleton import SkeletonError
from towpath.capabilities.portal.templates.sources import resolve, source_of
from towpath.capabilities.portal.templates.story import planned_things
from towpath.engines.git.port import File, GitError, GitReader
from towpath.machinery.documents import DocumentError, load_document
from towpath.machinery.objects import RawObject, annotations_of
from towpath.runtime.outcomes import Stalled

TEXT_SHOWN_MAX = 64 * 1024
FILES_SHOWN_MAX = 200

_ACTIONS = {action.id: action for action in FILE_ACTIONS}
UNKNOWN = "unknown"
COST = "towpath.dev/cost-per-month"
"""An annotation of a template: an amount and its currency, with expressions over `parameters`."""
_TOLD = (
    ActionFailed,
    DescriptorInvalid,
    ExpressionError,
    GitError,
    OutsideFolder,
    SkeletonError,
    Stalled,
    StepInvalid,
)
"""Errors whose text is for whoever fills in the form."""


@dataclass(frozen=True, slots=True)
class PreviewFile:
    path: str
    text: str
    """"" for one that is no text or too large to show."""
    size: int
    lines: int


@dataclass(slots=True)
class Preview:
    things: list[tuple[str, str]] = field(default_factory=list)
    """What is made, and its name."""
    files: list[PreviewFile] = field(default_factory=list)
    kept: tuple[str, ...] = ()
    """Files of an adopted repository that are there already."""
    found: list[Finding] = field(default_factory=list)
    """What was read of an adopted repository."""
    notes: tuple[str, ...] = ()
    cost: str = UNKNOWN
    """Of a month, as the template's author says."""
    problem: str = ""
    is_adoption: bool = False
    hints: dict[str, str] = field(default_factory=dict)
    """By parameter: what counts where it is left empty."""

    @property
    def diffs(self) -> list[dict[str, str]]:
        """For `ui.diff`."""
        return [
            {"path": file.path, "text": diff_of(file.path, file.text)}
            for file in self.files
            if file.text
        ]

    @property
    def score(self) -> RawObject:
        for file in self.files:
            if file.path == "score.yaml":
                try:
                    document = load_document(file.text)
                except DocumentError:
                    break
                return document if isinstance(document, dict) else {}
        return {}


async def preview_of(
    template: RawObject,
    values: Mapping[str, Any],
    *,
    git: GitReader,
    place: Mapping[str, str],
    user: Mapping[str, Any],
    with_files: bool = True,
) -> Preview:
    """`user` and `place` are what expressions know as `user` and `towpath`."""
    preview = Preview()
    try:
        descriptor = parse_descriptor(template["spec"]["descriptor"])
        preview.cost = await _cost(template["spec"]["descriptor"], values, place)
        reads_files = any(step.action in _ACTIONS for step in descriptor.steps)
        files = await template_files(template, git) if with_files and reads_files else {}
        name, project = user["entity"]["metadata"]["name"], place["project"]
        async with rehearsal(files, _ACTIONS, project=project, user=name) as stage:
            walk = _Walk(preview, git, stage)
            for step in descriptor.steps:
                given = expression_context(
                    parameters=values, steps=walk.outputs, user=user, run_uid="", place=place
                )
                await walk.step(step, given, with_files=with_files)
            made = await stage.files()
        preview.files = [shown_file(path, file) for path, file in sorted(made.items())]
    except _TOLD as error:
        preview.problem = sentence(str(error))
    return preview


async def _cost(descriptor: RawObject, values: Mapping[str, Any], place: Mapping[str, str]) -> str:
    """What a month of it is estimated to cost, with these answers."""
    told = annotations_of(descriptor).get(COST)
    if not isinstance(told, str):
        return UNKNOWN
    given = {"parameters": dict(values), "towpath": dict(place)}
    try:
        return (await asyncio.to_thread(render, told, given)).strip() or UNKNOWN
    except ExpressionError as error:
        return f"{UNKNOWN}: {COST} of the template cannot be evaluated: {error}"


async def template_files(template: RawObject, git: GitReader) -> Mapping[str, File]:
    """The template's own files: of a shipped one from the package, else from its repository."""
    shipped = await asyncio.to_thread(seeding.shipped, template["metadata"]["name"])
    digest = annotations_of(template).get(seeding.DIGEST_ANNOTATION)
    if shipped is not None and shipped.digest == digest:
        return shipped.files
    source = source_of(template)
    if source is None:
        return {}
    return await git.files(source.repository, await resolve(git, source), source.path)


@dataclass(slots=True)
class _Walk:
    """Through the steps, with what they gave so far and the workspace as it would be."""

    preview: Preview
    git: GitReader
    stage: Rehearsal
    outputs: dict[str, Any] = field(default_factory=dict)
    _read: Adoptable | None = None

    async def step(self, step: TemplateStep, given: dict[str, Any], *, with_files: bool) -> None:
        if not await self.stage.execution(step, given).does_run():
            return
        self.outputs[step.id] = {"output": {}}
        if step.action in _ACTIONS:
            if with_files and not _is_remote(step):
                self.outputs[step.id] = {"output": await self.stage.perform(step, given)}
            return
        if step.each is not None:
            return  # what it makes depends on what earlier steps give
        rendered = await asyncio.to_thread(render_input, dict(step.input), given)
        if step.action in (READ, PROPOSE):
            self.preview.is_adoption = True
            if name := rendered.get("repository"):
                await self._adopt(step.action, str(name), rendered)
        else:
            self.preview.things += _things(step.action, rendered)

    async def _adopt(self, action: str, name: str, rendered: Mapping[str, Any]) -> None:
        if self._read is None:
            project: str = self.stage.run["metadata"]["namespace"]
            self._read = await look_at(self.git, project, name)
            self.preview.found = self._read.findings.found
            self.preview.notes = tuple(self._read.findings.notes)
            self.preview.hints = hints_of(self._read)
        refuse_problems(self._read.findings, rendered)
        if action == PROPOSE:
            proposal = proposal_of(self._read, rendered)
            self.preview.kept = proposal.kept
            await self.stage.add(
                {path: File(text.encode()) for path, text in proposal.files.items()}
            )


def _is_remote(step: TemplateStep) -> bool:
    """It fetches from elsewhere, which is not done for a look."""
    return "://" in str(step.input.get("url", ""))


def _things(action: str, rendered: Mapping[str, object]) -> list[tuple[str, str]]:
    things = []
    for line in planned_things([(action, rendered)]):
        what, _, which = line.partition(" ")
        things.append((what, which.strip()))
    return things


def shown_file(path: str, file: File) -> PreviewFile:
    size = len(file.content)
    if size > TEXT_SHOWN_MAX or b"\0" in file.content:
        return PreviewFile(path, "", size, 0)
    text = file.content.decode("utf-8", "replace")
    return PreviewFile(path, text, size, len(text.splitlines()))
