"""POST /v2/dry-run: a template that is sent with its files, tried without making anything."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from towpath.capabilities.portal.templates.backstage.tasks import steps_shown
from towpath.capabilities.portal.templates.context import expression_context
from towpath.capabilities.portal.templates.descriptor import parse_descriptor
from towpath.capabilities.portal.templates.execution import Secrets
from towpath.capabilities.portal.templates.rehearsal import dry_run, rehearsal
from towpath.capabilities.portal.templates.skeleton import SkeletonError, rendered_path
from towpath.engines.git.port import File
from towpath.hooks.templates import TemplateAction
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject


async def tried(
    body: RawObject, actions: Mapping[str, TemplateAction], place: Mapping[str, str], user: str
) -> RawObject:
    """The answer. Raises BadRequest with the first thing that cannot be done."""
    descriptor = parse_descriptor(body["template"])
    secrets = Secrets(_texts(body.get("secrets") or {}))
    files = _sent(body.get("directoryContents") or [])
    given = expression_context(
        parameters=body.get("values") or {}, steps={}, user=user, run_uid="dry-run", place=place
    )
    project = place.get("project", "")
    async with rehearsal(files, actions, project=project, user=user, secrets=secrets) as stage:
        made = await dry_run(stage, descriptor, given)
    if made.problem:
        raise BadRequest(made.problem)
    return {
        "log": [{"body": body} for body in made.log],
        "directoryContents": [
            {
                "path": path,
                "executable": file.executable,
                "base64Content": base64.b64encode(file.content).decode(),
            }
            for path, file in sorted(made.files.items())
        ],
        "output": made.output,
        "steps": steps_shown(body["template"]),
    }


def _texts(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise BadRequest("Malformed request: secrets must be an object of texts")
    return given


def _sent(contents: Any) -> dict[str, File]:
    if not isinstance(contents, list):
        raise BadRequest("Malformed request: directoryContents must be a list")
    files: dict[str, File] = {}
    for one in contents:
        try:
            path = rendered_path(one["path"])
            content = base64.b64decode(one["base64Content"], validate=True)
        except (TypeError, KeyError, binascii.Error, SkeletonError, AttributeError) as error:
            raise BadRequest(f"Malformed request: directoryContents: {error}") from error
        if path is None:
            raise BadRequest(f"Malformed request: directoryContents: {one['path']!r} is no path")
        files[path] = File(content)
    return files
