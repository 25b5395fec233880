"""create: a new object, under its own name or a generated one."""

from msgspec.structs import replace

from towpath.apiserver import objectmeta, refusals
from towpath.apiserver.calls import Target, WriteOptions, Written
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.registry import Served
from towpath.apiserver.writing import Telling, create_object, read, without_repeated_owners
from towpath.machinery import builtins
from towpath.machinery.causes import invalid, invalid_value, quote
from towpath.machinery.errors import AlreadyExists, BadRequest, Unclassified, Undecodable
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

GENERATE_TRIES = 8


async def create(
    core: Core, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
) -> Written:
    served = core.registry.find(target.resource)
    await core.require(user, "create", replace(placed(served, target, obj), name=""))
    warnings: list[str] = []
    with Telling(warnings):
        receive(served, obj, options.field_validation, warnings)
        target = address(served, target, obj)
        check_identity(served, obj)
        without_repeated_owners(obj, warnings)
        if target.name:
            operation = operation_of(user, target, served, obj, options, "create", warnings)
            return await _create_named(core, operation)
        return await _create_generated(core, user, target, served, obj, options, warnings)


async def _create_named(core: Core, operation: Operation) -> Written:
    try:
        return await create_object(core, operation)
    except AlreadyExists as error:
        about = error.details.get("kind"), error.details.get("name")
        meant = operation.served.resource.plural, operation.name
        if about != meant or not operation.obj["metadata"].get("generateName"):
            raise
        raise refusals.not_unique(operation.served, operation.name) from None


async def _create_generated(
    core: Core,
    user: UserInfo,
    target: Target,
    served: Served,
    obj: RawObject,
    options: WriteOptions,
    warnings: list[str],
) -> Written:
    base = obj["metadata"].get("generateName", "")
    tries = GENERATE_TRIES if base else 1
    for left in reversed(range(tries)):
        name = objectmeta.generated_name(base) if base else ""
        obj["metadata"]["name"] = name
        named = replace(target, name=name)
        operation = operation_of(user, named, served, obj, options, "create", [*warnings])
        try:
            return await create_object(core, operation)
        except AlreadyExists:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def operation_of(
    user: UserInfo,
    target: Target,
    served: Served,
    obj: RawObject,
    options: WriteOptions,
    verb: str,
    warnings: list[str],
    old: RawObject | None = None,
) -> Operation:
    """The write of an object in place of an old one, or of none."""
    return Operation(
        user=user,
        target=target,
        served=served,
        verb=verb,
        kind="UPDATE" if old is not None else "CREATE",
        obj=obj,
        old=old,
        dry_run=options.dry_run,
        manager=options.field_manager,
        warnings=warnings,
    )


def check_version_number(version: str) -> None:
    """Raise Unclassified unless it may be the resourceVersion of an object."""
    if not (version.isascii() and version.isdecimal()):
        raise Unclassified(f"strconv.ParseUint: parsing {quote(version)}: invalid syntax")


def receive(served: Served, obj: RawObject, validation: str, warnings: list[str]) -> None:
    """Read what was sent as an object of the kind. Raises BadRequest."""
    check_version(served, obj)
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    read(served, obj, validation, warnings)


def placed(served: Served, target: Target, obj: RawObject) -> Target:
    """With the namespace of the object where the URL has none."""
    if target.namespace or not served.resource.namespaced:
        return target
    metadata = obj.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else ""
    return replace(target, namespace=str(namespace or ""))


def address(served: Served, target: Target, obj: RawObject) -> Target:
    """Where the object belongs: name and namespace of the URL and of the object must agree."""
    resource, metadata = served.resource, obj["metadata"]
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


def check_version(served: Served, obj: RawObject) -> None:
    """Complete an object that leaves out its kind; refuse one of another version, and for
    built-in kinds one of another kind.
    """
    resource = served.resource
    api_version = obj.get("apiVersion") or resource.api_version
    kind = obj.get("kind") or resource.kind
    if served.custom and api_version != resource.api_version:
        raise BadRequest(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    obj["apiVersion"], obj["kind"] = api_version, kind
    if not served.custom:
        check_identity(served, obj)


def check_identity(served: Served, obj: RawObject) -> None:
    """Refuse an object that says that it is of another kind or version."""
    resource = served.resource
    api_version, kind = obj["apiVersion"], obj["kind"]
    if (api_version, kind) == (resource.api_version, resource.kind):
        return
    if not served.custom:
        api_version, kind = str(api_version), str(kind)
        version = api_version.rpartition("/")[2]
        why = _not_convertible(resource, api_version, kind)
        raise Undecodable(kind, version, resource.kind, why)
    causes = [
        invalid_value(field, found, f"must be {wanted}")
        for field, found, wanted in (
            ("apiVersion", api_version, resource.api_version),
            ("kind", kind, resource.kind),
        )
        if found != wanted
    ]
    raise invalid(resource.group, kind, obj["metadata"].get("name", ""), causes)


def _not_convertible(resource: Resource, api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    if builtins.find(group, version, kind) is None:
        return (
            f"no kind {quote(kind)} is registered for version {quote(api_version)} in scheme "
            '"pkg/runtime/scheme.go:111"'
        )
    internal = (resource.group or "core").partition(".")[0]
    return f"converting ({version}.{kind}) to ({internal}.{resource.kind}): unknown conversion"
