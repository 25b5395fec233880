"""delete: at once, or as soon as finalizers, a grace period or dependents allow.

What must happen first is written into the object (deletionTimestamp, finalizers); the change that
removes the last of it removes the object (writing.change_object).
"""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from towpath.apiserver import refusals
from towpath.apiserver.calls import Deleted, DeleteOptions, Target
from towpath.apiserver.conversion import read_in_version
from towpath.apiserver.core import Core, Operation, key_for
from towpath.apiserver.encoding import copy_of, dumps, ordered
from towpath.apiserver.registry import Served
from towpath.apiserver.verbs.update import ATTEMPTS
from towpath.apiserver.writing import Telling, held, remove_object, store_as_is
from towpath.machinery.conditions import timestamp
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.store.contract import RevisionMismatch, Stored

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
POLICIES = {"Foreground": FOREGROUND, "Orphan": ORPHAN, "Background": "", "": ""}
POD_GRACE_S = 30
POD_PHASES_ENDED = ("Succeeded", "Failed")


async def delete(core: Core, user: UserInfo, target: Target, options: DeleteOptions) -> Deleted:
    if target.subresource:
        raise refusals.method_not_allowed()
    await core.require(user, "delete", target)
    return await delete_object(core, user, target, options)


async def delete_object(
    core: Core, user: UserInfo, target: Target, options: DeleteOptions
) -> Deleted:
    """Delete what the caller is already known to be allowed to delete."""
    served = core.registry.find(target.resource)
    if options.propagation_policy not in POLICIES:
        raise BadRequest(
            f"propagationPolicy {options.propagation_policy!r} is none of "
            "Background, Foreground, Orphan"
        )
    warning = served.behaviour.warning_on_delete
    # Said whatever becomes of it, as by Kubernetes.
    with Telling([warning] if warning and not options.propagation_policy else []):
        for _ in range(ATTEMPTS):
            key = key_for(served, target.namespace, target.name)
            current = await core.store.settled(served.collection, key)
            if current is None:
                raise refusals.not_found(served, target.name)
            try:
                return await _delete_once(core, user, target, served, current, options)
            except RevisionMismatch:
                continue
        raise refusals.conflict(served, target.name)


async def _delete_once(
    core: Core,
    user: UserInfo,
    target: Target,
    served: Served,
    current: Stored,
    options: DeleteOptions,
) -> Deleted:
    old = await read_in_version(core, current.value, served)
    operation = Operation(
        user, replace(target, subresource=""), served, "delete", "DELETE", old, old, options.dry_run
    )
    if not options.propagation_policy and served.behaviour.warning_on_delete:
        operation.warnings.append(served.behaviour.warning_on_delete)
    _check_preconditions(served, target.name, old, options)
    collection = served.collection
    for admit in (*core.mutating.of(collection), *core.validating.of(collection)):
        await admit(core, operation)
    operation.obj = doomed = copy_of(old)
    if not options.propagation_policy and _leaves_dependents(served, old):
        options = replace(options, propagation_policy="Orphan")
    _doom(doomed, served, options)
    deleted = await _deleted(core, operation, current, doomed, options)
    return replace(deleted, warnings=tuple(operation.warnings))


def _leaves_dependents(served: Served, old: RawObject) -> bool:
    return served.behaviour.orphans_dependents and FOREGROUND not in (
        old["metadata"].get("finalizers") or ()
    )


async def _deleted(
    core: Core, operation: Operation, current: Stored, doomed: RawObject, options: DeleteOptions
) -> Deleted:
    served, old = operation.served, operation.old
    assert old is not None
    details = _details(served, old)
    if held(doomed):
        if doomed == old or options.dry_run:
            return Deleted(dumps(ordered(doomed)), False, details)
        operation.obj = doomed
        return Deleted(await store_as_is(core, operation, current), False, details)
    if options.dry_run:
        return Deleted(dumps(ordered(old)), True, details)
    if not _is_graceful(served) and "deletionTimestamp" not in old["metadata"]:
        # What goes at once has never been seen going.
        operation.obj = copy_of(old)
    return Deleted(await remove_object(core, operation, current), True, details)


def _doom(obj: RawObject, served: Served, options: DeleteOptions) -> None:
    """What a deletion writes into the object, once."""
    metadata = obj["metadata"]
    grace_s = _grace_s(obj, served, options)
    finalizer = POLICIES[options.propagation_policy]
    finalizers = [*(metadata.get("finalizers") or ())]
    if options.propagation_policy:
        finalizers = [name for name in finalizers if name not in (FOREGROUND, ORPHAN)]
    if finalizer and finalizer not in finalizers:
        finalizers.append(finalizer)
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    if "deletionTimestamp" not in metadata:
        metadata["deletionTimestamp"] = _moment(grace_s)
        if served.collection != "core/namespaces":
            metadata["deletionGracePeriodSeconds"] = grace_s
        if served.behaviour.counts_generations:
            metadata["generation"] = metadata.get("generation", 0) + 1
    elif grace_s < metadata.get("deletionGracePeriodSeconds", 0):
        metadata["deletionTimestamp"] = _moment(grace_s)
        metadata["deletionGracePeriodSeconds"] = grace_s
    if served.resource.kind == "Namespace" and not served.resource.group:
        obj.setdefault("status", {})["phase"] = "Terminating"


def _is_graceful(served: Served) -> bool:
    return served.collection == "core/pods"


def _moment(from_now_s: int) -> str:
    return timestamp(datetime.now(UTC) + timedelta(seconds=from_now_s))


def _grace_s(obj: RawObject, served: Served, options: DeleteOptions) -> int:
    """Only pods that run somewhere end gracefully; everything else goes at once."""
    if served.collection != "core/pods":
        return 0
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in POD_PHASES_ENDED:
        return 0
    if options.grace_period_s is not None:
        return max(0, options.grace_period_s)
    return int(spec.get("terminationGracePeriodSeconds") or POD_GRACE_S)


def _check_preconditions(served: Served, name: str, old: RawObject, options: DeleteOptions) -> None:
    metadata = old["metadata"]
    if options.uid and options.uid != metadata["uid"]:
        raise refusals.uid_precondition(served, name, options.uid, metadata["uid"])
    version = metadata["resourceVersion"]
    if options.resource_version and options.resource_version != version:
        raise refusals.version_precondition(served, name, options.resource_version, version)


def _details(served: Served, obj: RawObject) -> RawObject:
    details: RawObject = {"name": obj["metadata"]["name"]}
    if served.resource.group:
        details["group"] = served.resource.group
    return {**details, "kind": served.resource.plural, "uid": obj["metadata"]["uid"]}
