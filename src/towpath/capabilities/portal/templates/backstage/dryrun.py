"""POST /v2/dry-run: a template that is sent with its files, tried without making anything."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from towpath.capabilities.portal.templates.actions.failures import AddressRefused, InputRefused
from towpath.capabilities.portal.templates.backstage.tasks import INFO, steps_shown
from towpath.capabilities.portal.templates.context import expression_context
from towpath.capabilities.portal.templates.descriptor import parse_descriptor
from towpath.capabilities.portal.templates.execution import Secrets, StepInvalid
from towpath.capabilities.portal.templates.expressions import ExpressionError
from towpath.capabilities.portal.templates.folders import OutsideFolder
from towpath.capabilities.portal.templates.rehearsal import UnknownAction, dry_run, rehearsal
from towpath.capabilities.portal.templates.skeleton import (
    NameRefused,
    SkeletonError,
    rendered_path,
)
from towpath.engines.git.port import File
from towpath.hooks.templates import TemplateAction
from towpath.machinery.errors import BadRequest, Forbidden
from towpath.machinery.objects import RawObject


class TaskFailed(Exception):
    """A step could not be done: the answer's status, and the name of the error there."""

    def __init__(self, message: str, status: int, name: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name


async def tried(
    body: RawObject,
    actions: Mapping[str, TemplateAction],
    place: Mapping[str, str],
    user: Mapping[str, Any],
) -> RawObject:
    """The answer. Raises BadRequest, and TaskFailed with the first step that cannot be done.

    `place` and `user` are what expressions know as `towpath` and `user`.
    """
    descriptor = parse_descriptor(body["template"])
    secrets = Secrets(_texts(body.get("secrets") or {}))
    files = _sent(body.get("directoryContents"))
    given = expression_context(
        parameters=body.get("values") or {}, steps={}, user=user, run_uid="dry-run", place=place
    )
    project = place.get("project", "")
    async with rehearsal(
        files,
        actions,
        project=project,
        user=user["entity"]["metadata"]["name"],
        secrets=secrets,
        template_name="dry-run",
        knows_all=True,
    ) as stage:
        made = await dry_run(stage, descriptor, given)
    if made.failure is not None:
        raise _refused(made.failure, secrets)
    return {
        "log": [{"body": _shown(body)} for body in made.log],
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


def _shown(body: RawObject) -> RawObject:
    is_said = "stepId" in body and "status" not in body
    return {**body, "message": INFO + body["message"]} if is_said else body


_REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (StepInvalid, 400, "InputError"),
    (InputRefused, 400, "InputError"),
    (OutsideFolder, 403, "NotAllowedError"),
    (NameRefused, 403, "NotAllowedError"),
    (AddressRefused, 403, "NotAllowedError"),
    (UnknownAction, 404, "NotFoundError"),
    (ExpressionError, 500, "TemplateRenderError"),
    (SkeletonError, 500, "TemplateRenderError"),
)
"""Which error of which status a step's failure is there; any other is an Error of 500."""


def _refused(failure: Exception, secrets: Secrets) -> TaskFailed:
    text = secrets.hide(str(failure) or type(failure).__name__)
    for kind, status, name in _REFUSALS:
        if isinstance(failure, kind):
            return TaskFailed(text, status, name)
    return TaskFailed(text, 500, "Error")


def _texts(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise BadRequest("Malformed request: secrets must be an object of texts")
    return given


def _sent(contents: Any) -> dict[str, File]:
    if not isinstance(contents, list):
        raise BadRequest("request/body/directoryContents must be array")
    files: dict[str, File] = {}
    for one in contents:
        try:
            path = rendered_path(one["path"])
            content = base64.b64decode(one["base64Content"], validate=True)
        except SkeletonError as error:
            raise Forbidden(f"directoryContents: {error}") from error
        except (TypeError, KeyError, binascii.Error, AttributeError) as error:
            raise BadRequest(f"Malformed request: directoryContents: {error}") from error
        if path is None:
            raise BadRequest(f"Malformed request: directoryContents: {one['path']!r} is no path")
        files[path] = File(content)
    return files
