"""Forms made of a JSON Schema: from what was posted to values, and what is wrong with them.

A nested field is called `outer.inner`; an empty one was left out, so that its default counts. What
cannot be typed stays as it was written, for whoever checks it to refuse.
"""

from collections.abc import Mapping
from typing import Any

from towpath.machinery.documents import DocumentError, load_document

Schema = Mapping[str, Any]


def fields_of(schema: Schema) -> dict[str, Schema]:
    """By name; whatever is no schema of a field is none."""
    found = schema.get("properties")
    if not isinstance(found, Mapping):
        return {}
    return {str(name): one for name, one in found.items() if isinstance(one, Mapping)}


def spec_from(schema: Schema, form: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    """Typed by the schema."""
    found: dict[str, Any] = {}
    for key, field in fields_of(schema).items():
        name = f"{prefix}{key}"
        if field.get("type") == "object" and field.get("properties"):
            if nested := spec_from(field, form, f"{name}."):
                found[key] = nested
        elif text := form.get(name, "").strip():
            found[key] = typed(field, text)
    return found


def typed(schema: Schema, text: str) -> Any:
    match schema.get("type", "string"):
        case "string":
            return text.replace("\r\n", "\n")
        case "array":
            items = schema.get("items") or {}
            return [typed(items, line) for line in text.splitlines() if line.strip()]
        case _:
            try:
                return load_document(text)
            except DocumentError:
                return text


def form_values(schema: Schema, prefix: str = "") -> dict[str, Any]:
    """Every field with its default, "" where it has none."""
    shown: dict[str, Any] = {}
    for key, field in fields_of(schema).items():
        if field.get("type") == "object" and field.get("properties"):
            shown |= form_values(field, f"{prefix}{key}.")
        else:
            shown[f"{prefix}{key}"] = field.get("default", "")
    return shown


def flat_values(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """By field name, as a form shows them."""
    shown: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            shown |= flat_values(value, f"{prefix}{key}.")
        else:
            shown[f"{prefix}{key}"] = value
    return shown


def form_errors(schema: Schema, values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong, by field; "" is the form itself."""
    # With the first form: nothing else of a command line needs it.
    import jsonschema_rs

    try:
        validator = jsonschema_rs.Draft7Validator({"type": "object", **schema})
    except ValueError as error:
        return {"": f"the form's schema is wrong: {error}"}
    found: dict[str, str] = {}
    for wrong in validator.iter_errors(dict(values)):
        parts = [str(part) for part in wrong.instance_path if not isinstance(part, int)]
        kind: Any = wrong.kind
        if wrong.schema_path and wrong.schema_path[-1] == "required":
            found.setdefault(".".join([*parts, kind.property]), "This is required.")
        else:
            found.setdefault(".".join(parts), f"{wrong.message}.")
    return found
