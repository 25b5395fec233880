"""The way of every write from a client's object to the store, in one place and one order.

    create: metadata, prune, default, prepare, field ownership, mutating admission, validation,
            validating admission, commit
    change: the same, from the current object; nothing is written when nothing has changed

Verbs differ in what they start from; none of them writes in another way.
"""

import time

import orjson
from msgspec.structs import replace

from towpath.apiserver import objectmeta, ownership, refusals
from towpath.apiserver.calls import Written
from towpath.apiserver.conversion import as_stored, one_in_version
from towpath.apiserver.core import Core, Operation, key_for
from towpath.apiserver.encoding import copy_of, dumps, encode, ordered
from towpath.apiserver.kinds.resizing import resize_causes, resized
from towpath.apiserver.registry import Served
from towpath.machinery.causes import forbidden
from towpath.machinery.conditions import now
from towpath.machinery.errors import Cause, StatusError, Unclassified, Undecodable
from towpath.machinery.kinds import Resource
from towpath.machinery.names import (
    check_metadata,
    check_metadata_maps,
    check_metadata_update,
    dns1035_errors,
    generated_name_causes,
    is_qualified_finalizer,
    label_errors,
    path_segment_errors,
    subdomain_errors,
    unqualified_finalizers,
)
from towpath.machinery.objects import RawObject
from towpath.store.contract import Audit, RevisionMismatch, Stored, Write

PARTS = {"approval": "status", "status": "status", "finalize": "spec"}
"""Subresources that are one field of the object; the others change what they are about."""
_REPEATED = (
    ".metadata.ownerReferences contains duplicate entries{}; API server dedups owner references "
    "in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate "
    "UID(s) observed: "
)
REPEATED_OWNERS = _REPEATED.format("")
REPEATED_OWNERS_AFTER = _REPEATED.format(" after mutating admission happens")
_RESET = ("labels", "annotations", "finalizers", "ownerReferences")
KEPT_BESIDE_STATUS = {
    **dict.fromkeys(("ValidatingAdmissionPolicy", "VolumeAttachment", "ResourceClaim"), _RESET),
    **dict.fromkeys(("ServiceCIDR", "CustomResourceDefinition"), _RESET),
    "Deployment": ("labels",),
    "Pod": ("ownerReferences",),
}
"""Metadata of built-in kinds that a write to the status leaves alone."""
LENIENT = ("apiextensions.k8s.io", "policy")
"""Groups of built-in kinds whose finalizers need not say whose they are."""
NAME_ERRORS = {
    "subdomain": subdomain_errors,
    "label": label_errors,
    "label1035": dns1035_errors,
    "path": path_segment_errors,
}


async def create_object(core: Core, operation: Operation) -> Written:
    """Store a new object, which has been read already. Raises AlreadyExists and everything that
    admission raises.
    """
    with Telling(operation.warnings):
        return await _create(core, operation)


class Telling:
    """Who is refused hears all the same what is to be said of the request.

    `besides` what the refusal says itself; otherwise where it says nothing yet.
    """

    __slots__ = ("_besides", "_warnings")

    def __init__(self, warnings: list[str], *, besides: bool = False) -> None:
        self._warnings = warnings
        self._besides = besides

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        if isinstance(error, StatusError) and (self._besides or not error.warnings):
            error.warnings = (*self._warnings, *error.warnings)


async def _create(core: Core, operation: Operation) -> Written:
    served, obj = operation.served, operation.obj
    behaviour = served.behaviour
    version = obj["metadata"].get("resourceVersion") or ""
    objectmeta.begin(
        obj,
        operation.namespace,
        counts_generations=behaviour.counts_generations,
        created=operation.verb == "create",
    )
    if served.has_status:
        _begin_status(served, obj)
    default(operation)
    ownership.record(operation)
    prepare(operation)
    for admit in core.mutating.of(served.collection):
        await admit(core, operation)
    without_repeated_owners(operation.obj, operation.warnings, REPEATED_OWNERS_AFTER)
    _validate(operation)
    await _ask(core, operation)
    is_versioned = version.isdecimal() and bool(version.strip("0"))
    if is_versioned and operation.verb == "create" and not operation.dry_run:
        raise Unclassified("resourceVersion should not be set on objects to be created")
    if operation.dry_run:
        key = key_for(served, operation.namespace, operation.name)
        if core.store.get(served.collection, key) is not None:
            raise refusals.already_exists(served, operation.name)
        return await _dry(core, operation, created=True)
    try:
        stored = await _commit(core, operation, expected=0)
    except RevisionMismatch:
        raise refusals.already_exists(served, operation.name) from None
    value = await one_in_version(core, stored.value, served)
    return Written(value, True, tuple(operation.warnings))


