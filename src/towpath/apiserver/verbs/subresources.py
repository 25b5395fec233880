"""Subresources that are created: `eviction` deletes a pod, `binding` gives it a node."""

from msgspec.structs import replace

from towpath.apiserver import refusals
from towpath.apiserver.calls import DeleteOptions, Target, WriteOptions, Written
from towpath.apiserver.core import Core
from towpath.apiserver.encoding import dumps
from towpath.apiserver.verbs.delete import delete_object
from towpath.apiserver.verbs.update import change
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

SUCCESS: RawObject = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Success",
    "code": 201,
}


async def create_subresource(
    core: Core, user: UserInfo, target: Target, body: RawObject, options: WriteOptions
) -> Written:
    served = core.registry.find(target.resource)
    await core.require(user, "create", target)
    if served.collection == "core/pods" and target.subresource == "eviction":
        return await _evict(core, user, target, body, options)
    if served.collection == "core/pods" and target.subresource == "binding":
        return await _bind(core, user, target, body, options)
    raise refusals.method_not_allowed()


async def _evict(
    core: Core, user: UserInfo, target: Target, body: RawObject, options: WriteOptions
) -> Written:
    """Disruption budgets are shown and not enforced here, so an eviction is a deletion."""
    wanted = body.get("deleteOptions") or {}
    preconditions = wanted.get("preconditions") or {}
    await delete_object(
        core,
        user,
        replace(target, subresource=""),
        DeleteOptions(
            dry_run=options.dry_run,
            grace_period_s=wanted.get("gracePeriodSeconds"),
            uid=preconditions.get("uid", ""),
            resource_version=preconditions.get("resourceVersion", ""),
        ),
    )
    return Written(dumps(SUCCESS), created=True)


async def _bind(
    core: Core, user: UserInfo, target: Target, body: RawObject, options: WriteOptions
) -> Written:
    node = (body.get("target") or {}).get("name")
    if not node:
        raise BadRequest("a binding names the node in target.name")

    def bound(pod: RawObject) -> RawObject:
        pod["spec"]["nodeName"] = node
        return pod

    await change(core, user, target, options, "update", bound)
    return Written(dumps(SUCCESS), created=True)
