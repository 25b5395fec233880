"""Admission webhooks: programs of somebody's that are asked about writes, and may change them.

Mutating ones are asked one after the other, in the order of their configurations' names; each sees
what those before it have made of the object. Validating ones are asked at the same time. Who does
not answer counts by its failurePolicy.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property, partial

from towpath.apiserver import refusals
from towpath.apiserver.admission.policies.evaluation import (
    Expression,
    Scene,
    answered,
    conditions_hold,
    conditions_of,
)
from towpath.apiserver.admission.policies.matching import EXEMPT, is_about
from towpath.apiserver.admission.webhooks.calling import AnswerInvalid, CallFailed, Response, call
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import copy_of, dumps, loads
from towpath.apiserver.kinds.admission.expressions import WEBHOOKS as LANGUAGE
from towpath.apiserver.writing import complete
from towpath.machinery.cel import CelError
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject
from towpath.machinery.patches import json_patch
from towpath.store.contract import Event, Store

MUTATING = "admissionregistration.k8s.io/mutatingwebhookconfigurations"
VALIDATING = "admissionregistration.k8s.io/validatingwebhookconfigurations"
IDENTITY = ("name", "namespace", "uid")
DOMAIN, FAILED_OPEN = "webhook.admission.k8s.io", "failed-open."
"""What annotations of audit events are named by."""


@dataclass(frozen=True)
class Hook:
    """One entry of a configuration's `webhooks`."""

    configuration: str
    spec: RawObject

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @cached_property
    def conditions(self) -> tuple[Expression, ...]:
        return conditions_of(self.spec, LANGUAGE)

    @property
    def asks_again(self) -> bool:
        return bool(self.spec.get("reinvocationPolicy") == "IfNeeded")


class Configurations:
    """All webhooks of one kind of configuration, read again after one has changed."""

    def __init__(self, store: Store, collection: str) -> None:
        self._store = store
        self._collection = collection
        self._hooks: list[Hook] | None = None
        store.observe(collection, self._changed)

    def _changed(self, _event: Event) -> None:
        self._hooks = None

    async def about(self, core: Core, operation: Operation) -> AsyncIterator[Hook]:
        """Those that want to be asked. Raises Forbidden when that cannot be told."""
        if self._hooks is None:
            self._hooks = [
                Hook(key, spec)
                for key, stored in self._store.scan(self._collection)
                for spec in loads(stored.value).get("webhooks") or ()
            ]
        if not self._hooks or operation.served.collection in EXEMPT:
            return
        for hook in self._hooks:
            if await _is_about(core, operation, hook):
                yield hook


class MutatingWebhooks:
    def __init__(self, store: Store) -> None:
        self._configurations = Configurations(store, MUTATING)

    async def __call__(self, core: Core, operation: Operation) -> None:
        asked: list[tuple[Hook, RawObject]] = []
        async for hook in self._configurations.about(core, operation):
            await _mutate(core, operation, hook, f"round_0_index_{len(asked)}")
            asked.append((hook, copy_of(operation.obj)))
        for index, (hook, left) in enumerate(asked):
            if hook.asks_again and operation.obj != left:
                await _mutate(core, operation, hook, f"round_1_index_{index}")


class ValidatingWebhooks:
    def __init__(self, store: Store) -> None:
        self._configurations = Configurations(store, VALIDATING)

    async def __call__(self, core: Core, operation: Operation) -> None:
        hooks = [hook async for hook in self._configurations.about(core, operation)]
        if not hooks:
            return
        failed = f"{FAILED_OPEN}validating.{DOMAIN}/round_0_index_"
        answers = await asyncio.gather(
            *(_ask(core, operation, hook, f"{failed}{index}") for index, hook in enumerate(hooks)),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer


async def _mutate(core: Core, operation: Operation, hook: Hook, place: str) -> None:
    before_all = copy_of(operation.obj)
    response = await _ask(core, operation, hook, f"{FAILED_OPEN}mutating.{DOMAIN}/{place}")
    if response is not None and response.patch:
        _patch(operation, hook, response)
    told = {
        "configuration": hook.configuration,
        "webhook": hook.name,
        "mutated": operation.obj != before_all,
    }
    operation.annotations[f"mutation.{DOMAIN}/{place}"] = dumps(told).decode()


def _patch(operation: Operation, hook: Hook, response: Response) -> None:
    if operation.kind == "DELETE":
        raise refusals.internal(
            f'admission webhook "{hook.name}" attempted to modify the object, which is not '
            "supported for this operation"
        )
    before = operation.obj["metadata"]
    try:
        changed = json_patch(operation.obj, response.patch)
    except StatusError as error:
        why = f'the patch of webhook "{hook.name}" cannot be applied: {error}'
        raise refusals.internal(why) from error
    metadata = changed.get("metadata") or {}
    moved = [name for name in IDENTITY if metadata.get(name) != before.get(name)]
    if moved:
        why = f'admission webhook "{hook.name}" must not change metadata.{moved[0]}'
        raise refusals.internal(why)
    operation.obj = changed
    complete(operation, "")


async def _ask(core: Core, operation: Operation, hook: Hook, failed: str) -> Response | None:
    """None when it does not answer and may be ignored, which is told under `failed`.

    Raises what it refuses with.
    """
    try:
        response = await call(core, operation, hook.spec)
    except (CallFailed, AnswerInvalid) as error:
        if hook.spec.get("failurePolicy", "Fail") == "Ignore":
            operation.annotations[failed] = hook.name
            return None
        raise _failed(hook, str(error)) from error
    operation.warnings.extend(response.warnings)
    for key, value in response.annotations.items():
        operation.annotations[f"{hook.name}/{key}"] = value
    if not response.allowed:
        raise _denial(hook, response.status)
    return response


def _failed(hook: Hook, why: str) -> StatusError:
    return refusals.internal(f'failed calling webhook "{hook.name}": {why}')


def _denial(hook: Hook, status: RawObject) -> StatusError:
    """With the code, reason and details that the webhook gives."""
    why = status.get("message") or status.get("reason")
    words = f"denied the request: {why}" if why else "denied the request without explanation"
    told = {"code": int(status.get("code") or 400), "reason": str(status.get("reason") or "")}
    denial: type[StatusError] = type("Denial", (StatusError,), told)
    details = dict(status.get("details") or {})
    return denial(f'admission webhook "{hook.name}" {words}', details=details)


async def _is_about(core: Core, operation: Operation, hook: Hook) -> bool:
    spec = hook.spec
    if not spec.get("rules"):
        return False
    match = {
        "resourceRules": spec["rules"],
        "matchPolicy": spec.get("matchPolicy"),
        "namespaceSelector": spec.get("namespaceSelector"),
        "objectSelector": spec.get("objectSelector"),
    }
    if not is_about(core, operation, match):
        return False
    if not hook.conditions:
        return True
    scene = Scene(operation, None)
    bindings = scene.bindings(None)
    try:
        return await answered(
            core, scene.answers, partial(conditions_hold, hook.conditions, bindings)
        )
    except CelError as error:
        if spec.get("failurePolicy", "Fail") == "Ignore":
            return False
        raise refusals.forbidden(operation.served, operation.name, error.message) from error
