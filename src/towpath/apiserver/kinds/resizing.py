"""Pods that get other resources while they run, by their subresource `resize`."""

from collections.abc import Iterator

from towpath.apiserver.encoding import copy_of
from towpath.apiserver.kinds.pods import CONTAINER_LISTS, containers_of, quality_of
from towpath.machinery.causes import forbidden, invalid_value
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

RESIZABLE = frozenset(("cpu", "memory"))
PARTS = ("resources", "resizePolicy")


def resized(old: RawObject, wanted: RawObject) -> RawObject:
    """A copy of the old pod whose containers ask for what those of the wanted one ask for."""
    obj = copy_of(old)
    for name in CONTAINER_LISTS:
        asked = {
            container.get("name"): container
            for container in (wanted.get("spec") or {}).get(name) or ()
        }
        for container in obj["spec"].get(name) or ():
            for part in PARTS:
                if part in (new := asked.get(container["name"], container)):
                    container[part] = new[part]
                else:
                    container.pop(part, None)
    return obj


def resize_causes(obj: RawObject, old: RawObject) -> Iterator[Cause]:
    """What a running pod may not be asked."""
    before, after = quality_of(old["spec"]), quality_of(obj["spec"])
    if before != after:
        words = "Pod QOS Class may not change as a result of resizing"
        yield invalid_value("spec", before, words)
    for index, (new, one) in enumerate(
        zip(containers_of(obj["spec"]), containers_of(old["spec"]), strict=False)
    ):
        for part in ("limits", "requests"):
            now, was = ((each.get("resources") or {}).get(part) or {} for each in (new, one))
            if RESIZABLE & was.keys() - now.keys():
                field = f"spec.containers[{index}].resources.{part}"
                yield forbidden(field, f"resource {part} cannot be removed")
            if any(now.get(name) != was.get(name) for name in {*now, *was} - RESIZABLE):
                yield forbidden("spec", "only cpu and memory resources are mutable")
