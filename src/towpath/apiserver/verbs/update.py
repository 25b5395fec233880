"""update: replace an object or its status. A resourceVersion in it must be the current one."""

from collections.abc import Callable

from msgspec.structs import replace

from towpath.apiserver import refusals
from towpath.apiserver.calls import Target, WriteOptions, Written
from towpath.apiserver.conversion import read_in_version
from towpath.apiserver.core import Core, key_for
from towpath.apiserver.encoding import copy_of, dumps, loads
from towpath.apiserver.registry import Served
from towpath.apiserver.scale import SCALE, read_scale, scale_of, with_scale
from towpath.apiserver.verbs.create import (
    address,
    check_identity,
    check_version_number,
    operation_of,
    placed,
    receive,
)
from towpath.apiserver.writing import (
    Telling,
    change_object,
    create_object,
    read,
    report_unknown,
    without_repeated_owners,
)
from towpath.machinery.builtins.decoding import go_kind
from towpath.machinery.errors import AlreadyExists, NotFound, Undecodable
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.store.contract import RevisionMismatch

ATTEMPTS = 50
"""Of a change that does not name the version it is for, when others write the same object."""

WRITABLE = ("", "approval", "status", "scale", "finalize", "resize", "ephemeralcontainers")

MakeNew = Callable[[RawObject], RawObject]
"""The current object in (its own copy), the wanted one out."""


async def update(
    core: Core, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
) -> Written:
    served = core.registry.find(target.resource)
    if target.subresource == "scale":
        await core.require(user, "update", target)
        check_subresource(served, target)
        read_scale(copy_of(obj), custom=served.custom)
        return await change_scale(core, user, target, options, "update", lambda _old: obj)
    await core.require(user, "update", placed(served, target, obj))
    check_subresource(served, target)
    warnings: list[str] = []
    with Telling(warnings):
        receive(served, obj, options.field_validation, warnings)
        is_named = bool(obj["metadata"].get("name"))
        target = address(served, target, obj)
        if not is_named:
            raise refusals.nameless(target.name)
        without_repeated_owners(obj, warnings)
        return await _replace(core, user, target, obj, options, warnings)


async def _replace(
    core: Core,
    user: UserInfo,
    target: Target,
    obj: RawObject,
    options: WriteOptions,
    warnings: list[str],
) -> Written:
    served = core.registry.find(target.resource)

    def replaced(old: RawObject) -> RawObject:
        if served.needs_version and not obj["metadata"].get("resourceVersion"):
            raise refusals.versionless(served, target.name)
        return copy_of(obj)

    try:
        return await change(core, user, target, options, "update", replaced, read_with=warnings)
    except NotFound as error:
        if not is_about(error, served, target):
            raise
        if not served.behaviour.created_by_update or target.subresource:
            raise
    if uid := obj["metadata"].get("uid"):
        raise refusals.uid_mismatch(served, target, uid)
    check_version_number(obj["metadata"].get("resourceVersion") or "0")
    await core.require(user, "create", target)
    operation = operation_of(user, target, served, obj, options, "update", warnings)
    return await create_object(core, operation)


def is_about(error: AlreadyExists | NotFound, served: Served, target: Target) -> bool:
    """Whether the object itself is meant, not its namespace or one of its subresources."""
    about = (error.details.get("kind"), error.details.get("name"))
    return about == (served.resource.plural, target.name)


def check_subresource(served: Served, target: Target) -> None:
    subresource = target.subresource
    if subresource in WRITABLE:
        if not subresource or subresource in served.subresources:
            return
        raise NotFound("the server could not find the requested resource")
    raise refusals.method_not_allowed()


async def change(
    core: Core,
    user: UserInfo,
    target: Target,
    options: WriteOptions,
    verb: str,
    make_new: MakeNew,
    *,
    read_with: list[str] | None = None,
) -> Written:
    """Read, change, write, and again when somebody else was faster. `read_with` are the warnings
    about an object that has been read as one of its kind already.
    """
    served = core.registry.find(target.resource)
    key = key_for(served, target.namespace, target.name)
    for _ in range(ATTEMPTS):
        current = await core.store.settled(served.collection, key)
        if current is None:
            raise refusals.not_found(served, target.name)
        old = await read_in_version(core, current.value, served)
        obj = make_new(copy_of(old))
        warnings = [*(read_with or ())]
        with Telling(warnings):
            if read_with is None:
                check_form(served, target, obj)
                read(served, obj, options.field_validation, warnings)
            check_same(served, target, obj, old, verb)
        operation = operation_of(user, target, served, obj, options, verb, warnings, old)
        try:
            return await change_object(core, operation, current)
        except RevisionMismatch:
            continue
    raise refusals.conflict(served, target.name)


async def change_scale(
    core: Core,
    user: UserInfo,
    target: Target,
    options: WriteOptions,
    verb: str,
    make_scale: MakeNew,
) -> Written:
    """Change an object through its Scale: `make_scale` gets the current one."""
    served = core.registry.find(target.resource)
    paths = served.scale
    assert paths is not None

    warnings: list[str] = []

    def make_new(old: RawObject) -> RawObject:
        scale = make_scale(scale_of(old, paths))
        unknown = read_scale(scale, custom=served.custom)
        warnings[:] = report_unknown(SCALE, unknown, options.field_validation)
        return with_scale(old, scale, served)

    with Telling(warnings):
        written = await change(core, user, target, options, verb, make_new, read_with=warnings)
    return replace(written, object=dumps(scale_of(loads(written.object), paths)))


def check_form(served: Served, target: Target, obj: RawObject) -> None:
    """What a patch has made says what it is, and still is that."""
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    if not isinstance(metadata := obj["metadata"], dict):
        resource = served.resource
        where = "Go value" if served.custom else f"Go struct field {resource.kind}.metadata"
        why = f"json: cannot unmarshal {go_kind(metadata)} into {where} of type v1.ObjectMeta"
        raise Undecodable(resource.kind, resource.version, resource.kind, why)
    if not served.custom:
        # Go knows what it decodes.
        obj["kind"] = obj.get("kind") or served.resource.kind
        obj["apiVersion"] = obj.get("apiVersion") or served.resource.api_version
    if not obj.get("apiVersion") or not obj.get("kind"):
        raise refusals.nameless(target.name)
    check_identity(served, obj)


def check_same(served: Served, target: Target, obj: RawObject, old: RawObject, verb: str) -> None:
    """The object is still the one that the writer means."""
    wanted, found = obj["metadata"], old["metadata"]
    check_identity(served, obj)
    if served.resource.namespaced and wanted.get("namespace", target.namespace) not in (
        "",
        target.namespace,
    ):
        raise refusals.wrong_namespace()
    if not wanted.get("name"):
        raise refusals.nameless(target.name)
    if wanted["name"] != target.name:
        raise refusals.wrong_name(str(wanted["name"]), target.name)
    if verb == "update" and wanted.get("uid") and wanted["uid"] != found["uid"]:
        # A precondition of who replaces; to who patches it is a field that cannot change.
        raise refusals.uid_mismatch(served, target, wanted["uid"], found["uid"])
    version = wanted.get("resourceVersion")
    if version and version != found["resourceVersion"]:
        check_version_number(version)
        raise refusals.conflict(served, target.name)
