"""What a scorecard finds about one entity. Pure: all that rules look at is given.

A rule whose expression asks for a field that is not there has not passed: that is how it is said
that something is missing. Any other error leaves the rule unknown, which reaches no level either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from towpath.hooks.checks import Outcome, Verdict
from towpath.machinery.cel import CelError, Environment, Meter
from towpath.machinery.cel.types import BOOL, DYN, STRING, TIMESTAMP, Type, list_of, map_of
from towpath.machinery.cel.values import Timestamp
from towpath.machinery.objects import RawObject
from towpath.records.scoring import RuleVerdict, Score

VARIABLES: Mapping[str, Type] = {
    "entity": DYN,
    "relations": list_of(map_of(STRING, STRING)),
    "workload": DYN,
    "project": DYN,
    "state": map_of(STRING, STRING),
    "resources": map_of(STRING, list_of(DYN)),
    "now": TIMESTAMP,
}
_EXPRESSIONS = Environment(VARIABLES)
COST_MAX = 1_000_000
"""Of all expressions of one scorecard for one entity; a few milliseconds."""
SENTENCE_MAX = 500


class BadScorecard(Exception):
    """An expression that does not compile; `str()` says which and why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One entity and what belongs to it. What there is none of is empty, so that has() works."""

    ref: str
    title: str
    project: str
    owner: str
    entity: RawObject
    relations: Sequence[Mapping[str, str]] = ()
    workload: RawObject = field(default_factory=dict)
    project_object: RawObject = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Sequence[RawObject]] = field(default_factory=dict)

    def bindings(self, now: datetime) -> dict[str, Any]:
        return {
            "entity": self.entity,
            "relations": list(self.relations),
            "workload": self.workload,
            "project": self.project_object,
            "state": dict(self.state),
            "resources": dict(self.resources),
            "now": Timestamp(int(now.timestamp()) * 10**9),
        }


def check_expressions(spec: RawObject) -> None:
    """Raises BadScorecard."""
    when = (spec.get("appliesTo") or {}).get("when")
    asked = [("spec.appliesTo.when", when, BOOL)] if when else []
    for rule in spec["rules"]:
        where = f"spec.rules[{rule['id']}]"
        if "expression" in rule:
            asked.append((f"{where}.expression", rule["expression"], BOOL))
        if "messageExpression" in rule:
            asked.append((f"{where}.messageExpression", rule["messageExpression"], STRING))
    for where, expression, wanted in asked:
        try:
            result = _EXPRESSIONS.compile(expression).result_type
        except CelError as error:
            raise BadScorecard(f"{where}: {error}") from error
        if result not in (wanted, DYN):
            raise BadScorecard(f"{where}: it must give a {wanted}, not a {result}")


def applies(spec: RawObject, subject: Subject, now: datetime) -> bool:
    asked = spec.get("appliesTo") or {}
    entity = subject.entity
    if entity.get("kind") != asked.get("kind", "Component"):
        return False
    wanted = asked.get("type", "")
    if wanted and str((entity.get("spec") or {}).get("type", "")).lower() != wanted.lower():
        return False
    if "when" not in asked:
        return True
    try:
        return _EXPRESSIONS.compile(asked["when"]).evaluate(subject.bindings(now)) is True
    except CelError:
        return False


def judge(
    scorecard: str,
    spec: RawObject,
    subject: Subject,
    checks: Mapping[str, Verdict],
    now: datetime | None = None,
) -> Score:
    """The level that is reached, and what each rule found. `checks` by their ids."""
    bindings = subject.bindings(now or datetime.now(UTC))
    meter = Meter(COST_MAX)
    verdicts = [_verdict(rule, bindings, checks, meter) for rule in spec["rules"]]
    passed = {one.rule for one in verdicts if one.outcome == Outcome.PASSED}
    rank = 0
    levels = [level["name"] for level in spec["levels"]]
    for level in levels:
        if any(rule["level"] == level and rule["id"] not in passed for rule in spec["rules"]):
            break
        rank += 1
    return Score(
        scorecard=scorecard,
        ref=subject.ref,
        title=subject.title,
        project=subject.project,
        owner=subject.owner,
        level=levels[rank - 1] if rank else "",
        rank=rank,
        passed=len(passed),
        verdicts=tuple(verdicts),
    )


def _verdict(
    rule: RawObject, bindings: Mapping[str, Any], checks: Mapping[str, Verdict], meter: Meter
) -> RuleVerdict:
    if "check" in rule:
        found = checks.get(rule["check"])
        if found is None:
            sentence = f"There is no check {rule['check']} just now, or it is of services alone."
            return RuleVerdict(rule["id"], Outcome.UNKNOWN, sentence)
        return RuleVerdict(rule["id"], found.outcome, found.sentence)
    outcome, sentence = _asked(rule["expression"], bindings, meter)
    if "messageExpression" in rule:
        try:
            sentence = str(_evaluated(rule["messageExpression"], bindings, meter))
        except CelError as error:
            sentence = sentence or f"Its sentence could not be made: {error.message}"
    return RuleVerdict(rule["id"], outcome, sentence[:SENTENCE_MAX])


def _asked(expression: str, bindings: Mapping[str, Any], meter: Meter) -> tuple[Outcome, str]:
    try:
        found = _evaluated(expression, bindings, meter)
    except CelError as error:
        if error.message.startswith("no such key"):
            return Outcome.FAILED, f"Not set: {error.message.partition(':')[2].strip()}."
        return Outcome.UNKNOWN, f"It could not be found out: {error.message}"
    if isinstance(found, bool):
        return (Outcome.PASSED if found else Outcome.FAILED), ""
    return Outcome.UNKNOWN, f"The expression gave {type(found).__name__}, not true or false."


def _evaluated(expression: str, bindings: Mapping[str, Any], meter: Meter) -> Any:
    if meter.left <= 0:
        raise CelError("the scorecard's expressions cost too much")
    return _EXPRESSIONS.compile(expression).evaluate(bindings, meter)
