"""x-kubernetes-validations: CEL rules at any depth, with transition rules and ratcheting.

`self` is the value at the rule's place; `oldSelf` what it was before, where the two can be
matched: fields of objects, values of maps, items of list-type map by their keys. A rule that names
oldSelf runs only then, unless it is optionalOldSelf. A rule that fails on a value that did not
change only warns, as a kube-apiserver's ratcheting does. All rules on an object share one budget.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from towpath.machinery.causes import duplicate, forbidden, invalid_value, required
from towpath.machinery.cel import (
    CelCostExceeded,
    CelError,
    CelSyntaxError,
    Environment,
    Meter,
    Program,
)
from towpath.machinery.cel import types as cel_types
from towpath.machinery.cel.costs import PER_OBJECT_LIMIT
from towpath.machinery.cel.values import NONE, Opt
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.celview import View, compile_view
from towpath.machinery.schemas.declared import Declared, declare, struct_fields
from towpath.machinery.schemas.fieldpaths import normalized
from towpath.machinery.schemas.once import Memory, once
from towpath.machinery.schemas.uniqueness import by_keys, identity

MESSAGE_BYTES_MAX = 5 * 1024
_NO_MORE = (
    "validation failed due to running out of cost budget, no further validation rules will be run"
)


@dataclass(slots=True)
class Verdict:
    """What the rules have found so far, and what they may still cost."""

    causes: list[Cause] = field(default_factory=list)
    warnings: list[Cause] = field(default_factory=list)
    """What is wrong and was so before."""
    meter: Meter = field(default_factory=lambda: Meter(PER_OBJECT_LIMIT))


class _OutOfBudget(Exception):
    pass


RuleCheck = Callable[[Any, Any, str, Verdict], None]
"""value, old value or None, path, where to note what is wrong."""


@dataclass(frozen=True)
class RuleTypes:
    """What the rules of one place may name."""

    declared: Declared

    @cached_property
    def plain(self) -> Environment:
        own = self.declared.type
        return Environment({"self": own, "oldSelf": own}, struct_fields(self.declared))

    @cached_property
    def optional(self) -> Environment:
        own = self.declared.type
        variables = {"self": own, "oldSelf": cel_types.optional_of(own)}
        return Environment(variables, self.plain.structs)

    def environment(self, raw: RawObject) -> Environment:
        return self.optional if raw.get("optionalOldSelf") else self.plain


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


def compile_rules(
    schema: RawObject, *, is_resource: bool = False
) -> Callable[[Any, Any], Verdict] | None:
    """None when there is no rule anywhere. A rule that does not compile always fails."""
    root = {**schema, "x-kubernetes-embedded-resource": True} if is_resource else schema
    check = _compile(root, {})
    if check is None:
        return None

    def run(value: Any, old: Any) -> Verdict:
        verdict = Verdict()
        with suppress(_OutOfBudget):
            check(value, old, "", verdict)
        return verdict

    return run


@once
def _compile(schema: RawObject, memory: Memory) -> RuleCheck | None:
    checks: list[RuleCheck] = []
    if schema.get("x-kubernetes-validations"):
        checks.append(_own_rules(schema))
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
    def check(value: Any, old: Any, path: str, verdict: Verdict) -> None:
        for each in checks:
            each(value, old, path, verdict)

    return check


def _items_check(each: RuleCheck, keys: tuple[str, ...]) -> RuleCheck:
    def check(value: Any, old: Any, path: str, verdict: Verdict) -> None:
        if not isinstance(value, list):
            return
        before = by_keys(old, keys) if keys and isinstance(old, list) else {}
        for position, item in enumerate(value):
            if item is not None:
                match = before.get(identity(item, keys)) if before else None
                each(item, match, f"{path}[{position}]", verdict)

    return check


def _values_check(each: RuleCheck) -> RuleCheck:
    def check(value: Any, old: Any, path: str, verdict: Verdict) -> None:
        if isinstance(value, dict):
            before = old if isinstance(old, dict) else {}
            for name, below in value.items():
                if below is not None:
                    each(below, before.get(name), f"{path}[{name}]", verdict)

    return check


def _fields_check(fields: list[tuple[str, RuleCheck]]) -> RuleCheck:
    def check(value: Any, old: Any, path: str, verdict: Verdict) -> None:
        if isinstance(value, dict):
            before = old if isinstance(old, dict) else {}
            for name, below in fields:
                if (inner := value.get(name)) is not None:
                    below(inner, before.get(name), f"{path}.{name}" if path else name, verdict)

    return check


def _own_rules(schema: RawObject) -> RuleCheck:
    kind = schema.get("type") or ""
    shows_value = kind not in ("object", "array")
    is_resource = bool(schema.get("x-kubernetes-embedded-resource"))
    declared = declare(schema, is_resource=is_resource)
    if declared is None:
        words = "failed to convert to declType for CEL validation rules"
        return _broken(kind, f"rule compiler initialization error: {words}")
    types = RuleTypes(declared)
    try:
        rules = [
            _rule(raw, schema, types)
            for raw in schema["x-kubernetes-validations"]
            if (raw.get("rule") or "").strip()
        ]
    except CelSyntaxError as error:
        return _broken(kind, f"rule compile error: compilation failed: {error.message}")
    view = compile_view(schema)

    def check(value: Any, old: Any, path: str, verdict: Verdict) -> None:
        bindings = _Bindings(value, old, view)
        for rule in rules:
            if old is None and rule.uses_old and not rule.optional_old:
                continue
            cause = _evaluate(rule, bindings, kind, path, verdict)
            if cause is None:
                continue
            if isinstance(cause, Cause):
                verdict.causes.append(cause)
                continue
            failure = _failure(rule, _field(rule, path), value if shows_value else _OMITTED, cause)
            unchanged = old is not None and not rule.uses_old and old == value
            (verdict.warnings if unchanged else verdict.causes).append(failure)

    return check


def _broken(kind: str, words: str) -> RuleCheck:
    def check(value: Any, old: Any, path: str, verdict: Verdict) -> None:
        verdict.causes.append(invalid_value(path or "<nil>", kind, words))

    return check


def _rule(raw: RawObject, schema: RawObject, types: RuleTypes) -> Rule:
    environment = types.environment(raw)
    program = environment.compile(raw["rule"])
    message_expression = raw.get("messageExpression")
    name = (raw.get("message") or raw["rule"]).strip()
    return Rule(
        program=program,
        message=environment.compile(message_expression) if message_expression else None,
        words=name if raw.get("message") else f"failed rule: {name}",
        name=name,
        field_path=normalized(raw.get("fieldPath") or "", schema),
        reason=raw.get("reason") or "",
        uses_old=program.uses("oldSelf"),
        optional_old=bool(raw.get("optionalOldSelf")),
    )


class _Bindings:
    """What the rules of one place see: made when the first one runs, and once."""

    def __init__(self, value: Any, old: Any, view: View | None) -> None:
        self._value = value
        self._old = old
        self._view = view

    @cached_property
    def plain(self) -> dict[str, Any]:
        if self._view is None:
            return {"self": self._value, "oldSelf": self._old}
        old = None if self._old is None else self._view(self._old)
        return {"self": self._view(self._value), "oldSelf": old}

    @cached_property
    def optional(self) -> dict[str, Any]:
        old = self.plain["oldSelf"]
        return {**self.plain, "oldSelf": NONE if self._old is None else Opt(old)}


def _evaluate(
    rule: Rule, bindings: _Bindings, kind: str, path: str, verdict: Verdict
) -> Cause | str | None:
    """None when it holds; the words of what does not; or the cause when it cannot be told."""
    bound = bindings.optional if rule.optional_old else bindings.plain
    meter, where = verdict.meter, path or "<nil>"
    failed: CelError | None = None
    passed: Any = None
    try:
        passed = rule.program.value(bound, meter)
    except CelError as error:
        failed = error
    if meter.left < 0:
        verdict.causes.append(invalid_value(where, kind, _NO_MORE))
        raise _OutOfBudget
    if failed is None:
        return None if passed is True else _message(rule, bound, meter)
    if isinstance(failed, CelCostExceeded):
        words = (
            f"'{failed.message}': no further validation rules will be run due to call cost exceeds "
            f"limit for rule: {rule.name}"
        )
        verdict.causes.append(invalid_value(where, kind, words))
        raise _OutOfBudget
    if failed.message.startswith("no such overload"):
        words = (
            f"'{failed.message}': call arguments did not match a supported operator, function or "
            f"macro signature for rule: {rule.name}"
        )
        return invalid_value(where, kind, words)
    return invalid_value(where, kind, f"{failed.message} evaluating rule: {rule.name}")


def _field(rule: Rule, path: str) -> str:
    if path and rule.field_path:
        return f"{path}.{rule.field_path}"
    return path or rule.field_path or "<nil>"


def _message(rule: Rule, bindings: dict[str, Any], meter: Meter) -> str:
    """A message expression that fails, or says nothing, falls back to the fixed words."""
    if rule.message is None:
        return rule.words
    try:
        said = rule.message.value(bindings, meter)
    except CelError:
        return rule.words
    text = said.strip() if isinstance(said, str) else ""
    if not text or "\n" in text or len(text.encode()) > MESSAGE_BYTES_MAX:
        return rule.words
    return text


_OMITTED = object()


def _failure(rule: Rule, field_: str, value: Any, words: str) -> Cause:
    match rule.reason:
        case "FieldValueForbidden":
            return forbidden(field_, words)
        case "FieldValueRequired":
            return required(field_, words)
        case "FieldValueDuplicate":
            return duplicate(field_, None if value is _OMITTED else value)
        case _:
            if value is _OMITTED:
                return omitted_value(field_, words)
            return invalid_value(field_, value, words)


def omitted_value(field_: str, words: str) -> Cause:
    """Invalid, without printing a whole object or list."""
    return Cause("FieldValueInvalid", f"Invalid value: {words}", field_)
