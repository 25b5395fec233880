"""create: a new object, under its own name or a generated one."""

from dataclasses import replace

from towpath.apiserver import objectmeta, refusals
from towpath.apiserver.calls import Target, WriteOptions, Written
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.registry import Served
from towpath.apiserver.writing import create_object
from towpath.machinery.errors import AlreadyExists, BadRequest
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

GENERATE_TRIES = 8


async def create(
    core: Core, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
) -> Written:
    served = core.registry.find(target.resource)
    target = address(served, target, obj)
    await core.require(user, "create", replace(target, name=""))
    if target.name:
        return await create_object(
            core,
            new_operation(user, target, served, obj, options, "create"),
            options.field_validation,
        )
    return await _create_generated(core, user, target, served, obj, options)


async def _create_generated(
    core: Core,
    user: UserInfo,
    target: Target,
    served: Served,
    obj: RawObject,
    options: WriteOptions,
) -> Written:
    base = obj["metadata"].get("generateName", "")
    tries = GENERATE_TRIES if base else 1
    for left in reversed(range(tries)):
        name = objectmeta.generated_name(base) if base else ""
        obj["metadata"]["name"] = name
        named = replace(target, name=name)
        operation = new_operation(user, named, served, obj, options, "create")
        try:
            return await create_object(core, operation, options.field_validation)
        except AlreadyExists:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def new_operation(
    user: UserInfo,
    target: Target,
    served: Served,
    obj: RawObject,
    options: WriteOptions,
    verb: str,
) -> Operation:
    return Operation(
        user, target, served, verb, "CREATE", obj, None, options.dry_run, options.field_manager
    )


def address(served: Served, target: Target, obj: RawObject) -> Target:
    """Where the object belongs: name and namespace of the URL and of the object must agree."""
    resource = served.resource
    check_kind(served, obj)
    metadata = obj.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        raise BadRequest("metadata must be an object")
    namespace = metadata.get("namespace") or ""
    if not resource.namespaced:
        namespace = ""
    elif target.namespace and namespace and namespace != target.namespace:
        raise refusals.wrong_namespace()
    namespace = (target.namespace or namespace) if resource.namespaced else ""
    if resource.namespaced and not namespace:
        raise BadRequest("an empty namespace may not be set during creation")
    name = str(metadata.get("name") or "")
    if target.name and name and target.name != name:
        raise refusals.wrong_name(name, target.name)
    if target.name and not name:
        metadata["name"] = name = target.name
    return replace(target, namespace=namespace, name=name)


def check_kind(served: Served, obj: RawObject) -> None:
    """Complete an object that leaves out its kind; refuse one that says another."""
    resource = served.resource
    api_version = obj.get("apiVersion") or resource.api_version
    kind = obj.get("kind") or resource.kind
    if (api_version, kind) != (resource.api_version, resource.kind):
        raise BadRequest(
            f"the API version or kind in the data ({api_version}, Kind={kind}) does not match the "
            f"expected ({resource.api_version}, Kind={resource.kind})"
        )
    obj["apiVersion"], obj["kind"] = api_version, kind
