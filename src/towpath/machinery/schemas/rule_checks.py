"""CEL rules of a definition: they compile, fit their schema, and cannot cost too much.

A rule's worst cost is multiplied by how often its place can occur. Source: the validation of
x-kubernetes-validations in apiextensions-apiserver.
"""

import json
from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.cel import CelSyntaxError, Program
from towpath.machinery.cel import types as cel_types
from towpath.machinery.cel.ranges import UNBOUNDED
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.declared import declare
from towpath.machinery.schemas.fieldpaths import PathInvalid, resolve
from towpath.machinery.schemas.rules import RuleTypes

RULES = "x-kubernetes-validations"
RULE_COST_MAX = 10_000_000
SCHEMA_COST_MAX = 100_000_000
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


def rule_words(schema: RawObject, path: str) -> Iterator[Cause]:
    """What can be told of the rules of one place without compiling them."""
    for position, rule in enumerate(schema.get(RULES) or ()):
        where = f"{path}.{RULES}[{position}]"
        expression, message = rule.get("rule") or "", rule.get("message") or ""
        if not expression.strip():
            yield required(f"{where}.rule", "rule is not specified")
        elif message and not message.strip():
            yield invalid_value(f"{where}.message", message, "must be non-empty if specified")
        elif _has_lines(message.strip()):
            yield invalid_value(f"{where}.message", message, "must not contain line breaks")
        elif _has_lines(expression.strip()) and not message.strip():
            words = "message must be specified if rule contains line breaks"
            yield required(f"{where}.message", words)
        said = rule.get("messageExpression") or ""
        if said and not said.strip():
            words = "messageExpression must be non-empty if specified"
            yield required(f"{where}.messageExpression", words)
        if rule.get("reason") is not None and rule["reason"] not in _REASONS:
            yield unsupported(f"{where}.reason", rule["reason"], _REASONS)
        yield from _field_path(schema, rule.get("fieldPath") or "", f"{where}.fieldPath")


def _field_path(schema: RawObject, path: str, where: str) -> Iterator[Cause]:
    if path and not path.strip():
        yield invalid_value(where, path, "must be non-empty if specified")
    if _has_lines(path):
        yield invalid_value(where, path, "must not contain line breaks")
    if path:
        try:
            resolve(path, schema)
        except PathInvalid:
            yield invalid_value(where, path, "must be a valid path")


def _has_lines(text: str) -> bool:
    return "\n" in text or "\r" in text


class _Total(Struct):
    cost: int = 0
    dear: list[tuple[int, str]] = field(default_factory=list)

    def add(self, path: str, cost: int) -> None:
        self.cost = min(self.cost + cost, UNBOUNDED)
        if cost >= SCHEMA_COST_MAX // 100:
            self.dear = sorted([*self.dear, (cost, path)], key=lambda one: -one[0])[:4]


class _Place(Struct, frozen=True):
    """A part of the schema on the way down."""

    schema: RawObject
    path: str
    is_resource: bool = False
    cardinality: int | None = 1
    """How often it can occur at most; None: nothing bounds it."""
    uncorrelated: str = ""
    """The list above it whose items have no old self."""


def rule_errors(schema: RawObject, path: str, wrong: list[Cause], *, costs: bool) -> list[Cause]:
    """`wrong` is what is wrong with the schema itself: rules above or at it are not compiled."""
    total, found = _Total(), list[Cause]()
    root = _Place(schema, path, is_resource=True)
    for place in _places(root):
        if place.schema.get(RULES) and not any(_is_below(cause, place.path) for cause in wrong):
            found.extend(_check_place(place, total, costs=costs))
    if total.cost > SCHEMA_COST_MAX:
        words = (
            "contributed to estimated rule cost total exceeding cost limit for entire "
            "OpenAPIv3 schema"
        )
        found.extend(forbidden(where, words) for _, where in total.dear)
        name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        found.append(forbidden(path, _too_dear(name, total.cost, SCHEMA_COST_MAX)))
    return found


def _is_below(cause: Cause, path: str) -> bool:
    return cause.field == path or cause.field.startswith((f"{path}.", f"{path}["))


def _places(place: _Place) -> Iterator[_Place]:
    """Deepest first: so their errors come in the order of a kube-apiserver."""
    schema = place.schema
    inner = replace(
        place, is_resource=False, cardinality=_cardinality_below(place.cardinality, schema)
    )
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        yield from _places(_under(inner, extra, "additionalProperties"))
    for name, below in (schema.get("properties") or {}).items():
        if isinstance(below, dict):
            yield from _places(_under(inner, below, f"properties[{name}]"))
    items = schema.get("items")
    if isinstance(items, dict):
        unmatched = place.path if schema.get("x-kubernetes-list-type") != "map" else ""
        item_place = _under(inner, items, "items")
        yield from _places(replace(item_place, uncorrelated=place.uncorrelated or unmatched))
    yield place


