"""Pods that get other resources while they run, by their subresource `resize`."""

from collections.abc import Iterator

from towpath.apiserver.encoding import copy_of
from towpath.apiserver.kinds.pods import CONTAINER_LISTS, quality_of
from towpath.machinery.causes import forbidden, invalid_value
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

RESIZABLE = frozenset(("cpu", "memory"))
PARTS = ("resources", "resizePolicy")


def resized(old: RawObject, wanted: RawObject) -> RawObject:
    """A copy of the old pod whose containers ask for what those of the wanted one ask for.

    Other containers than there were stay as they are wanted, to be refused.
    """
    obj = copy_of(old)
    for name in CONTAINER_LISTS:
        asked, known = _containers(wanted, name), _containers(obj, name)
        if [one.get("name") for one in asked] != [one.get("name") for one in known]:
            obj["spec"][name] = [copy_of(one) for one in asked]
            continue
        for container, new in zip(known, asked, strict=True):
            for part in PARTS:
                if part in new:
                    container[part] = new[part]
                else:
                    container.pop(part, None)
    return obj


def resize_causes(obj: RawObject, old: RawObject) -> Iterator[Cause]:
    """What a running pod may not be asked."""
    others = [*_other_containers(obj, old)]
    yield from others
    if others:
        return
    before, after = quality_of(old["spec"]), quality_of(obj["spec"])
    if before != after:
        words = "Pod QOS Class may not change as a result of resizing"
        yield invalid_value("spec", before, words)
    for name in reversed(CONTAINER_LISTS):
        pairs = zip(_containers(obj, name), _containers(old, name), strict=True)
        for index, (new, was) in enumerate(pairs):
            yield from _container_causes(new, was, name, index)


def _other_containers(obj: RawObject, old: RawObject) -> Iterator[Cause]:
    for name in reversed(CONTAINER_LISTS):
        asked, known = _containers(obj, name), _containers(old, name)
        if len(asked) != len(known):
            yield forbidden(f"spec.{name}", f"{name} may not be added or removed on resize")
            continue
        for index, (new, was) in enumerate(zip(asked, known, strict=True)):
            if new.get("name") != was.get("name"):
                words = f"{name} may not be renamed or reordered on resize"
                yield forbidden(f"spec.{name}[{index}].name", words)


def _container_causes(new: RawObject, was: RawObject, name: str, index: int) -> Iterator[Cause]:
    is_initial = name != "containers"
    if is_initial and new.get("restartPolicy") != "Always":
        if any(new.get(part) != was.get(part) for part in PARTS):
            yield forbidden("spec", "resources for non-sidecar init containers are immutable")
        return
    for part in ("requests", "limits"):
        now, before = ((one.get("resources") or {}).get(part) or {} for one in (new, was))
        if RESIZABLE & before.keys() - now.keys():
            field = f"spec.{name}[{index}].resources.{part}"
            yield forbidden(field, f"resource {part} cannot be removed")
    if _rest_of(new) != _rest_of(was):
        of_sidecars = " for sidecar containers" * is_initial
        yield forbidden("spec", f"only cpu and memory resources{of_sidecars} are mutable")


def _rest_of(container: RawObject) -> list[object]:
    """What stays as it was."""
    resources = container.get("resources") or {}
    amounts = [
        {name: one for name, one in (resources.get(part) or {}).items() if name not in RESIZABLE}
        for part in ("requests", "limits")
    ]
    return [*amounts, resources.get("claims"), container.get("resizePolicy")]


def _containers(pod: RawObject, name: str) -> list[RawObject]:
    return (pod.get("spec") or {}).get(name) or []
