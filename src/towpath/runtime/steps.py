"""The shape of a reconciler: a visible list of steps, and one summary that always runs.

    reconcile = stepwise(client, WORKLOAD, [claim, render, observe], finalizer=F, release=[free])

Each step receives the Subject, marks its own conditions and returns; it raises Waiting, Stalled or
any exception to stop there. The summary alone computes Ready and writes status, once, if it
changed. While the object is being deleted the `release` steps run instead, and when all have
returned the finalizer goes. Steps never change spec or metadata of their own object in memory; one
that must patch it (to remember a choice) does so through the API and calls `subject.adopt`.
"""

import copy
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from towpath.client.protocols import Client
from towpath.machinery.conditions import set_condition
from towpath.machinery.errors import Conflict, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject, is_deleting, key_of, uid_of
from towpath.runtime.controller import Reconcile
from towpath.runtime.outcomes import Stalled, Waiting

log = logging.getLogger(__name__)

READY = "Ready"


@dataclass(slots=True)
class Subject:
    """The object under reconciliation: read its spec, write its status.

    `base` is the object as the API has it; the summary compares with it.
    """

    obj: RawObject
    base: RawObject

    @property
    def key(self) -> Key:
        return key_of(self.obj)

    @property
    def uid(self) -> str:
        return uid_of(self.obj)

    @property
    def spec(self) -> RawObject:
        spec: RawObject = self.obj.get("spec") or {}
        return spec

    @property
    def status(self) -> RawObject:
        status: RawObject = self.obj.setdefault("status", {})
        return status

    def adopt(self, written: RawObject) -> None:
        """A step has patched its own object by itself: go on from what the API answered."""
        status = self.obj.get("status")
        self.base = written
        self.obj = copy.deepcopy(written)
        if status is not None:
            self.obj["status"] = status

    def mark(self, condition: str, status: bool | None, reason: str, message: str = "") -> None:
        set_condition(self.obj, condition, status=status, reason=reason, message=message)


Step = Callable[[Subject], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Stopped:
    """Why the steps did not all return."""

    status: bool | None
    reason: str
    message: str
    again_s: float | None = None
    error: Exception | None = None


def stepwise(
    client: Client,
    resource: Resource,
    steps: Sequence[Step],
    *,
    finalizer: str = "",
    release: Sequence[Step] = (),
    ready_reason: str = "Ready",
    ready_message: str = "",
) -> Reconcile:
    """A reconcile function that runs `steps` on each object of `resource`."""

    async def reconcile(key: Key) -> float | None:
        try:
            before = await client.get(resource, key.name, key.namespace)
        except NotFound:
            return None
        if is_deleting(before):
            return await _release(client, resource, before, finalizer, release)
        if finalizer and finalizer not in (before["metadata"].get("finalizers") or ()):
            before = await _add_finalizer(client, resource, before, finalizer)
        subject = Subject(copy.deepcopy(before), before)
        stopped = await _run(steps, subject)
        _summarise(subject, stopped, ready_reason, ready_message)
        await _commit(client, resource, subject)
        return _next(stopped)

    return reconcile


async def _run(steps: Sequence[Step], subject: Subject) -> _Stopped | None:
    for step in steps:
        try:
            await step(subject)
        except Waiting as waiting:
            return _Stopped(None, waiting.reason, waiting.message, again_s=waiting.after_s)
        except Stalled as stalled:
            return _Stopped(False, stalled.reason, stalled.message)
        except Conflict:
            raise
        except Exception as error:  # noqa: BLE001 - every failure is shown, then raised by _next
            return _Stopped(False, "Retrying", _sentence(error), error=error)
    return None


def _sentence(error: Exception) -> str:
    return str(error) or type(error).__name__


def _summarise(
    subject: Subject, stopped: _Stopped | None, ready_reason: str, ready_message: str
) -> None:
    if stopped is None:
        subject.mark(READY, True, ready_reason, ready_message)
    else:
        subject.mark(READY, stopped.status, stopped.reason, stopped.message)
    if generation := subject.obj["metadata"].get("generation"):
        subject.status["observedGeneration"] = generation


async def _commit(client: Client, resource: Resource, subject: Subject) -> None:
    before, after = subject.base, subject.obj
    assert before.get("spec") == after.get("spec"), "a step changed its own object's spec"
    assert before["metadata"] == after["metadata"], "a step changed its own object's metadata"
    if before.get("status") != after.get("status"):
        await client.update(resource, after, subresource="status")


def _next(stopped: _Stopped | None) -> float | None:
    if stopped is not None and stopped.error is not None:
        raise stopped.error
    return stopped.again_s if stopped else None


async def _add_finalizer(
    client: Client, resource: Resource, obj: RawObject, finalizer: str
) -> RawObject:
    finalizers = [*(obj["metadata"].get("finalizers") or ()), finalizer]
    return await _set_finalizers(client, resource, obj, finalizers)


async def _set_finalizers(
    client: Client, resource: Resource, obj: RawObject, finalizers: list[str]
) -> RawObject:
    metadata = obj["metadata"]
    patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": finalizers}}
    return await client.patch(resource, metadata["name"], metadata.get("namespace", ""), patch)


async def _release(
    client: Client,
    resource: Resource,
    before: RawObject,
    finalizer: str,
    release: Sequence[Step],
) -> float | None:
    finalizers = before["metadata"].get("finalizers") or []
    if finalizer not in finalizers:
        return None
    subject = Subject(copy.deepcopy(before), before)
    stopped = await _run(release, subject)
    if stopped is None:
        remaining = [name for name in finalizers if name != finalizer]
        await _set_finalizers(client, resource, before, remaining)
        return None
    _summarise(subject, stopped, "", "")
    await _commit(client, resource, subject)
    return _next(stopped)
