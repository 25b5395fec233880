"""Patches of patch-and-transform: a value moves from one object's path to another's.

Source: function-patch-and-transform. A missing source path skips the patch, unless its policy says
`fromFieldPath: Required`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.infrastructure.compositions.functions import fieldpath
from towpath.capabilities.infrastructure.compositions.functions.contract import FunctionError
from towpath.capabilities.infrastructure.compositions.functions.gofmt import sprintf
from towpath.capabilities.infrastructure.compositions.functions.transforms import transform
from towpath.machinery.objects import RawObject

# Each patch type: the object it reads and the object it writes.
ROUTES = {
    "FromCompositeFieldPath": ("composite", "resource"),
    "CombineFromComposite": ("composite", "resource"),
    "FromEnvironmentFieldPath": ("environment", "resource"),
    "CombineFromEnvironment": ("environment", "resource"),
    "ToCompositeFieldPath": ("observed", "composite_out"),
    "CombineToComposite": ("observed", "composite_out"),
    "ToEnvironmentFieldPath": ("observed", "environment"),
    "CombineToEnvironment": ("observed", "environment"),
}


class RequiredFieldMissing(FunctionError):
    """A patch with `fromFieldPath: Required` found nothing to read."""


def resolve_patch_sets(
    patches: Sequence[RawObject], patch_sets: Mapping[str, Sequence[RawObject]]
) -> list[RawObject]:
    """The patches with each `PatchSet` replaced by its content."""
    resolved: list[RawObject] = []
    for patch in patches:
        if patch.get("type", "FromCompositeFieldPath") != "PatchSet":
            resolved.append(patch)
            continue
        name = patch.get("patchSetName", "")
        if name not in patch_sets:
            raise FunctionError(
                f"patchSetName {name!r} is not one of the patch sets "
                f"({', '.join(sorted(patch_sets)) or 'there are none'})"
            )
        resolved.extend(patch_sets[name])
    return resolved


def apply_patch(patch: RawObject, objects: Mapping[str, RawObject | None]) -> None:
    """Apply one patch between the named objects. An object that is None does not exist yet."""
    kind = patch.get("type", "FromCompositeFieldPath")
    if kind not in ROUTES:
        raise FunctionError(f"patch type {kind!r} is not one of {', '.join([*ROUTES, 'PatchSet'])}")
    source_name, target_name = ROUTES[kind]
    source, target = objects.get(source_name), objects.get(target_name)
    if source is None or target is None:
        return
    policy = patch.get("policy") or {}
    try:
        value = _combined(patch, source) if kind.startswith("Combine") else _read(patch, source)
    except fieldpath.FieldPathError as error:
        if policy.get("fromFieldPath", "Optional") == "Required":
            raise RequiredFieldMissing(f"{kind}: {error}") from error
        return
    value = transform(value, patch.get("transforms") or ())
    _write(patch, target, value, policy.get("toFieldPath", "Replace"))


def _read(patch: RawObject, source: RawObject) -> Any:
    return fieldpath.get(source, patch["fromFieldPath"])


def _combined(patch: RawObject, source: RawObject) -> Any:
    combine = patch["combine"]
    strategy = combine.get("strategy", "string")
    if strategy != "string":
        raise FunctionError(f"combine strategy {strategy!r} is not supported; use string")
    values = [fieldpath.get(source, variable["fromFieldPath"]) for variable in combine["variables"]]
    return sprintf(combine["string"]["fmt"], values)


def _write(patch: RawObject, target: RawObject, value: Any, policy: str) -> None:
    if policy not in fieldpath.POLICIES:
        raise FunctionError(f"policy.toFieldPath {policy!r} is not known")
    path = patch.get("toFieldPath") or patch.get("fromFieldPath")
    if not path:
        raise FunctionError("toFieldPath is missing; a combine patch needs one")
    targets = list(fieldpath.expand(target, path))
    if not targets:
        raise FunctionError(f"toFieldPath {path!r} matches nothing to write to")
    try:
        for segments in targets:
            fieldpath.put(target, segments, value, policy=policy)
    except fieldpath.FieldPathError as error:
        raise FunctionError(f"toFieldPath {path!r} cannot be written: {error}") from error
