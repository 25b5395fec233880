"""Between the fields of a posted form and a spec, by the schema. Pure functions.

A nested field is called `outer.inner`; an empty one was left out, so that its default counts.
"""

from collections.abc import Mapping
from typing import Any

from towpath.machinery.documents import DocumentError, load_document

Schema = Mapping[str, Any]


def spec_from(schema: Schema, form: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    """Typed by the schema. What cannot be typed stays as it was written, for the API to refuse."""
    found: dict[str, Any] = {}
    for key, field in (schema.get("properties") or {}).items():
        name = f"{prefix}{key}"
        if field.get("type") == "object" and field.get("properties"):
            if nested := spec_from(field, form, f"{name}."):
                found[key] = nested
        elif text := form.get(name, "").strip():
            found[key] = _typed(field, text)
    return found


def _typed(schema: Schema, text: str) -> Any:
    match schema.get("type", "string"):
        case "string":
            return text.replace("\r\n", "\n")
        case "array":
            items = schema.get("items") or {}
            return [_typed(items, line) for line in text.splitlines() if line.strip()]
        case _:
            try:
                return load_document(text)
            except DocumentError:
                return text


def form_values(schema: Schema, prefix: str = "") -> dict[str, Any]:
    """Every field with its default, "" where it has none."""
    shown: dict[str, Any] = {}
    for key, field in (schema.get("properties") or {}).items():
        if field.get("type") == "object" and field.get("properties"):
            shown |= form_values(field, f"{prefix}{key}.")
        else:
            shown[f"{prefix}{key}"] = field.get("default", "")
    return shown
