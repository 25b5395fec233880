"""Objects to stored bytes and back. Stored bytes are what goes over the wire, without newline.

They always begin with apiVersion and kind, so that serving another version (conversion strategy
None) is a change of prefix, and metadata begins with what identifies the object.
"""

import orjson

from towpath.apiserver.registry import Served
from towpath.machinery.errors import ObjectTooLarge
from towpath.machinery.objects import RawObject

OBJECT_BYTES_MAX = 1536 * 1024
"""What etcd takes, so that an object that is stored here can be stored on any cluster."""

_METADATA_FIRST = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
_KIND_MARK = b'","kind":'


def dumps(value: object) -> bytes:
    """Compact JSON in a buffer of its own size: orjson's own is rounded up to kilobytes."""
    return bytes(memoryview(orjson.dumps(value)))


def loads(value: bytes) -> RawObject:
    decoded: RawObject = orjson.loads(value)
    return decoded


def copy_of(obj: RawObject) -> RawObject:
    copied: RawObject = orjson.loads(orjson.dumps(obj))
    return copied


def ordered(obj: RawObject) -> RawObject:
    """The same object with its fields in the order they are stored in."""
    metadata = obj["metadata"]
    first = {name: metadata[name] for name in _METADATA_FIRST if name in metadata}
    head = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": None}
    return {**head, **obj, "metadata": {**first, **metadata}}


def encode(obj: RawObject, revision: int, stored_api_version: str = "") -> bytes:
    """The bytes to store at a revision. The object is changed: it carries the revision.

    Raises ObjectTooLarge.
    """
    obj["metadata"]["resourceVersion"] = str(revision)
    if stored_api_version:
        obj["apiVersion"] = stored_api_version
    value = dumps(ordered(obj))
    if len(value) > OBJECT_BYTES_MAX:
        raise ObjectTooLarge(
            f"etcdserver: request is too large: the object has {len(value)} bytes, at most "
            f"{OBJECT_BYTES_MAX} are stored"
        )
    return value


def served_as(value: bytes, served: Served) -> bytes:
    """Stored bytes in the version that was asked for."""
    if not served.stored_api_version:
        return value
    mark = value.index(_KIND_MARK)
    return b'{"apiVersion":"' + served.resource.api_version.encode() + value[mark:]


def with_resource_version(value: bytes, revision: int) -> bytes:
    obj = loads(value)
    obj["metadata"]["resourceVersion"] = str(revision)
    return dumps(obj)
