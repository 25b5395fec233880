"""A version of a template and the answers of an instance become the files that it would have.

A Backstage template is rehearsed up to the step that publishes: what makes something outside of
the workspace does not run, and what it would have given is the same example in the old rendering
and in the new one, so that it makes no difference between them. Templates of copier and of
cookiecutter that instances name themselves are rendered as their fetch actions do it.
"""

import asyncio
import posixpath
from collections.abc import Mapping
from typing import Any

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.failures import ActionFailed
from towpath.capabilities.portal.templates.context import expression_context, user_named
from towpath.capabilities.portal.templates.descriptor import (
    DescriptorInvalid,
    TemplateStep,
    parse_descriptor,
)
from towpath.capabilities.portal.templates.execution import StepInvalid
from towpath.capabilities.portal.templates.expressions import ExpressionError, render_input
from towpath.capabilities.portal.templates.foreign import render_cookiecutter, render_copier
from towpath.capabilities.portal.templates.rehearsal import Rehearsal, rehearsal
from towpath.capabilities.portal.templates.skeleton import SkeletonError
from towpath.capabilities.portal.templates.upgrades.answers import COPIER, TOWPATH, Answers
from towpath.capabilities.portal.templates.upgrades.versions import Version
from towpath.engines.git.port import File, GitError, RepositoryName
from towpath.hooks.templates import TemplateAction
from towpath.runtime.outcomes import Stalled

PUBLISH = "publish:"
_ELSEWHERE = "http:"
"""What answers differently each time is an example, too."""
_TOLD = (
    ActionFailed,
    DescriptorInvalid,
    ExpressionError,
    GitError,
    SkeletonError,
    StepInvalid,
    folders.OutsideFolder,
)


async def render_version(
    version: Version,
    repository: RepositoryName,
    answers: Answers,
    parameters: Mapping[str, Any],
    actions: Mapping[str, TemplateAction],
) -> dict[str, File]:
    """Raises Stalled, with what the template's author has to change."""
    try:
        if answers.origin == TOWPATH:
            return await _rehearsed(version, repository, answers, parameters, actions)
        if answers.origin == COPIER:
            given = {"url": answers.template}
            return (await render_copier(version.files, parameters, given)).files
        return (await render_cookiecutter(version.files, parameters, {})).files
    except _TOLD as error:
        raise Stalled(
            "NotRendered", f"the version {version.shown} cannot be rendered: {error}"
        ) from error


async def _rehearsed(
    version: Version,
    repository: RepositoryName,
    answers: Answers,
    parameters: Mapping[str, Any],
    actions: Mapping[str, TemplateAction],
) -> dict[str, File]:
    steps = parse_descriptor(version.descriptor).steps
    place = {"project": repository.project, "owner": "", "host": "", **answers.place}
    outputs: dict[str, Any] = {}
    given = expression_context(
        parameters=parameters,
        steps=outputs,
        user=user_named(answers.user),
        run_uid="",
        place=place,
    )
    safe = {name: one for name, one in actions.items() if not name.startswith(_ELSEWHERE)}
    async with rehearsal(
        version.files, safe, project=repository.project, user=answers.user
    ) as stage:
        for step in steps:
            known = {**given, "steps": outputs}
            if not await stage.execution(step, known).does_run():
                continue
            if step.action.startswith(PUBLISH):
                return await _published(stage, step, known)
            outputs[step.id] = {"output": await stage.perform(step, known)}
    raise Stalled(
        "NotPublished",
        "the template has no step that publishes a repository, so there is nothing to compare with",
    )


async def _published(
    stage: Rehearsal, step: TemplateStep, given: Mapping[str, Any]
) -> dict[str, File]:
    source = await asyncio.to_thread(render_input, step.input.get("sourcePath") or ".", given)
    below = posixpath.normpath(str(source or "."))
    return await asyncio.to_thread(
        lambda: folders.read_files(folders.inside(stage.workspace, below))
    )
