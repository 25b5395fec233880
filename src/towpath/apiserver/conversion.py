"""Objects of custom kinds in the versions that clients ask for.

What is stored is in the storage version of its time. Where the definition names no webhook, other
versions differ in their apiVersion alone, and stored bytes are sent with another head. A webhook is
asked about all objects of a page at once; it may change everything but what identifies an object.
Source: `apiextensions.k8s.io/v1` ConversionReview, and what kube-apiserver accepts of an answer.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from towpath.apiserver.core import Core
from towpath.apiserver.encoding import copy_of, dumps, loads, ordered, served_as
from towpath.apiserver.outgoing import CallFailed, ask
from towpath.apiserver.registry import OwnConversion, Served
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject

GROUP = "apiextensions.k8s.io"
TIMEOUT_S = 30.0
IDENTITY = {"name": "name", "namespace": "namespace", "uid": "UID"}


class ConversionFailed(StatusError):
    """Nobody can say how the object looks in that version."""

    code, reason = 500, ""


async def in_version(core: Core, values: Sequence[bytes], served: Served) -> list[bytes]:
    """Stored bytes in the version that was asked for. Raises ConversionFailed."""
    if served.conversion is None:
        return [served_as(value, served) for value in values]
    objects = [loads(value) for value in values]
    converted = await convert(core, objects, served.resource.api_version, served)
    return [
        value if new is old else dumps(ordered(new))
        for value, old, new in zip(values, objects, converted, strict=True)
    ]


async def one_in_version(core: Core, value: bytes, served: Served) -> bytes:
    if served.conversion is None:
        return served_as(value, served)
    return (await in_version(core, [value], served))[0]


async def read_in_version(core: Core, value: bytes, served: Served) -> RawObject:
    """A stored object, to be changed. Raises ConversionFailed."""
    obj = loads(value)
    if served.conversion is not None:
        return (await convert(core, [obj], served.resource.api_version, served))[0]
    if served.stored_api_version:
        obj["apiVersion"] = served.resource.api_version
    return obj


async def as_stored(core: Core, obj: RawObject, served: Served) -> RawObject:
    """The object in the storage version. Raises ConversionFailed."""
    if not served.stored_api_version:
        return obj
    if served.conversion is None:
        return _as_storage_version(core, obj, served)
    return (await convert(core, [obj], served.stored_api_version, served))[0]


def _as_storage_version(core: Core, obj: RawObject, served: Served) -> RawObject:
    """Where versions differ in their name alone, what is kept is what the stored one knows."""
    resource, version = served.resource, served.stored_api_version.rpartition("/")[2]
    stored = core.registry.at(resource.group, version, resource.plural)
    if version == resource.version or stored is None or stored.schema is None:
        return obj
    obj = copy_of(obj)
    stored.schema.prune(obj)
    stored.schema.default(obj)
    return obj


async def convert(
    core: Core, objects: list[RawObject], api_version: str, served: Served
) -> list[RawObject]:
    """Those that are in another version converted; the others as they are."""
    assert served.conversion is not None
    foreign = [obj for obj in objects if obj["apiVersion"] != api_version]
    if not foreign:
        return objects
    if isinstance(served.conversion, OwnConversion):
        own = served.conversion.convert
        versioned = ((obj, obj["apiVersion"] == api_version) for obj in objects)
        return [obj if is_there else own(obj, api_version) for obj, is_there in versioned]
    about = f"conversion webhook for {_kind(foreign[0])}"
    version, uid = f"{GROUP}/{served.conversion.review_version}", str(uuid.uuid4())
    review = {
        "kind": "ConversionReview",
        "apiVersion": version,
        "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": foreign},
    }
    try:
        answer = await ask(core, served.conversion.client_config, review, timeout_s=TIMEOUT_S)
        found = _converted(answer, version, uid)
    except (CallFailed, _AnswerInvalid) as error:
        raise ConversionFailed(f"{about} failed: {error}") from error
    if len(found) != len(foreign):
        words = f"returned {len(found)} objects, expected {len(foreign)}"
        raise ConversionFailed(f"{about} {words}")
    made = iter(found)
    result: list[RawObject] = []
    for obj in objects:
        if obj["apiVersion"] == api_version:
            result.append(obj)
            continue
        try:
            result.append(_checked(obj, next(made), api_version))
        except _AnswerInvalid as error:
            raise ConversionFailed(f"{about} returned invalid object{error}") from error
    return result


class _AnswerInvalid(Exception):
    pass


def _kind(obj: RawObject) -> str:
    return f"{obj['apiVersion']}, Kind={obj['kind']}"


def _converted(answer: Any, version: str, uid: str) -> list[Any]:
    given = answer if isinstance(answer, dict) else {}
    if (given.get("apiVersion"), given.get("kind")) != (version, "ConversionReview"):
        said = f"{given.get('apiVersion') or '/'}, Kind={given.get('kind') or ''}"
        raise _AnswerInvalid(
            f"expected webhook response of {version}, Kind=ConversionReview, got {said}"
        )
    response = given.get("response")
    if not isinstance(response, dict):
        raise _AnswerInvalid("no response provided")
    if response.get("uid") != uid:
        raise _AnswerInvalid(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    result = response.get("result") or {}
    if result.get("status") != "Success":
        words = f"response.result.status was '{result.get('status') or ''}', not 'Success'"
        raise _AnswerInvalid(result.get("message") or words)
    return list(response.get("convertedObjects") or ())


def _checked(old: RawObject, new: Any, api_version: str) -> RawObject:
    """What was made of `old`, with the metadata that nobody may change."""
    if not isinstance(new, dict) or new.get("apiVersion") != api_version:
        found = new.get("apiVersion") if isinstance(new, dict) else ""
        words = f": invalid groupVersion (expected {api_version}, received {found or ''})"
        raise _AnswerInvalid(" at index 0" + words)
    if new.get("kind") != old["kind"]:
        words = f": invalid kind (expected {old['kind']}, received {new.get('kind') or ''})"
        raise _AnswerInvalid(" at index 0" + words)
    metadata = new.get("metadata")
    if not isinstance(metadata, dict):
        raise _AnswerInvalid(": missing metadata in converted object")
    for name, shown in IDENTITY.items():
        before, after = old["metadata"].get(name) or "", metadata.get(name) or ""
        if before != after:
            raise _AnswerInvalid(f": must have the same {shown}: {before} != {after}")
    kept = copy_of(old["metadata"])
    for name in ("labels", "annotations"):
        kept.pop(name, None)
        if metadata.get(name):
            kept[name] = metadata[name]
    return {**new, "metadata": kept}