def _under(place: _Place, schema: RawObject, step: str) -> _Place:
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    return replace(place, schema=schema, path=f"{place.path}.{step}", is_resource=embedded)


def _cardinality_below(cardinality: int | None, schema: RawObject) -> int | None:
    if cardinality is None:
        return None
    count: int | None = 1
    if schema.get("type") == "object" and schema.get("additionalProperties") is not None:
        count = schema.get("maxProperties")
    elif schema.get("type") == "array":
        count = schema.get("maxItems")
    return None if count is None else min(cardinality * max(count, 0), UNBOUNDED)


def _check_place(place: _Place, total: _Total, *, costs: bool) -> Iterator[Cause]:
    declared = declare(place.schema, is_resource=place.is_resource)
    if declared is None:
        words = (
            "internal error: failed to construct type information for x-kubernetes-validations "
            "rules: unable to convert structural schema to CEL declarations"
        )
        yield Cause("InternalError", f"Internal error: {words}", f"{place.path}.{RULES}")
        return
    types = RuleTypes(declared)
    times = declared.cardinality if place.cardinality is None else place.cardinality
    for position, raw in enumerate(place.schema[RULES]):
        where = f"{place.path}.{RULES}[{position}]"
        environment = types.environment(raw)
        try:
            program = environment.compile(raw["rule"])
        except CelSyntaxError as error:
            yield _invalid_rule(f"{where}.rule", raw, f"compilation failed: {error.message}")
            yield from _old_self(place, raw, where, uses_old=False)
            continue
        if program.result_type != cel_types.BOOL:
            yield _invalid_rule(f"{where}.rule", raw, "cel expression must evaluate to a bool")
            yield from _old_self(place, raw, where, uses_old=False)
            continue
        cost = min(program.estimate(declared.size_at) * times, UNBOUNDED)
        if costs and cost > RULE_COST_MAX:
            words = _too_dear("estimated rule cost", cost, RULE_COST_MAX)
            yield forbidden(f"{where}.rule", words)
        total.add(f"{where}.rule", cost)
        if said := raw.get("messageExpression"):
            yield from _check_message(said, raw, f"{where}.messageExpression", types, total, costs)
        yield from _old_self(place, raw, where, uses_old=program.uses("oldSelf"))


def _check_message(
    said: str, raw: RawObject, where: str, types: RuleTypes, total: _Total, costs: bool
) -> Iterator[Cause]:
    try:
        message: Program = types.environment(raw).compile(said)
    except CelSyntaxError as error:
        yield _invalid_rule(where, raw, f"messageExpression compilation failed: {error.message}")
        return
    if message.result_type != cel_types.STRING:
        yield _invalid_rule(where, raw, "messageExpression must evaluate to a string")
        return
    cost = message.estimate(types.declared.size_at)
    if costs and cost > RULE_COST_MAX:
        yield forbidden(where, _too_dear("estimated messageExpression cost", cost, RULE_COST_MAX))
    total.add(where, cost)


def _invalid_rule(where: str, raw: RawObject, words: str) -> Cause:
    """The rule is shown with Go's names and all that it leaves out."""
    shown = {
        "Rule": raw.get("rule") or "",
        "Message": raw.get("message") or "",
        "MessageExpression": raw.get("messageExpression") or "",
        "Reason": raw.get("reason"),
        "FieldPath": raw.get("fieldPath") or "",
        "OptionalOldSelf": raw.get("optionalOldSelf"),
    }
    return Cause("FieldValueInvalid", f"Invalid value: {_go_json(shown)}: {words}", where)


def _go_json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "&<>":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _old_self(place: _Place, raw: RawObject, where: str, *, uses_old: bool) -> Iterator[Cause]:
    if uses_old and place.uncorrelated:
        words = (
            "oldSelf cannot be used on the uncorrelatable portion of the schema within "
            f"{place.uncorrelated}"
        )
        yield invalid_value(f"{where}.rule", raw["rule"], words)
    elif not uses_old and raw.get("optionalOldSelf") is not None:
        words = "may not be set if oldSelf is not used in rule"
        yield invalid_value(f"{where}.optionalOldSelf", raw["optionalOldSelf"], words)


def _too_dear(name: str, cost: int, limit: int) -> str:
    factor = cost / limit
    shown = "more than 100" if factor > 100 else f"{factor:f}" if factor < 1.5 else f"{factor:.1f}"
    return (
        f"{name} exceeds budget by factor of {shown}x (try simplifying the rule, or adding "
        "maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