async def change_object(core: Core, operation: Operation, current: Stored) -> Written:
    """Store a change of `operation.old`, if it is one; what is wanted has been read already.
    Raises RevisionMismatch: start again.
    """
    with Telling(operation.warnings):
        return await _change(core, operation, current)


async def _change(core: Core, operation: Operation, current: Stored) -> Written:
    served, old = operation.served, operation.old
    assert old is not None
    confine(operation)
    objectmeta.carry_over(operation.obj, old, dry_run=operation.dry_run)
    default(operation)
    ownership.record(operation)
    prepare(operation)
    for admit in core.mutating.of(served.collection):
        await admit(core, operation)
    without_repeated_owners(operation.obj, operation.warnings, REPEATED_OWNERS_AFTER)
    obj = operation.obj
    if obj == old:
        value = await one_in_version(core, current.value, served)
        return Written(value, False, tuple(operation.warnings))
    count_generation(operation)
    await check(core, operation)
    if operation.dry_run:
        return await _dry(core, operation, created=False)
    finished = "deletionTimestamp" in old["metadata"] and not held(obj)
    stored = await _commit(core, operation, expected=current.revision, deleted=finished)
    value = await one_in_version(core, stored.value, served)
    return Written(value, False, tuple(operation.warnings))


async def remove_object(core: Core, operation: Operation, current: Stored) -> bytes:
    """Take an object away for good. Raises RevisionMismatch: start again."""
    stored = await _commit(core, operation, expected=current.revision, deleted=True)
    return await one_in_version(core, stored.value, operation.served)


async def store_as_is(core: Core, operation: Operation, current: Stored) -> bytes:
    """Store a change that the server itself makes: no admission. Raises RevisionMismatch."""
    stored = await _commit(core, operation, expected=current.revision)
    return await one_in_version(core, stored.value, operation.served)


def without_repeated_owners(
    obj: RawObject, warnings: list[str], words: str = REPEATED_OWNERS
) -> None:
    owners = obj["metadata"].get("ownerReferences") or ()
    kept: dict[bytes, RawObject] = {}
    repeated = [
        owner.get("uid", "")
        for owner in owners
        if kept.setdefault(orjson.dumps(owner, option=orjson.OPT_SORT_KEYS), owner) is not owner
    ]
    if repeated:
        obj["metadata"]["ownerReferences"] = [*kept.values()]
        warnings.append(words + ", ".join(repeated))


def held(obj: RawObject) -> bool:
    """Whether something must still happen before a deleted object may go."""
    metadata = obj["metadata"]
    if metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"):
        return True
    return obj["kind"] == "Namespace" and bool((obj.get("spec") or {}).get("finalizers"))


def confine(operation: Operation) -> None:
    """A write to a subresource changes its part only; a write to the object all but the status."""
    obj, old, served = operation.obj, operation.old, operation.served
    assert old is not None
    if operation.target.subresource in PARTS:
        part = PARTS[operation.target.subresource]
        confined = copy_of(old)
        if operation.target.subresource == "status" and not served.custom:
            confined["metadata"] = _beside_the_status(obj, confined)
        if part in obj:
            confined[part] = obj[part]
        else:
            confined.pop(part, None)
        if "managedFields" in obj["metadata"]:
            confined["metadata"]["managedFields"] = obj["metadata"]["managedFields"]
        operation.obj = confined
    elif operation.target.subresource == "ephemeralcontainers":
        added = (obj.get("spec") or {}).get("ephemeralContainers") or []
        operation.obj = copy_of(old)
        operation.obj["spec"]["ephemeralContainers"] = added
    elif operation.target.subresource == "resize":
        operation.obj = resized(old, obj)
    elif served.has_status:
        if "status" in old:
            obj["status"] = old["status"]
        else:
            obj.pop("status", None)
        if _ephemeral(obj) != _ephemeral(old):
            words = "pod updates may not change ephemeralContainers; use pods/ephemeralcontainers"
            raise refusals.invalid(served, operation.name, [forbidden("spec", words)])


