"""What a run would make of these answers, worked out without making anything.

Steps that only write files into the workspace are done, in a folder that goes away again; of the
others their inputs are enough. Git is read with the rights of whoever asks.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from towpath.capabilities.portal.templates import folders, seeding
from towpath.capabilities.portal.templates.actions.adoption import (
    PROPOSE,
    READ,
    Adoptable,
    NotAdoptable,
    hints_of,
    look_at,
    proposal_of,
)
from towpath.capabilities.portal.templates.actions.files import FILE_ACTIONS, ActionFailed
from towpath.capabilities.portal.templates.adoption.findings import Finding
from towpath.capabilities.portal.templates.adoption.proposal import diff_of
from towpath.capabilities.portal.templates.context import expression_context
from towpath.capabilities.portal.templates.descriptor import (
    DescriptorInvalid,
    TemplateStep,
    parse_descriptor,
)
from towpath.capabilities.portal.templates.expressions import ExpressionError, render_input, runs
from towpath.capabilities.portal.templates.skeleton import SkeletonError
from towpath.capabilities.portal.templates.sources import materialise, resolve, source_of
from towpath.capabilities.portal.templates.story import planned_things
from towpath.engines.git.port import File, GitError, GitReader
from towpath.hooks.templates import ActionContext
from towpath.machinery.documents import DocumentError, load_document
from towpath.machinery.objects import RawObject, annotations_of
from towpath.runtime.outcomes import Stalled

TEXT_SHOWN_MAX = 64 * 1024
FILES_SHOWN_MAX = 200

_FILE_ACTIONS = {action.id: action for action in FILE_ACTIONS}
_TOLD = (
    ActionFailed,
    DescriptorInvalid,
    ExpressionError,
    GitError,
    SkeletonError,
    Stalled,
    folders.OutsideFolder,
)
"""Errors whose text is for whoever fills in the form."""


@dataclass(frozen=True, slots=True)
class PreviewFile:
    path: str
    text: str
    """"" for one that is no text or too large to show."""
    diff: str
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
    problem: str = ""
    is_adoption: bool = False
    hints: dict[str, str] = field(default_factory=dict)
    """By parameter: what counts where it is left empty."""

    @property
    def diffs(self) -> list[dict[str, str]]:
        """For `ui.diff`."""
        return [{"path": file.path, "text": file.diff} for file in self.files]

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
    user: str,
    with_files: bool = True,
) -> Preview:
    """`place` is what expressions know as `towpath`."""
    preview = Preview()
    try:
        descriptor = parse_descriptor(template["spec"]["descriptor"])
        with tempfile.TemporaryDirectory(prefix="towpath-preview-") as name:
            folder = Path(name)
            (folder / "workspace").mkdir()
            walk = _Walk(preview, git, place["project"], user, folder, {})
            if with_files and _needs_files(descriptor.steps):
                walk.template = await _template_folder(template, git, folder)
            for step in descriptor.steps:
                given = expression_context(
                    parameters=values, steps=walk.outputs, user=user, run_uid="", place=place
                )
                await walk.step(step, given, with_files=with_files)
            files = await asyncio.to_thread(folders.read_files, folder / "workspace")
        preview.files = [_shown(path, file) for path, file in sorted(files.items())]
    except _TOLD as error:
        preview.problem = _sentence(str(error))
    return preview


def _needs_files(steps: tuple[TemplateStep, ...]) -> bool:
    return any(step.action.startswith("fetch:") for step in steps)


async def _template_folder(template: RawObject, git: GitReader, folder: Path) -> Path:
    """The template's own files: of a shipped one from the package, else from its repository."""
    shipped = await asyncio.to_thread(seeding.shipped, template["metadata"]["name"])
    digest = annotations_of(template).get(seeding.DIGEST_ANNOTATION)
    if shipped is not None and shipped.digest == digest:
        return shipped.folder
    source = source_of(template)
    if source is not None:
        await materialise(git, source, await resolve(git, source), folder / "template")
    return folder / "template"


@dataclass(slots=True)
class _Walk:
    """Through the steps, with what they gave so far."""

    preview: Preview
    git: GitReader
    project: str
    user: str
    folder: Path
    outputs: dict[str, Any]
    template: Path = Path()
    _read: Adoptable | None = None

    async def step(self, step: TemplateStep, given: dict[str, Any], *, with_files: bool) -> None:
        condition = step.condition
        if condition is not None and not runs(render_input(condition, given)):
            return
        if step.each is not None:
            return  # what it makes depends on what earlier steps give
        rendered = await asyncio.to_thread(render_input, dict(step.input), given)
        self.outputs[step.id] = {"output": {}}
        if step.action in (READ, PROPOSE):
            self.preview.is_adoption = True
            if name := rendered.get("repository"):
                await self._adopt(step.action, str(name), rendered)
        elif step.action not in _FILE_ACTIONS:
            self.preview.things += _things(step.action, rendered)
        elif with_files:
            context = self._context(step.id, rendered)
            await _FILE_ACTIONS[step.action].run(context)

    async def _adopt(self, action: str, name: str, rendered: Mapping[str, Any]) -> None:
        if self._read is None:
            self._read = await look_at(self.git, self.project, name)
            self.preview.found = self._read.findings.found
            self.preview.notes = tuple(self._read.findings.notes)
            self.preview.hints = hints_of(self._read)
        if problems := self._read.findings.problems:
            raise NotAdoptable(" ".join(map(str, problems)))
        if action == PROPOSE:
            proposal = proposal_of(self._read, rendered)
            self.preview.kept = proposal.kept
            files = {path: File(text.encode()) for path, text in proposal.files.items()}
            scratch = self.folder / "scratch"
            workspace = self.folder / "workspace"
            await asyncio.to_thread(lambda: folders.write_files(workspace, files, scratch=scratch))

    def _context(self, step: str, rendered: dict[str, Any]) -> ActionContext:
        return ActionContext(
            project=self.project,
            run={},
            step=step,
            input=rendered,
            workspace=self.folder / "workspace",
            template=self.template,
            log=lambda line: None,
            user=self.user,
        )


def _things(action: str, rendered: Mapping[str, object]) -> list[tuple[str, str]]:
    things = []
    for line in planned_things([(action, rendered)]):
        what, _, which = line.partition(" ")
        things.append((what, which.strip()))
    return things


def _shown(path: str, file: File) -> PreviewFile:
    size = len(file.content)
    if size > TEXT_SHOWN_MAX or b"\0" in file.content:
        return PreviewFile(path, "", "", size, 0)
    text = file.content.decode("utf-8", "replace")
    return PreviewFile(path, text, diff_of(path, text), size, len(text.splitlines()))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?")) else f"{text}."
