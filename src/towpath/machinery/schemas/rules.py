"""x-kubernetes-validations: CEL rules at any depth, with transition rules and ratcheting.

`self` is the value at the rule's place; `oldSelf` what it was before, where the two can be
matched: fields of objects, values of maps, items of list-type map by their keys. A rule that names
oldSelf runs only then, unless it is optionalOldSelf. A rule that fails on a value that did not
change is let through, as a kube-apiserver's ratcheting does.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from towpath.machinery.causes import duplicate, forbidden, invalid_value, required
from towpath.machinery.cel import CelError, CelSyntaxError, Program, compile_expression
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.celview import View, compile_view
from towpath.machinery.schemas.once import Memory, once

RuleCheck = Callable[[Any, Any, str, list[Cause]], None]
"""value, old value or None, path, where to note what is wrong."""

_USES_OLD = re.compile(r"\boldSelf\b")
_MESSAGE_LENGTH_MAX = 5 * 1024


@dataclass(frozen=True, slots=True)
class Rule:
    program: Program
    message: Program | None
    words: str
    name: str
    """How errors refer to the rule: its message, or itself."""
    field_path: str
    reason: str
    uses_old: bool
    optional_old: bool
    shows_value: bool


def compile_rules(schema: RawObject) -> RuleCheck | None:
    """None when there is no rule anywhere below. A rule that does not compile always fails."""
    return _compile(schema, {})


@once
def _compile(schema: RawObject, memory: Memory) -> RuleCheck | None:
    checks: list[RuleCheck] = []
    if (own := _own_rules(schema)) is not None:
        checks.append(own)
    # Rules may also stand in allOf branches, which have no structure of their own.
    for branch in schema.get("allOf") or ():
        typed = {"type": schema.get("type"), **branch}
        if (nested := _compile(typed, memory)) is not None:
            checks.append(nested)
    items, extra = schema.get("items"), schema.get("additionalProperties")
    if isinstance(items, dict) and (each := _compile(items, memory)) is not None:
        keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        is_map = schema.get("x-kubernetes-list-type") == "map"
        checks.append(_items_check(each, keys if is_map else ()))
    elif isinstance(extra, dict) and (each := _compile(extra, memory)) is not None:
        checks.append(_values_check(each))
    fields = [
        (name, check)
        for name, below in schema.get("properties", {}).items()
        if (check := _compile(below, memory)) is not None
    ]
    if fields:
        checks.append(_fields_check(fields))
    if not checks:
        return None
    return checks[0] if len(checks) == 1 else _all_of(checks)


def _all_of(checks: list[RuleCheck]) -> RuleCheck:
    def check(value: Any, old: Any, path: str, causes: list[Cause]) -> None:
        for each in checks:
            each(value, old, path, causes)

    return check


def _items_check(each: RuleCheck, keys: tuple[str, ...]) -> RuleCheck:
    def check(value: Any, old: Any, path: str, causes: list[Cause]) -> None:
        if not isinstance(value, list):
            return
        before = by_keys(old, keys) if keys and isinstance(old, list) else {}
        for position, item in enumerate(value):
            if item is not None:
                match = before.get(identity(item, keys)) if before else None
                each(item, match, f"{path}[{position}]", causes)

    return check


def identity(item: Any, keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(key) for key in keys) if isinstance(item, dict) else ()


def by_keys(items: list[Any], keys: tuple[str, ...]) -> dict[tuple[Any, ...], Any]:
    """Items of a list-type map by their keys."""
    return {identity(item, keys): item for item in items}


def _values_check(each: RuleCheck) -> RuleCheck:
    def check(value: Any, old: Any, path: str, causes: list[Cause]) -> None:
        if isinstance(value, dict):
            before = old if isinstance(old, dict) else {}
            for name, below in value.items():
                if below is not None:
                    each(below, before.get(name), f"{path}[{name}]", causes)

    return check


def _fields_check(fields: list[tuple[str, RuleCheck]]) -> RuleCheck:
    def check(value: Any, old: Any, path: str, causes: list[Cause]) -> None:
        if isinstance(value, dict):
            before = old if isinstance(old, dict) else {}
            for name, below in fields:
                if (inner := value.get(name)) is not None:
                    below(inner, before.get(name), f"{path}.{name}" if path else name, causes)

    return check


def _own_rules(schema: RawObject) -> RuleCheck | None:
    declared = schema.get("x-kubernetes-validations")
    if not declared:
        return None
    try:
        rules = [_rule(raw, schema) for raw in declared]
    except CelSyntaxError as error:
        return _broken(error)
    view = compile_view(schema)

    def check(value: Any, old: Any, path: str, causes: list[Cause]) -> None:
        bindings = _bindings(value, old, view)
        for rule in rules:
            if old is None and rule.uses_old and not rule.optional_old:
                continue
            cause = _evaluate(rule, bindings, value, path)
            if cause is None or (not rule.uses_old and old is not None and old == value):
                continue
            causes.append(cause)

    return check


def _broken(error: CelSyntaxError) -> RuleCheck:
    def check(value: Any, old: Any, path: str, causes: list[Cause]) -> None:
        causes.append(omitted_value(path or "<nil>", f"rule compile error: {error.message}"))

    return check


def _rule(raw: RawObject, schema: RawObject) -> Rule:
    expression = raw["rule"]
    message_expression = raw.get("messageExpression")
    optional_old = bool(raw.get("optionalOldSelf"))
    if optional_old:
        # The binding cannot hand an optional in: null outside becomes one inside.
        expression = _with_optional_old(expression)
        message_expression = message_expression and _with_optional_old(message_expression)
    name = (raw.get("message") or raw["rule"]).strip()
    return Rule(
        program=compile_expression(expression, ("self", "oldSelf")),
        message=compile_expression(message_expression, ("self", "oldSelf"))
        if message_expression
        else None,
        words=name if raw.get("message") else f"failed rule: {name}",
        name=name,
        field_path=(raw.get("fieldPath") or "").removeprefix("."),
        reason=raw.get("reason") or "",
        uses_old=_USES_OLD.search(raw["rule"]) is not None,
        optional_old=optional_old,
        shows_value=schema.get("type") not in ("object", "array"),
    )


def _with_optional_old(expression: str) -> str:
    inner = _USES_OLD.sub("_oldSelf", expression)
    return f"cel.bind(_oldSelf, oldSelf == null ? optional.none() : optional.of(oldSelf), {inner})"


def _bindings(value: Any, old: Any, view: View | None) -> dict[str, Any]:
    if view is None:
        return {"self": value, "oldSelf": old}
    return {"self": view(value), "oldSelf": None if old is None else view(old)}


def _evaluate(rule: Rule, bindings: dict[str, Any], value: Any, path: str) -> Cause | None:
    try:
        if rule.program.evaluate(bindings) is True:
            return None
    except CelError as error:
        return omitted_value(path or "<nil>", f"{error.message} evaluating rule: {rule.name}")
    field = f"{path}.{rule.field_path}" if path and rule.field_path else path or rule.field_path
    return _failure(rule, field or "<nil>", value, _message(rule, bindings))


def _message(rule: Rule, bindings: dict[str, Any]) -> str:
    """A message expression that fails, or says nothing, falls back to the fixed words."""
    if rule.message is None:
        return rule.words
    try:
        said = rule.message.evaluate(bindings)
    except CelError:
        return rule.words
    text = said.strip() if isinstance(said, str) else ""
    if not text or "\n" in text or len(text) > _MESSAGE_LENGTH_MAX:
        return rule.words
    return text


def _failure(rule: Rule, field: str, value: Any, words: str) -> Cause:
    match rule.reason:
        case "FieldValueForbidden":
            return forbidden(field, words)
        case "FieldValueRequired":
            return required(field, words)
        case "FieldValueDuplicate":
            return duplicate(field, value)
        case _:
            if rule.shows_value:
                return invalid_value(field, value, words)
            return omitted_value(field, words)


def omitted_value(field: str, words: str) -> Cause:
    """Invalid, without printing a whole object or list."""
    return Cause("FieldValueInvalid", f"Invalid value: {words}", field)
