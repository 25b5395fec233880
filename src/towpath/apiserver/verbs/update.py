"""update: replace an object or its status. A resourceVersion in it must be the current one."""

from collections.abc import Callable

from msgspec.structs import replace

from towpath.apiserver import refusals
from towpath.apiserver.calls import Target, WriteOptions, Written
from towpath.apiserver.conversion import read_in_version
from towpath.apiserver.core import Core, Operation, key_for
from towpath.apiserver.encoding import copy_of, dumps, loads
from towpath.apiserver.registry import Served
from towpath.apiserver.scale import scale_of, with_scale
from towpath.apiserver.verbs.create import address, check_identity
from towpath.apiserver.writing import change_object, create_object, read_as_kind, report_unknown
from towpath.machinery.errors import AlreadyExists, NotFound
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
        return await change_scale(core, user, target, options, "update", lambda _old: obj)
    is_named = bool((obj.get("metadata") or {}).get("name"))
    target = address(served, target, obj)
    await core.require(user, "update", target)
    check_subresource(served, target)
    if not is_named:
        raise refusals.nameless(target.name)

    def replaced(old: RawObject) -> RawObject:
        if served.needs_version and not obj["metadata"].get("resourceVersion"):
            warnings: list[str] = []
            unknown = read_as_kind(served, obj)
            report_unknown(served, unknown, options.field_validation, warnings)
            refusal = refusals.versionless(served, target.name)
            refusal.warnings = tuple(warnings)
            raise refusal
        return copy_of(obj)

    try:
        return await change(core, user, target, options, "update", replaced)
    except NotFound as error:
        if not is_about(error, served, target):
            raise
        if not served.behaviour.created_by_update or target.subresource:
            # What cannot be read is refused before anybody looks whether it exists.
            read_as_kind(served, obj)
            raise
    await core.require(user, "create", target)
    operation = Operation(
        user, target, served, "update", "CREATE", obj, None, options.dry_run, options.field_manager
    )
    return await create_object(core, operation, options.field_validation)


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
) -> Written:
    """Read, change, write, and again when somebody else was faster."""
    served = core.registry.find(target.resource)
    key = key_for(served, target.namespace, target.name)
    for _ in range(ATTEMPTS):
        current = await core.store.settled(served.collection, key)
        if current is None:
            raise refusals.not_found(served, target.name)
        old = await read_in_version(core, current.value, served)
        obj = make_new(copy_of(old))
        check_same(served, target, obj, old)
        operation = Operation(
            user, target, served, verb, "UPDATE", obj, old, options.dry_run, options.field_manager
        )
        try:
            return await change_object(core, operation, current, options.field_validation)
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

    def make_new(old: RawObject) -> RawObject:
        return with_scale(old, make_scale(scale_of(old, paths)), served)

    written = await change(core, user, target, options, verb, make_new)
    return replace(written, object=dumps(scale_of(loads(written.object), paths)))


def check_same(served: Served, target: Target, obj: RawObject, old: RawObject) -> None:
    """The object is still the one that the writer means."""
    wanted, found = obj.get("metadata"), old["metadata"]
    if not isinstance(wanted, dict):
        raise refusals.nameless(target.name)
    if not obj.get("apiVersion") or not obj.get("kind"):
        raise refusals.nameless(target.name)
    check_identity(served, obj)
    if not wanted.get("name"):
        raise refusals.nameless(target.name)
    if wanted["name"] != target.name:
        raise refusals.wrong_name(str(wanted["name"]), target.name)
    if wanted.get("namespace", target.namespace) not in ("", target.namespace):
        raise refusals.wrong_namespace()
    if wanted.get("uid") and wanted["uid"] != found["uid"]:
        raise refusals.uid_mismatch(served, target.name, wanted["uid"], found["uid"])
    version = wanted.get("resourceVersion")
    if version and version != found["resourceVersion"]:
        raise refusals.conflict(served, target.name)
