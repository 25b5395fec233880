"""CustomResourceDefinitions are established, or refused names, in the write that brings them.

A name that another resource of the group has is not accepted: the definition is stored with
NamesAccepted False and serves nothing, as in Kubernetes.
"""

from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import copy_of
from towpath.apiserver.kinds.definitions import CLEANUP_FINALIZER
from towpath.apiserver.registry import Registry
from towpath.machinery.conditions import set_condition
from towpath.machinery.errors import MethodNotAllowed
from towpath.machinery.formats import FORMATS
from towpath.machinery.objects import RawObject

DEFINITIONS = "apiextensions.k8s.io/customresourcedefinitions"
UNCHECKED_FORMATS = frozenset({"int32", "int64", "float", "double", "password", "binary"})
"""Known, and nothing is checked."""


async def establish_definition(core: Core, operation: Operation) -> None:
    if operation.kind == "DELETE" or operation.target.subresource:
        return
    obj, old = operation.obj, operation.old
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    if not (spec.get("group") and names.get("plural") and spec.get("versions")):
        # Validation, which follows, says what is missing.
        return
    if old is None:
        finalizers = obj["metadata"].setdefault("finalizers", [])
        if CLEANUP_FINALIZER not in finalizers:
            finalizers.append(CLEANUP_FINALIZER)
    obj["status"] = _status(core.registry, obj, old)
    operation.warnings += _unknown_formats(spec)


def _unknown_formats(spec: RawObject) -> list[str]:
    found: dict[str, None] = {}
    pending = [(version.get("schema") or {}).get("openAPIV3Schema") for version in spec["versions"]]
    while pending:
        schema = pending.pop()
        if not isinstance(schema, dict):
            continue
        name = schema.get("format")
        if name and name not in FORMATS and name not in UNCHECKED_FORMATS:
            found[f'unrecognized format "{name}"'] = None
        pending += [schema.get("items"), schema.get("additionalProperties")]
        pending += (schema.get("properties") or {}).values()
    return sorted(found)


def _status(registry: Registry, obj: RawObject, old: RawObject | None) -> RawObject:
    spec = obj["spec"]
    shell: RawObject = {
        "metadata": {},
        "status": copy_of(old["status"]) if old and "status" in old else {},
    }
    taken = _taken_names(registry, spec)
    accepted = not taken
    set_condition(
        shell,
        "NamesAccepted",
        status=accepted,
        reason="NoConflicts" if accepted else "NameConflict",
        message="no conflicts found" if accepted else f"{', '.join(taken)} already in use",
    )
    set_condition(
        shell,
        "Established",
        status=accepted,
        reason="InitialNamesAccepted" if accepted else "NotAccepted",
        message="the initial names have been accepted"
        if accepted
        else "not all names are accepted",
    )
    status: RawObject = shell["status"]
    status["acceptedNames"] = copy_of(spec["names"]) if accepted else {"kind": "", "plural": ""}
    storage = [version["name"] for version in spec["versions"] if version.get("storage")]
    status["storedVersions"] = [*dict.fromkeys([*status.get("storedVersions", ()), *storage])]
    return status


def _taken_names(registry: Registry, spec: RawObject) -> list[str]:
    names = spec["names"]
    wanted = {names["plural"], names.get("singular"), *(names.get("shortNames") or ())} - {None, ""}
    taken = {
        name for name in wanted if registry.holder(spec["group"], name) not in ("", names["plural"])
    }
    holder = registry.holder_of_kind(spec["group"], names.get("kind") or "")
    if holder not in ("", names["plural"]):
        taken.add(names["kind"])
    return sorted(taken)


async def definition_stays(_core: Core, operation: Operation) -> None:
    """Nothing new comes under a definition that is going."""
    if operation.kind == "CREATE" and operation.served.terminating:
        raise MethodNotAllowed(
            "create not allowed while custom resource definition is terminating",
            details={
                "group": operation.served.resource.group,
                "kind": operation.served.resource.plural,
            },
        )