def _beside_the_status(obj: RawObject, old: RawObject) -> RawObject:
    """Most built-in kinds let who writes the status write metadata as well."""
    metadata = dict(obj["metadata"])
    for name in KEPT_BESIDE_STATUS.get(obj["kind"], ()):
        metadata.pop(name, None)
        if name in old["metadata"]:
            metadata[name] = old["metadata"][name]
    return metadata


def _ephemeral(obj: RawObject) -> object:
    return (obj.get("spec") or {}).get("ephemeralContainers") if obj["kind"] == "Pod" else None


def _begin_status(served: Served, obj: RawObject) -> None:
    """Nobody brings a status along: it begins as one that says nothing."""
    obj.pop("status", None)
    empty = served.schema.empty if served.schema is not None else {}
    if "status" in empty:
        obj["status"] = copy_of(empty["status"])


def complete(operation: Operation, validation: str) -> None:
    """What was sent, as it would be stored."""
    read(operation.served, operation.obj, validation, operation.warnings)
    default(operation)
    prepare(operation)


def read(served: Served, obj: RawObject, validation: str, warnings: list[str]) -> None:
    """Give what was sent the form of its kind, before anybody looks whether it may be written.
    Raises Undecodable.
    """
    unknown = read_as_kind(served, obj)
    if unknown:
        warnings += report_unknown(served.resource, unknown, validation)


def default(operation: Operation) -> None:
    """What the client did not say and owns all the same."""
    obj, served = operation.obj, operation.served
    if (schema := served.schema) is not None:
        schema.default(obj)
    served.behaviour.default(obj)


def prepare(operation: Operation) -> None:
    """What the server decides, and nobody owns."""
    if not operation.target.subresource:
        operation.served.behaviour.prepare(operation.obj, operation.old)


def read_as_kind(served: Served, obj: RawObject) -> list[str]:
    """Give the object the form of its kind; the fields that the kind does not know and that are
    gone now. Raises Undecodable.
    """
    metadata = obj.get("metadata")
    forgets = isinstance(metadata, dict) and metadata.get("managedFields") == []
    schema = served.schema
    unknown = schema.prune(obj) if schema is not None else []
    if served.custom:
        objectmeta.read(served.resource, obj)
        for wrong in schema.misread(obj) if schema is not None else ():
            resource, why = served.resource, f"{wrong.field}: {wrong.message}"
            raise Undecodable(resource.kind, resource.version, resource.kind, why)
    if forgets:
        # A wish, unlike every other list with nothing in it.
        obj["metadata"]["managedFields"] = []
    return unknown


def report_unknown(resource: Resource, unknown: list[str], validation: str) -> list[str]:
    """The warnings about fields that are not known. Raises Undecodable when they are refused."""
    said = [f'unknown field "{path}"' for path in unknown]
    if said and validation == "Strict":
        why = f"strict decoding error: {', '.join(said)}"
        raise Undecodable(resource.kind, resource.version, resource.kind, why)
    return said if validation == "Warn" else []


async def check(core: Core, operation: Operation) -> None:
    """Validate, then ask those who may refuse."""
    _validate(operation)
    await _ask(core, operation)


def _validate(operation: Operation) -> None:
    obj, served = operation.obj, operation.served
    causes = _metadata_causes(operation)
    if (schema := served.schema) is not None:
        causes += schema.validate(obj, operation.old, warnings=operation.warnings, known=causes)
    old = operation.old
    if old is not None and operation.target.subresource == "resize":
        causes += resize_causes(obj, old)
        # That the rest stays is then looked at as with any other change.
        old = resized(old, obj)
    causes += served.behaviour.validate(obj, old)
    if operation.target.subresource == "status":
        causes = [_about_status(cause) for cause in causes]
    if causes:
        raise refusals.invalid(served, operation.name, causes)
    if served.custom:
        _tell_of_finalizers(operation)
    if not operation.target.subresource:
        operation.warnings += served.behaviour.warn(obj, old)


