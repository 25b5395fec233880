"""apply: server-side apply. A manager says what it wants; who wants something else is told.

What is applied is pruned before its fields are counted and the result is defaulted after, so that
nobody owns what they did not write.
"""

from msgspec.structs import replace

from towpath.apiserver import objectmeta, refusals
from towpath.apiserver.calls import Target, WriteOptions, Written
from towpath.apiserver.core import Core, key_for
from towpath.apiserver.ownership import endpoint_resets
from towpath.apiserver.registry import Served
from towpath.apiserver.verbs.create import address, check_version_number, operation_of
from towpath.apiserver.verbs.update import ATTEMPTS, change, is_about
from towpath.apiserver.writing import create_object, read_as_kind
from towpath.machinery import apply as ownership
from towpath.machinery.causes import required
from towpath.machinery.conditions import now
from towpath.machinery.errors import (
    AlreadyExists,
    BadRequest,
    CannotBeApplied,
    Cause,
    Invalid,
    NotFound,
    Undecodable,
)
from towpath.machinery.go_values import go_type
from towpath.machinery.objects import RawObject
from towpath.machinery.typed import typed_errors
from towpath.machinery.users import UserInfo

APPLY = "application/apply-patch+yaml"


async def apply(
    core: Core, user: UserInfo, target: Target, body: RawObject, options: WriteOptions
) -> Written:
    served = core.registry.find(target.resource)
    if not options.field_manager:
        raise _no_manager()
    _check_kind(served, body)
    key = key_for(served, target.namespace, target.name)
    if target.subresource and await core.store.settled(served.collection, key) is None:
        raise refusals.not_found(served, target.name)
    _check_types(served, body)
    for _ in range(ATTEMPTS):
        current = await core.store.settled(served.collection, key)
        try:
            if current is None:
                written = await _create(core, user, target, served, body, options)
            else:
                written = await _change(core, user, target, served, body, options)
        except Undecodable as error:
            raise _not_converted(body, error.why) from None
        except (AlreadyExists, NotFound) as error:
            if not target.subresource and is_about(error, served, target):
                # Made or deleted by somebody else since we looked: look again.
                continue
            raise
        return written
    raise refusals.conflict(served, target.name)


def _check_kind(served: Served, body: RawObject) -> None:
    said = (body.get("apiVersion"), body.get("kind"))
    if said != (served.resource.api_version, served.resource.kind):
        group, _, version = str(body.get("apiVersion") or "").rpartition("/")
        kind = body.get("kind") or ""
        raise BadRequest(f"invalid object type: {group}/{version}, Kind={kind}")


def _check_types(served: Served, body: RawObject) -> None:
    """Raise unless its fields can be counted."""
    if body.get("metadata") is None:
        body["metadata"] = {}
    metadata = body["metadata"]
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")
    if served.schema is not None and (wrong := typed_errors(body, served.schema.openapi)):
        raise _untyped(body, wrong)
    if not isinstance(metadata, dict):
        raise BadRequest(f"metadata is an object, and no {go_type(metadata)}")


async def _create(
    core: Core,
    user: UserInfo,
    target: Target,
    served: Served,
    body: RawObject,
    options: WriteOptions,
) -> Written:
    if target.subresource:
        raise refusals.not_found(served, target.name)
    await core.require(user, "create", replace(target, name=""))
    obj = _merged(None, body, target, served, options)
    warnings: list[str] = []
    _read(served, obj)
    if uid := obj["metadata"].get("uid"):
        raise refusals.uid_of_nothing(served, target.name, uid)
    check_version_number(obj["metadata"].get("resourceVersion") or "0")
    if not obj["metadata"].get("name"):
        raise refusals.nameless(target.name)
    target = address(served, target, obj)
    operation = operation_of(user, target, served, obj, options, "apply", warnings)
    return await create_object(core, operation)


async def _change(
    core: Core,
    user: UserInfo,
    target: Target,
    served: Served,
    body: RawObject,
    options: WriteOptions,
) -> Written:
    def make_new(old: RawObject) -> RawObject:
        obj = _merged(old, body, target, served, options)
        _read(served, obj)
        return obj

    return await change(core, user, target, options, "apply", make_new, read_with=[])


def _read(served: Served, obj: RawObject) -> None:
    """What was applied has been found to fit its type. Of a custom kind only metadata is read
    again: a null that somebody applies stays, to be refused.
    """
    obj.setdefault("metadata", {})
    if served.custom:
        objectmeta.read(served.resource, obj)
    else:
        if served.schema is not None:
            served.schema.wrap(obj)
        read_as_kind(served, obj)


def _merged(
    live: RawObject | None, body: RawObject, target: Target, served: Served, options: WriteOptions
) -> RawObject:
    merged = ownership.apply(
        live,
        body,
        served.topology,
        manager=options.field_manager,
        now=now(),
        force=options.force,
        subresource=target.subresource,
        resets=endpoint_resets(target.subresource, served, body),
        empty=served.schema.empty if served.schema is not None else None,
    )
    # What nobody owns and who applies may still name, as who updates may.
    wanted = body["metadata"]
    # Go alone minds a time that is none.
    times = () if served.custom else ("creationTimestamp",)
    for name in ("uid", "resourceVersion", "selfLink", "generation", *times):
        if wanted.get(name):
            merged["metadata"][name] = wanted[name]
    return merged


def _untyped(body: RawObject, wrong: list[str]) -> CannotBeApplied:
    """Ownership needs to know every field, so that here an unknown one is more than a warning."""
    said = wrong[0] if len(wrong) == 1 else "errors:\n" + "\n".join(f"  {each}" for each in wrong)
    return CannotBeApplied(f"failed to create typed patch object ({_called(body)}): {said}")


def _called(body: RawObject) -> str:
    group, _, version = body["apiVersion"].rpartition("/")
    metadata = body["metadata"] if isinstance(body["metadata"], dict) else {}
    namespace, name = metadata.get("namespace") or "", metadata.get("name") or ""
    return f"{namespace}/{name}; {group}/{version}, Kind={body['kind']}"


def _not_converted(body: RawObject, why: str) -> CannotBeApplied:
    group, _, version = body["apiVersion"].rpartition("/")
    kind = f"{group}/{version}, Kind={body['kind']}"
    return CannotBeApplied(
        f"failed to convert new object ({_called(body)}) to proper version: "
        f"unable to convert unstructured object to {kind}: {why}"
    )


def _no_manager() -> Invalid:
    cause: Cause = required("fieldManager", "is required for apply patch")
    return Invalid(
        f'PatchOptions.meta.k8s.io "" is invalid: fieldManager: {cause.message}',
        details={"group": "meta.k8s.io", "kind": "PatchOptions"},
        causes=[cause],
    )
