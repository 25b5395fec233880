"""What CEL refuses before it runs, what an expression may cost, and what it does cost.

The same rules are asked of a real kube-apiserver in tests/conformance/rules.py.
"""

from typing import Any

import pytest

from towpath.machinery.cel import CelCostExceeded, Environment, Meter
from towpath.machinery.cel.types import DYN
from towpath.machinery.schemas import structural_errors
from towpath.machinery.schemas.rules import compile_rules

FREE = Environment({"self": DYN})
TEXTS = {"type": "array", "items": {"type": "string"}}
FIELDS: dict[str, Any] = {
    "name": {"type": "string"},
    "size": {"type": "integer"},
    "at": {"type": "string", "format": "date-time"},
    "many": TEXTS,
    "few": {**TEXTS, "maxItems": 5, "items": {"type": "string", "maxLength": 10}},
    "first-name": {"type": "string"},
    "either": {"x-kubernetes-int-or-string": True},
}


def ruled(rule: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": FIELDS,
        "x-kubernetes-validations": [{"rule": rule, **more}],
    }


def mistakes(schema: dict[str, Any]) -> str:
    root = {"type": "object", "properties": {"spec": schema}}
    return "\n".join(cause.message for cause in structural_errors(root, "schema"))


@pytest.mark.parametrize(
    "rule",
    [
        "self.size > 1",
        "self.at > timestamp('2030-01-01T00:00:00Z')",
        "self.first__dash__name == self.name",
        "type(self.either) == int || self.either == 'a'",
        "self.few.all(one, one.size() < 3 && !self.few.exists(other, other == 'x'))",
        "self.?name.orValue('') != ''",
        "!has(self.name) || self.name.matches('^a+$')",
        "self.few.map(x, size(x)).sum() < 9",
        "isQuantity(self.name) && quantity(self.name).isGreaterThan(quantity('1'))",
    ],
)
def test_what_fits_the_schema_is_taken(rule: str) -> None:
    assert mistakes(ruled(rule)) == ""


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("self.nmae == 'a'", "undefined field 'nmae'"),
        ("self.size == 'a'", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("self.size + 1", "must evaluate to a bool"),
        ("self.at == 'now'", "applied to '(timestamp, string)'"),
        ("self.name.startswith('a')", "undeclared reference to 'startswith'"),
        ("has(self.few)  &&", "Syntax error"),
        ("other == 1", "undeclared reference to 'other'"),
        ("self.few.all(x, x > 1)", "applied to '(string, int)'"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused(rule: str, words: str) -> None:
    assert words in mistakes(ruled(rule))


def test_a_rule_that_could_cost_too_much_is_refused_unless_its_lists_are_bounded() -> None:
    pairs = "self.{0}.all(a, self.{0}.all(b, a == b || a.contains(b)))"
    assert "estimated rule cost exceeds budget" in mistakes(ruled(pairs.format("many")))
    assert mistakes(ruled(pairs.format("few"))) == ""


def test_messages_are_checked_too() -> None:
    assert mistakes(ruled("self.size > 1", messageExpression="string(self.size)")) == ""
    assert "must evaluate to a string" in mistakes(ruled("true", messageExpression="self.size"))


def test_an_evaluation_stops_when_it_has_cost_too_much() -> None:
    value = {"names": ["x" * 100] * 4000}
    dear = FREE.compile("self.names.all(a, self.names.all(b, a == b))")
    with pytest.raises(CelCostExceeded):
        dear.evaluate({"self": value})


def test_what_is_spent_is_taken_from_one_meter() -> None:
    meter = Meter(100)
    program = FREE.compile("self.n > 1")
    assert program.evaluate({"self": {"n": 2}}, meter) is True
    once = 100 - meter.left
    assert once > 0
    program.evaluate({"self": {"n": 2}}, meter)
    assert 100 - meter.left == 2 * once


def test_the_rules_of_one_object_have_one_budget() -> None:
    items = {"type": "string", "x-kubernetes-validations": [{"rule": "self.matches('^(a|b)*c$')"}]}
    run = compile_rules({"type": "array", "items": items})
    assert run is not None
    verdict = run(["a" * 20_000 + "c"] * 2_000, None)
    assert any("no further validation rules will be run" in str(c) for c in verdict.causes)
