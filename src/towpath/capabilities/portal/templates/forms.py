"""From a posted form to the parameters of a template, and from what is wrong back to the fields.

A nested parameter's field is `outer.inner`; an empty field was left out, so its default counts.
"""

import re
import secrets as chance
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.templates.conditions import page_for
from towpath.capabilities.portal.templates.descriptor import FieldError, pages_of
from towpath.capabilities.portal.templates.parameters import parameters_with_defaults
from towpath.capabilities.portal.templates.pickers import (
    HIDDEN_TEXT,
    REPO_URL,
    complaints,
    expanded,
    field_of,
    options_of,
    repository_url,
)
from towpath.hooks.forms import typed
from towpath.machinery.objects import RawObject

Schema = Mapping[str, Any]

CONDITIONS_DEEP = 6
REPOSITORY_PARTS = ("host", "owner", "repo", "project", "workspace", "organization")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a form was filled in with."""

    values: dict[str, Any]
    secrets: dict[str, str]
    """Of fields that are secret; `values` has stars in their place."""


def parameters_from(descriptor: RawObject, form: Mapping[str, str]) -> dict[str, Any]:
    """Typed by the schemas, with their defaults. What cannot be typed stays as it was written."""
    return answers_from(descriptor, form).values


def answers_from(descriptor: RawObject, form: Mapping[str, str]) -> Answers:
    """Answers decide what else is asked, so they are read until nothing new is."""
    values: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    for _ in range(CONDITIONS_DEEP):
        before = values
        values = {}
        known = parameters_with_defaults(descriptor, before)
        for page in pages_of(descriptor):
            _read(page_for(page, known), form, "", values, secrets)
        values = _with_defaults(descriptor, values)
        if values == before:
            break
    return Answers(values, secrets)


def _with_defaults(descriptor: RawObject, values: dict[str, Any]) -> dict[str, Any]:
    """Also those of fields that are asked because of an answer."""
    filled = parameters_with_defaults(descriptor, values)
    shown = {"spec": {"parameters": [page_for(page, filled) for page in pages_of(descriptor)]}}
    return parameters_with_defaults(shown, filled)


def _read(
    schema: Schema,
    form: Mapping[str, str],
    prefix: str,
    values: dict[str, Any],
    secrets: dict[str, str],
) -> None:
    for key, field in (schema.get("properties") or {}).items():
        name = f"{prefix}{key}"
        if field_of(field) == REPO_URL:
            parts = {part: form.get(f"{name}.{part}", "").strip() for part in REPOSITORY_PARTS}
            url = form.get(name, "").strip() or repository_url(parts)
            if url:
                values[key] = url
            continue
        if field.get("type") == "object" and field.get("properties"):
            nested: dict[str, Any] = {}
            _read(field, form, f"{name}.", nested, secrets)
            if nested:
                values[key] = nested
            continue
        ticks = [one for one in form if one.startswith(f"{name}[") and form[one]]
        ticked = [one[len(name) + 1 : -1] for one in ticks]
        text = form.get(name, "").strip()
        if ticked:
            values[key] = ticked
        elif text and field_of(field) == HIDDEN_TEXT:
            secrets[key] = text
            values[key] = "*" * len(text)
        elif text:
            values[key] = typed(field, text)


def shown_pages(
    descriptor: RawObject, values: Mapping[str, Any], host: str
) -> list[Mapping[str, Any]]:
    """The pages as they are asked with these answers, each field as the form shows it."""
    return [_shown(page_for(page, values), host) for page in pages_of(descriptor)]


def _shown(schema: Schema, host: str) -> dict[str, Any]:
    properties = {}
    for name, one in (schema.get("properties") or {}).items():
        if one.get("ui:widget") == "hidden" or options_of(one).get("widget") == "hidden":
            continue
        is_group = one.get("type") == "object" and one.get("properties")
        properties[name] = _shown(one, host) if is_group else expanded(one, host)
    return {**schema, "properties": properties}


def picker_errors(descriptor: RawObject, values: Mapping[str, Any]) -> list[FieldError]:
    """What speaks against answers to pickers, beside the schemas."""
    return [
        FieldError(f"parameters.{name}", message)
        for page in pages_of(descriptor)
        for name, field in (page_for(page, values).get("properties") or {}).items()
        for message in complaints(field, values.get(name))
    ]


def field_names(descriptor: RawObject, values: Mapping[str, Any] | None = None) -> set[str]:
    """Those that are asked with these answers."""
    pages = (page_for(page, values or {}) for page in pages_of(descriptor))
    return {name for page in pages for name in _names(page, "")}


def _names(schema: Schema, prefix: str) -> Iterator[str]:
    for key, field in (schema.get("properties") or {}).items():
        if field.get("type") == "object" and field.get("properties"):
            yield from _names(field, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def errors_by_field(
    descriptor: RawObject,
    errors: Sequence[FieldError],
    values: Mapping[str, Any] | None = None,
) -> tuple[dict[str, str], list[str]]:
    """What is wrong at a field of the form, and what is wrong elsewhere."""
    names = field_names(descriptor, values)
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
    return f"{slug}-{chance.token_hex(3)}"
