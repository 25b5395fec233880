"""apply: server-side apply. A manager says what it wants; who wants something else is told.

What is applied is pruned before its fields are counted and the result is defaulted after, so that
nobody owns what they did not write.
"""

from dataclasses import replace

from towpath.apiserver import objectmeta, refusals
from towpath.apiserver.calls import Target, WriteOptions, Written
from towpath.apiserver.core import Core, Operation, key_for
from towpath.apiserver.ownership import endpoint_resets
from towpath.apiserver.registry import Served
from towpath.apiserver.verbs.create import address
from towpath.apiserver.verbs.update import ATTEMPTS, change, is_about
from towpath.apiserver.writing import create_object
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
)
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

APPLY = "application/apply-patch+yaml"


async def apply(
    core: Core, user: UserInfo, target: Target, body: RawObject, options: WriteOptions
) -> Written:
    served = core.registry.find(target.resource)
    if not options.field_manager:
        raise _no_manager()
    said = (body.get("apiVersion"), body.get("kind"))
    if said != (served.resource.api_version, served.resource.kind):
        group, _, version = str(body.get("apiVersion") or "").rpartition("/")
        kind = body.get("kind") or ""
        raise BadRequest(f"invalid object type: {group}/{version}, Kind={kind}")
    target = address(served, target, body)
    objectmeta.check_shape(body)
    if served.schema is not None and (unknown := served.schema.prune(body)):
        raise _undeclared(target, body, unknown)
    key = key_for(served, target.namespace, target.name)
    for _ in range(ATTEMPTS):
        current = await core.store.settled(served.collection, key)
        try:
            if current is None:
                written = await _create(core, user, target, served, body, options)
            else:
                written = await _change(core, user, target, served, body, options)
        except (AlreadyExists, NotFound) as error:
            if not target.subresource and is_about(error, served, target):
                # Made or deleted by somebody else since we looked: look again.
                continue
            raise
        return written
    raise refusals.conflict(served, target.name)


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
    operation = Operation(
        user, target, served, "apply", "CREATE", obj, None, options.dry_run, options.field_manager
    )
    return await create_object(core, operation, "Ignore")


async def _change(
    core: Core,
    user: UserInfo,
    target: Target,
    served: Served,
    body: RawObject,
    options: WriteOptions,
) -> Written:
    wanted = body["metadata"]

    def make_new(old: RawObject) -> RawObject:
        found = old["metadata"]
        if wanted.get("uid") and wanted["uid"] != found["uid"]:
            raise refusals.uid_mismatch(served, target.name, wanted["uid"], found["uid"])
        if wanted.get("resourceVersion", found["resourceVersion"]) != found["resourceVersion"]:
            raise refusals.conflict(served, target.name)
        return _merged(old, body, target, served, options)

    return await change(core, user, target, options, "apply", make_new)


def _merged(
    live: RawObject | None, body: RawObject, target: Target, served: Served, options: WriteOptions
) -> RawObject:
    return ownership.apply(
        live,
        body,
        served.topology,
        manager=options.field_manager,
        now=now(),
        force=options.force,
        subresource=target.subresource,
        resets=endpoint_resets(target.subresource, served.has_status, body),
    )


def _undeclared(target: Target, body: RawObject, unknown: list[str]) -> CannotBeApplied:
    """Ownership needs to know every field, so that here an unknown one is more than a warning."""
    words = [f".{path}: field not declared in schema" for path in unknown]
    group, _, version = body["apiVersion"].rpartition("/")
    said = words[0] if len(words) == 1 else "errors:\n" + "\n".join(f"  {each}" for each in words)
    namespace = body["metadata"].get("namespace", "")
    return CannotBeApplied(
        f"failed to create typed patch object ({namespace}/{target.name}; {group}/{version}, "
        f"Kind={body['kind']}): {said}"
    )


def _no_manager() -> Invalid:
    cause: Cause = required("fieldManager", "is required for apply patch")
    return Invalid(
        f'PatchOptions.meta.k8s.io "" is invalid: fieldManager: {cause.message}',
        details={"group": "meta.k8s.io", "kind": "PatchOptions"},
        causes=[cause],
    )
