"""Tables of a kind's fields, from the schema that the API server itself checks by."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from towpath.app.capabilities import BUILT_IN
from towpath.capabilities.infrastructure.compositions.crd import composite_crd

Schema = dict[str, Any]
EVERYWHERE = {
    "observedGeneration": "The generation of the spec that this status is about.",
    "startedAt": "When it began.",
    "finishedAt": "When it ended.",
}
"""Fields that mean the same wherever they are."""

CONDITIONS = "see [conditions](../conditions.md)"


@cache
def definitions() -> dict[str, Schema]:
    """Every CustomResourceDefinition that the platform brings, by `Kind` or `Kind.group`.

    The plain kind is enough where only one group has it.
    """
    found: list[Schema] = []
    for capability in BUILT_IN:
        found += capability.load_kinds()
        found += capability.load_cluster_kinds()
        found += [
            definition_of_composites(obj)
            for obj in capability.load_objects()
            if obj["kind"] == "CompositeResourceDefinition"
        ]
    return {definition["spec"]["names"]["kind"]: definition for definition in found}


def definition_of_composites(obj: Schema) -> Schema:
    """The kind that a CompositeResourceDefinition makes, owned by nobody: nothing is deployed."""
    named = {**obj, "metadata": {**obj["metadata"], "uid": "none"}}
    definition: Schema = composite_crd(named)
    del definition["metadata"]["ownerReferences"]
    return definition


def schema_of(kind: str) -> Schema:
    version = definitions()[kind]["spec"]["versions"][0]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def fields(kind: str, part: str) -> str:
    """The fields below `spec` or `status` as a Markdown table."""
    schema = schema_of(kind).get("properties", {}).get(part)
    if schema is None:
        return f"This kind has no `{part}`."
    lines = ["| field | type | meaning |", "|---|---|---|"]
    for path, field, required in _walk(schema, ""):
        lines.append(f"| `{path}` | {_type(field)} | {_meaning(field, path, required)} |")
    return "\n".join(lines)


def undescribed(kind: str) -> list[str]:
    """Fields of the spec that say nothing of themselves."""
    spec = schema_of(kind).get("properties", {}).get("spec", {})
    return [path for path, field, _ in _walk(spec, "") if not field.get("description")]


def rules(kind: str) -> str:
    """The rules that hold beyond types, as the API server words them."""
    found = schema_of(kind).get("x-kubernetes-validations", [])
    if not found:
        return "There are no rules beyond the types."
    return "\n".join(f"- {rule.get('message', rule['rule'])}" for rule in found)


def _walk(schema: Schema, path: str) -> Iterator[tuple[str, Schema, bool]]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, field, name in required
        if here == "conditions":
            continue
        items = field.get("items")
        if isinstance(items, dict):
            yield from _walk(items, f"{here}[]")
        elif isinstance(field.get("additionalProperties"), dict):
            yield from _walk(field["additionalProperties"], f"{here}.*")
        else:
            yield from _walk(field, here)


def _type(field: Schema) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "integer or text"
    kind = field.get("type", "any")
    if kind == "array":
        return f"list of {_type(field.get('items', {}))}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"map of {_type(field['additionalProperties'])}"
    return {"string": "text", "boolean": "true or false"}.get(kind, str(kind))


def _meaning(field: Schema, path: str, required: bool) -> str:
    said = []
    if required:
        said.append("Required.")
    if "enum" in field:
        said.append("One of " + ", ".join(f"`{value}`" for value in field["enum"]) + ".")
    if field.get("default") not in (None, {}, ""):
        said.append(f"Default: {_default(field['default'])}.")
    if path == "conditions" and "type" in field.get("items", {}).get("properties", {}):
        said.append(f"Each with type, status, reason and message; {CONDITIONS}.")
    elif explained := field.get("description") or EVERYWHERE.get(path.rpartition(".")[2]):
        said.append(str(explained))
    return " ".join(said).replace("|", "\\|").replace("\n", " ")


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return ", ".join(f"`{name}: {part}`" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(f"`{part}`" for part in value)
    return f"`{value}`"