def _tell_of_finalizers(operation: Operation) -> None:
    """Kinds of others need not say whose a finalizer is, and are told that they should."""
    finalizers = operation.obj["metadata"].get("finalizers")
    if not finalizers:
        return
    before = operation.old["metadata"] if operation.old is not None else {}
    added = {*finalizers} - {*(before.get("finalizers") or ())}
    operation.warnings += [
        f'metadata.finalizers: "{name}": prefer a domain-qualified finalizer name'
        f"{' including a path (/)' * ('.' in name)} to avoid accidental conflicts with other "
        "finalizer writers"
        for name in sorted(added)
        if not is_qualified_finalizer(name)
    ]


def _about_status(cause: Cause) -> Cause:
    """A status that is written alone is validated alone, and its fields are called so."""
    inner = cause.field.removeprefix("status.")
    return replace(
        cause, message=cause.message.replace(f"{cause.field} in body", f"{inner} in body")
    )


async def _ask(core: Core, operation: Operation) -> None:
    for admit in core.validating.of(operation.served.collection):
        await admit(core, operation)


def _metadata_causes(operation: Operation) -> list[Cause]:
    served = operation.served
    strict = not served.custom and served.resource.group not in LENIENT
    plain = unqualified_finalizers(operation.obj["metadata"]) if strict else []
    if operation.old is not None:
        return _changed_metadata_causes(operation, operation.old, plain)
    name_errors = NAME_ERRORS[served.behaviour.name_pattern]
    causes = check_metadata(
        operation.obj, namespaced=served.resource.namespaced, name_errors=name_errors
    )
    return causes + plain


def _changed_metadata_causes(
    operation: Operation, old: RawObject, plain: list[Cause]
) -> list[Cause]:
    """A kube-apiserver looks at metadata up to four times, and lists each time what it finds."""
    checks = operation.served.behaviour.metadata_checks
    if operation.target.subresource == "status":
        checks = min(checks, 1)
    metadata = operation.obj["metadata"]
    always = check_metadata_maps(metadata)
    changed = check_metadata_update(operation.obj, old)
    causes = generated_name_causes(metadata, path_segment_errors) + always + changed
    causes += changed if checks else []
    if checks < 2:
        return causes
    names = NAME_ERRORS[operation.served.behaviour.name_pattern]
    return causes + plain + generated_name_causes(metadata, names) + always + plain


def count_generation(operation: Operation) -> None:
    """The generation grows when what is wanted changes: anything but metadata and status."""
    obj, old, served = operation.obj, operation.old, operation.served
    assert old is not None
    behaviour = served.behaviour
    if not behaviour.counts_generations or behaviour.stays_first_generation:
        return
    aside = ("metadata", "status") if served.has_status else ("metadata",)
    if {**obj, **dict.fromkeys(aside)} != {**old, **dict.fromkeys(aside)}:
        obj["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


async def _commit(
    core: Core, operation: Operation, *, expected: int, deleted: bool = False
) -> Stored:
    try:
        obj = await as_stored(core, operation.obj, operation.served)
        write = _write(operation, obj, expected=expected, deleted=deleted)
        started = time.perf_counter()
        stored = await core.store.commit(write)
        kind = operation.served.resource
        done = "delete" if deleted else "update" if expected else "create"
        core.commits.note((kind.group, done, kind.plural), time.perf_counter() - started)
        return stored
    finally:
        for ended in operation.when_ended:
            ended()


def _write(operation: Operation, obj: RawObject, *, expected: int, deleted: bool = False) -> Write:
    served, user = operation.served, operation.user
    audit = Audit(
        user.name,
        operation.verb,
        now(),
        user.groups,
        operation.target.subresource,
        operation.manager,
    )
    return Write(
        served.collection,
        key_for(served, operation.namespace, operation.name),
        expected,
        lambda revision: encode(obj, revision, served.stored_api_version),
        deleted,
        audit,
    )


async def _dry(core: Core, operation: Operation, *, created: bool) -> Written:
    """What would have been written: a new object has no resourceVersion, a changed one its old."""
    if operation.old is None:
        operation.obj["metadata"].pop("resourceVersion", None)
    stored = await as_stored(core, operation.obj, operation.served)
    value = await one_in_version(core, dumps(ordered(stored)), operation.served)
    return Written(value, created, tuple(operation.warnings))
