"""Does the world differ from Git? The API server itself says: a dry run of the sync is held against
what is there, so that defaults, and fields that others own, are never drift.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from towpath.machinery.objects import RawObject

_NOT_COMPARED = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")
PATHS_MAX = 8


def comparable(obj: RawObject, ignored: Sequence[str] = ()) -> RawObject:
    """The part of an object that Git can speak about, without the JSON pointers in `ignored`."""
    compared = {name: value for name, value in obj.items() if name != "status"}
    compared["metadata"] = {
        name: value for name, value in obj["metadata"].items() if name not in _NOT_COMPARED
    }
    if ignored:
        compared = copy.deepcopy(compared)
        for pointer in ignored:
            _remove(compared, pointer)
    return compared


def _remove(document: Any, pointer: str) -> None:
    *parents, last = [
        part.replace("~1", "/").replace("~0", "~") for part in pointer.lstrip("/").split("/")
    ]
    for part in parents:
        document = _step(document, part)
        if document is None:
            return
    if isinstance(document, dict):
        document.pop(last, None)
    elif isinstance(document, list) and last.isdigit() and int(last) < len(document):
        del document[int(last)]


def _step(document: Any, part: str) -> Any:
    if isinstance(document, dict):
        return document.get(part)
    if isinstance(document, list) and part.isdigit() and int(part) < len(document):
        return document[int(part)]
    return None


def ignored_pointers(spec: RawObject, group: str, kind: str, name: str) -> list[str]:
    """The JSON pointers of `spec.ignoreDifferences` that are about this object."""
    return [
        pointer
        for entry in spec.get("ignoreDifferences") or ()
        if entry["kind"] in (kind, "*")
        and entry.get("group", "") in (group, "*")
        and entry.get("name", name) == name
        for pointer in entry.get("jsonPointers") or ()
    ]


def changed_paths(old: Any, new: Any, path: str = "") -> list[str]:
    """Where two documents differ, a few of the paths at most, in a stable order."""
    return list(_first(_changes(old, new, path), PATHS_MAX))


def _first(paths: Iterable[str], count: int) -> Iterable[str]:
    for _, path in zip(range(count), paths, strict=False):
        yield path


def _changes(old: Any, new: Any, path: str) -> Iterable[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            deeper = f"{path}.{name}" if path else str(name)
            if name not in old or name not in new:
                yield deeper
            else:
                yield from _changes(old[name], new[name], deeper)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from _changes(left, right, f"{path}[{index}]")
    elif old != new:
        yield path


def merge_patch_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> RawObject:
    """The JSON merge patch (RFC 7386) that turns `old` into `new`."""
    patch: RawObject = {name: None for name in old if name not in new}
    for name, value in new.items():
        known = old.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            if deeper := merge_patch_between(known, value):
                patch[name] = deeper
        elif name not in old or known != value:
            patch[name] = value
    return patch
