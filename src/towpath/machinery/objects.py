"""Resource objects as they travel: plain JSON dictionaries, and the few names that identify them.

`RawObject` is the one alias for "a decoded resource object". Code outside machinery, store,
apiserver and client parses what it needs into its own types at its boundary.
"""

from collections.abc import Iterable
from typing import Any, NewType

from msgspec import Struct

RawObject = dict[str, Any]

Name = NewType("Name", str)
Namespace = NewType("Namespace", str)
UID = NewType("UID", str)
ResourceVersion = NewType("ResourceVersion", str)
CommitSHA = NewType("CommitSHA", str)


class Key(Struct, frozen=True, order=True):
    """Which object of one resource: all a reconciler is ever told. Cluster-scoped: namespace ""."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def key_of(obj: RawObject) -> Key:
    metadata = obj["metadata"]
    return Key(metadata.get("namespace", ""), metadata["name"])


def uid_of(obj: RawObject) -> UID:
    return UID(obj["metadata"]["uid"])


def labels_of(obj: RawObject) -> dict[str, str]:
    labels: dict[str, str] = obj.get("metadata", {}).get("labels") or {}
    return labels


def annotations_of(obj: RawObject) -> dict[str, str]:
    annotations: dict[str, str] = obj.get("metadata", {}).get("annotations") or {}
    return annotations


def is_deleting(obj: RawObject) -> bool:
    return obj["metadata"].get("deletionTimestamp") is not None


def owner_reference(owner: RawObject, *, controller: bool = True) -> RawObject:
    """The metadata.ownerReferences entry that makes `owner` own another object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": controller,
        "blockOwnerDeletion": True,
    }


def owners_of(obj: RawObject, api_version: str, kind: str) -> Iterable[Key]:
    """Keys of the owners of that kind, in the owned object's namespace."""
    metadata = obj["metadata"]
    for reference in metadata.get("ownerReferences") or ():
        if reference["apiVersion"] == api_version and reference["kind"] == kind:
            yield Key(metadata.get("namespace", ""), reference["name"])
