"""What the rules of an Action say to one person about one thing: pure, and always from the API's
own side of the fence."""

from collections.abc import Iterator, Mapping
from typing import Any

from towpath.capabilities.portal.actions.rendering import mistakes, render
from towpath.hooks.forms import fields_of, form_errors
from towpath.hooks.rules import BadRule, Known, check_rule, holds
from towpath.machinery.objects import RawObject

SECRET_FIELDS = ("Secret", "password")


def errors_of(spec: RawObject) -> list[str]:
    """What is wrong with an Action's spec that its schema does not see."""
    return list(_errors(spec))


def _errors(spec: RawObject) -> Iterator[str]:
    for name in ("visible", "permitted"):
        if wrong := spec.get(name) and check_rule(spec[name], yes_or_no=True):
            yield f"spec.{name}: {wrong}"
    approvers = (spec.get("approval") or {}).get("approvers", "")
    if wrong := approvers and check_rule(approvers):
        yield f"spec.approval.approvers: {wrong}"
    for field in ("backend", "undo"):
        for mistake in mistakes(spec.get(field)):
            yield f"spec.{field}: {mistake}"
    inputs = spec.get("userInputs") or {}
    for mistake in mistakes(_defaults(inputs)):
        yield f"spec.userInputs: {mistake}"
    if "" in (found := form_errors(inputs, {})) and "schema is wrong" in found[""]:
        yield f"spec.userInputs: {found['']}"
    for name, one in fields_of(inputs).items():
        if one.get("ui:field") in SECRET_FIELDS or one.get("format") in SECRET_FIELDS:
            yield (
                f"spec.userInputs.properties.{name}: inputs are kept and shown with the run; name "
                "a Secret instead of asking for one"
            )


def _defaults(schema: Mapping[str, Any]) -> list[Any]:
    found = []
    for field in fields_of(schema).values():
        found.append(field.get("default"))
        found += _defaults(field)
    return found


def prefilled(schema: RawObject, known: Known) -> RawObject:
    """The schema with its defaults worked out. One that cannot be is no default."""
    properties = {}
    for name, field in fields_of(schema).items():
        filled = dict(prefilled(dict(field), known)) if field.get("properties") else dict(field)
        if "default" in field:
            try:
                filled["default"] = render(field["default"], known)
            except BadRule:
                del filled["default"]
        properties[name] = filled
    return {**schema, "properties": properties}


def with_defaults(schema: RawObject, given: Mapping[str, Any]) -> dict[str, Any]:
    filled = dict(given)
    for name, field in fields_of(schema).items():
        if name not in filled and "default" in field:
            filled[name] = field["default"]
        elif isinstance(filled.get(name), Mapping) and field.get("properties"):
            filled[name] = with_defaults(dict(field), filled[name])
    return filled


def why_not(spec: RawObject, known: Known) -> str:
    """Why this person may not run it with these inputs, "" if they may."""
    name = known.user.name
    try:
        if holds(spec.get("permitted", ""), known):
            return ""
    except BadRule as error:
        return f"whether {name} may run it cannot be told: {error}"
    return f"{name} may not run it here: {spec['permitted']} does not hold"
