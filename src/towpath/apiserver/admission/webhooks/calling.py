"""One question to one admission webhook: an AdmissionReview there and back.

Source: `admission.k8s.io/v1`, and what kube-apiserver accepts of an answer.
"""

import base64
import binascii
import uuid
from typing import Any, TypeVar

from msgspec import Struct, field

from towpath.apiserver import outgoing
from towpath.apiserver.admission.policies.evaluation import options_of, request_of
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import loads
from towpath.machinery.objects import RawObject

API_VERSION, KIND = "admission.k8s.io/v1", "AdmissionReview"
TIMEOUT_S = 10.0
WARNINGS_MAX = 16

T = TypeVar("T", dict[str, Any], list[Any])


class CallFailed(Exception):
    """The webhook could not be asked; `str()` says why."""

    def __init__(self, why: str) -> None:
        super().__init__(f"failed to call webhook: {why}")


class AnswerInvalid(Exception):
    """It has answered something else than what was asked; `str()` says what."""

    def __init__(self, why: str) -> None:
        super().__init__(f"received invalid webhook response: {why}")


class Response(Struct, frozen=True):
    allowed: bool
    status: RawObject = field(default_factory=dict)
    """Of a refusal: message, reason, code, details."""
    patch: list[RawObject] = field(default_factory=list)
    """JSON Patch."""
    warnings: tuple[str, ...] = ()
    annotations: dict[str, str] = field(default_factory=dict)
    """For the audit event, without the webhook's name."""


async def call(core: Core, operation: Operation, hook: RawObject) -> Response:
    """Raises CallFailed and AnswerInvalid."""
    uid = str(uuid.uuid4())
    review = {"apiVersion": API_VERSION, "kind": KIND, "request": _request(operation, uid)}
    timeout_s = float(hook.get("timeoutSeconds") or TIMEOUT_S)
    query = f"?timeout={timeout_s:g}s"
    try:
        answer = await outgoing.ask(
            core, hook["clientConfig"], review, timeout_s=timeout_s, query=query
        )
    except outgoing.CallFailed as error:
        raise CallFailed(str(error)) from error
    return _response(answer, uid)


def _request(operation: Operation, uid: str) -> RawObject:
    deleting = operation.kind == "DELETE"
    request = request_of(operation)
    if not operation.target.subresource:
        del request["subResource"], request["requestSubResource"]
    return {
        "uid": uid,
        **request,
        "object": None if deleting else operation.obj,
        "oldObject": operation.old,
        "options": options_of(operation),
    }


def _response(answer: Any, uid: str) -> Response:
    given = answer if isinstance(answer, dict) else {}
    if (given.get("apiVersion"), given.get("kind")) != (API_VERSION, KIND):
        raise CallFailed(
            f"expected webhook response of {API_VERSION}, Kind={KIND}, "
            f"got {given.get('apiVersion')}, Kind={given.get('kind')}"
        )
    response = given.get("response")
    if not isinstance(response, dict):
        raise AnswerInvalid("webhook response was absent")
    if response.get("uid") != uid:
        raise AnswerInvalid(f'expected response.uid="{uid}", got "{response.get("uid")}"')
    annotations = _given(response, "auditAnnotations", dict)
    return Response(
        allowed=response.get("allowed") is True,
        status=_given(response, "status", dict),
        patch=_patch(response),
        annotations={str(key): str(value) for key, value in annotations.items()},
        warnings=tuple(str(one) for one in _given(response, "warnings", list)[:WARNINGS_MAX]),
    )


def _given(response: RawObject, name: str, kind: type[T]) -> T:
    """Empty where there is none."""
    value = response.get(name)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise AnswerInvalid(f"response.{name} is a {type(value).__name__}, not a {kind.__name__}")
    return value


def _patch(response: RawObject) -> list[RawObject]:
    if not response.get("patch"):
        return []
    if response.get("patchType") != "JSONPatch":
        raise AnswerInvalid(
            f'response.patchType must be "JSONPatch", got {response.get("patchType")}'
        )
    try:
        patch = loads(base64.b64decode(response["patch"], validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise AnswerInvalid(f"response.patch is no JSON Patch in base64: {error}") from error
    if not isinstance(patch, list):
        raise AnswerInvalid("response.patch is not a list of operations")
    return patch
