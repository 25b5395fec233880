"""From Kubernetes' OpenAPI v3 dialect to JSON Schema 2020-12, for jsonschema-rs.

The dialect says `nullable` instead of a null type, makes exclusiveMinimum a flag, and lets
x-kubernetes-int-or-string stand for two types. What JSON Schema does not know is dropped; what
only documents is dropped as well, to keep the compiled validator small.
"""

from typing import Any

from towpath.machinery.formats import FORMATS
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.patterns import translate_pattern

_KEPT = (
    *("enum", "maximum", "minimum", "maxLength", "minLength", "pattern", "maxItems", "minItems"),
    *("uniqueItems", "multipleOf", "maxProperties", "minProperties"),
)
INT64_MAX = 2**63 - 1
"""What is beyond is a number of another type there."""
_LISTS = ("allOf", "anyOf", "oneOf")


def translate(schema: RawObject) -> RawObject:
    """The JSON Schema that accepts what the structural schema's value validations accept."""
    result: RawObject = {name: schema[name] for name in _KEPT if schema.get(name) is not None}
    if "pattern" in result:
        result["pattern"] = translate_pattern(result["pattern"])
    if "uniqueItems" in result and not result["uniqueItems"]:
        del result["uniqueItems"]
    _translate_type(schema, result)
    _translate_bounds(schema, result)
    if (format_name := schema.get("format")) in FORMATS:
        result["format"] = format_name
    if required := schema.get("required"):
        result["required"] = required
    for name in _LISTS:
        if schema.get(name):
            result[name] = [translate(branch) for branch in schema[name]]
    if "not" in schema:
        result["not"] = translate(schema["not"])
    if isinstance(items := schema.get("items"), dict):
        result["items"] = translate(items)
    if properties := schema.get("properties"):
        result["properties"] = {name: translate(below) for name, below in properties.items()}
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        result["additionalProperties"] = translate(extra)
    elif extra is False:
        result["additionalProperties"] = False
    return result


def _translate_type(schema: RawObject, result: RawObject) -> None:
    types: Any = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        types = ["integer", "string"]
    if not types:
        return
    if schema.get("nullable"):
        types = [*([types] if isinstance(types, str) else types), "null"]
        if "enum" in result and None not in result["enum"]:
            # A null is let through by `nullable` before the enum is looked at.
            result["enum"] = [*result["enum"], None]
    result["type"] = types
    if "integer" in types:
        result.setdefault("maximum", INT64_MAX)
        result.setdefault("minimum", -INT64_MAX - 1)


def _translate_bounds(schema: RawObject, result: RawObject) -> None:
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if schema.get(exclusive) is True and bound in result:
            result[exclusive] = result.pop(bound)
