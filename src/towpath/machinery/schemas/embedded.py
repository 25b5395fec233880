"""Embedded resources: objects inside an object, which say what they are as every object does."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from towpath.machinery.builtins.decoding import DecodeError, decode_object
from towpath.machinery.causes import invalid_value, required
from towpath.machinery.errors import Cause
from towpath.machinery.names import check_metadata, dns1035_errors, path_segment_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.once import Memory, once

Check = Callable[[Any, str, list[Cause]], None]
"""value, its path, where to note what is wrong."""


CausesOf = Callable[[RawObject, str], list[Cause]]
"""What is wrong with the resource at a path."""


def compile_embedded(schema: RawObject, causes_of: CausesOf) -> Check | None:
    """None when no object is embedded anywhere."""

    @once
    def compiled(schema: RawObject, memory: Memory) -> Check | None:
        if isinstance(items := schema.get("items"), dict):
            each = compiled(items, memory)
            return _items_check(each) if each is not None else None
        fields = {
            name: check
            for name, below in (schema.get("properties") or {}).items()
            if (check := compiled(below, memory)) is not None
        }
        extra = schema.get("additionalProperties")
        others = compiled(extra, memory) if isinstance(extra, dict) else None
        is_embedded = bool(schema.get("x-kubernetes-embedded-resource"))
        if not (fields or others or is_embedded):
            return None
        return _object_check(fields, others, causes_of if is_embedded else None)

    return compiled(schema, {})


def _items_check(each: Check) -> Check:
    def check(value: Any, path: str, causes: list[Cause]) -> None:
        for position, item in enumerate(value if isinstance(value, list) else ()):
            each(item, f"{path}[{position}]", causes)

    return check


def _object_check(
    fields: dict[str, Check], others: Check | None, causes_of: CausesOf | None
) -> Check:
    def check(value: Any, path: str, causes: list[Cause]) -> None:
        if not isinstance(value, dict):
            return
        if causes_of is not None:
            causes += causes_of(value, path)
        for name, below in value.items():
            if name in fields:
                fields[name](below, f"{path}.{name}" if path else name, causes)
            elif others is not None:
                others(below, f"{path}[{name}]", causes)

    return check


def decoding_causes(resource: RawObject, path: str) -> list[Cause]:
    """Why it cannot be read at all. Gives its metadata their form."""
    causes = [
        invalid_value(f"{path}.{name}", resource[name], "must be a string")
        for name in ("apiVersion", "kind")
        if name in resource and not isinstance(resource[name], str)
    ]
    if isinstance(metadata := resource.get("metadata"), dict):
        sent = dict(metadata)
        try:
            decode_object("meta/v1.ObjectMeta", metadata)
        except DecodeError as error:
            causes.append(invalid_value(f"{path}.metadata", sent, str(error)))
    return causes


def resource_causes(resource: RawObject, path: str) -> list[Cause]:
    """What is wrong with one that was read."""
    causes = [required(f"{path}.{name}") for name in ("apiVersion", "kind") if name not in resource]
    for name, check in (("apiVersion", _version_errors), ("kind", _kind_errors)):
        value = resource.get(name)
        if name not in resource:
            continue
        words = check(value) if isinstance(value, str) else ["must be a string"]
        causes += [invalid_value(f"{path}.{name}", value, each) for each in words]
    if isinstance(metadata := resource.get("metadata"), dict):
        named = {**metadata, "name": metadata.get("name") or "fakename"}
        found = check_metadata(
            {"metadata": named},
            namespaced=bool(metadata.get("namespace")),
            name_errors=path_segment_errors,
        )
        causes += [replace(cause, field=f"{path}.{cause.field}") for cause in found]
    return causes


def _version_errors(version: str) -> list[str]:
    if not version:
        return ["must not be empty"]
    if version.count("/") > 1:
        return [f"unexpected GroupVersion string: {version}"]
    return []


def _kind_errors(kind: str) -> list[str]:
    if not kind:
        return ["must not be empty"]
    words = dns1035_errors(kind.lower())
    wrong = "may have mixed case, but should otherwise match: "
    return [wrong + ",".join(words)] if words else []
