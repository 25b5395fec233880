"""From a posted form to the parameters of a template, and from what is wrong back to the fields.

A nested parameter's field is `outer.inner`; an empty field was left out, so its default counts.
"""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from towpath.capabilities.portal.templates.descriptor import FieldError, pages_of
from towpath.capabilities.portal.templates.parameters import parameters_with_defaults
from towpath.machinery.documents import DocumentError, load_document
from towpath.machinery.objects import RawObject

Schema = Mapping[str, Any]


def parameters_from(descriptor: RawObject, form: Mapping[str, str]) -> dict[str, Any]:
    """Typed by the schemas, with their defaults. What cannot be typed stays as it was written."""
    values: dict[str, Any] = {}
    for page in pages_of(descriptor):
        _read(page, form, "", values)
    return parameters_with_defaults(descriptor, values)


def _read(schema: Schema, form: Mapping[str, str], prefix: str, values: dict[str, Any]) -> None:
    for key, field in (schema.get("properties") or {}).items():
        name = f"{prefix}{key}"
        if field.get("type") == "object" and field.get("properties"):
            nested: dict[str, Any] = {}
            _read(field, form, f"{name}.", nested)
            if nested:
                values[key] = nested
            continue
        text = form.get(name, "").strip()
        if text:
            values[key] = _typed(field, text)


def _typed(schema: Schema, text: str) -> Any:
    match schema.get("type", "string"):
        case "string":
            return text.replace("\r\n", "\n")
        case "array":
            return [_typed(schema.get("items") or {}, line) for line in text.split() if line]
        case _:
            try:
                return load_document(text)
            except DocumentError:
                return text


def form_values(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """By field name, as a form shows them."""
    shown: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            shown |= form_values(value, f"{prefix}{key}.")
        else:
            shown[f"{prefix}{key}"] = value
    return shown


def field_names(descriptor: RawObject) -> set[str]:
    return {name for page in pages_of(descriptor) for name in _names(page, "")}


def _names(schema: Schema, prefix: str) -> Iterator[str]:
    for key, field in (schema.get("properties") or {}).items():
        if field.get("type") == "object" and field.get("properties"):
            yield from _names(field, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def errors_by_field(
    descriptor: RawObject, errors: Sequence[FieldError]
) -> tuple[dict[str, str], list[str]]:
    """What is wrong at a field of the form, and what is wrong elsewhere."""
    names = field_names(descriptor)
    at_field: dict[str, str] = {}
    elsewhere: list[str] = []
    for error in errors:
        name = error.field.removeprefix("parameters").removeprefix(".").partition("[")[0]
        if name in names:
            at_field.setdefault(name, sentence(error.message))
        else:
            elsewhere.append(str(error))
    return at_field, elsewhere


def sentence(message: str) -> str:
    """With a capital letter and a full stop; a name as `app:app` keeps its own spelling."""
    text = {"is required": "This is required"}.get(message, message)
    if text.partition(" ")[0].rstrip(",;:").isalpha():
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?")) else f"{text}."


def run_name(wanted: str) -> str:
    """Of a run that makes something of that name; no two runs have the same."""
    slug = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")[:50].strip("-") or "run"
    return f"{slug}-{secrets.token_hex(3)}"
