"""FlowSchema and PriorityLevelConfiguration."""

from collections.abc import Iterator

from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

PRECEDENCE_DEFAULT, PRECEDENCE_MAX = 1000, 10000
SHARES_DEFAULT = 30
QUEUING_DEFAULTS = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
RESERVED = "exempt"
LIMITED, EXEMPT = "Limited", "Exempt"
SUBJECTS = {"User": "user", "Group": "group", "ServiceAccount": "serviceAccount"}


def _default_schema(obj: RawObject) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = PRECEDENCE_DEFAULT


def _default_level(obj: RawObject) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("exempt") is not None or spec.get("type") == EXEMPT:
        exempt = spec.setdefault("exempt", {})
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    if (limited := spec.get("limited")) is None:
        return
    limited.setdefault("nominalConcurrencyShares", SHARES_DEFAULT)
    limited.setdefault("lendablePercent", 0)
    if (queuing := (limited.get("limitResponse") or {}).get("queuing")) is not None:
        for name, value in QUEUING_DEFAULTS.items():
            queuing[name] = queuing.get(name) or value


def _validate_schema(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    return list(_schema_causes(obj))


def _schema_causes(obj: RawObject) -> Iterator[Cause]:
    spec, name = obj["spec"], obj["metadata"].get("name", "")
    precedence = spec.get("matchingPrecedence", 0)
    if not 1 <= precedence <= PRECEDENCE_MAX:
        why = f"must not be greater than {PRECEDENCE_MAX}"
        if precedence < 1:
            why = "must be a positive value"
        yield invalid_value("spec.matchingPrecedence", precedence, why)
    if precedence == 1 and name != RESERVED:
        why = "only the schema named 'exempt' may have matchingPrecedence 1"
        yield invalid_value("spec.matchingPrecedence", precedence, why)
    if not (spec.get("priorityLevelConfiguration") or {}).get("name"):
        yield required("spec.priorityLevelConfiguration.name", "must reference a priority level")
    distinguisher = (spec.get("distinguisherMethod") or {}).get("type")
    if distinguisher not in (None, "ByNamespace", "ByUser"):
        yield unsupported("spec.distinguisherMethod.type", distinguisher, ("ByNamespace", "ByUser"))
    for number, rule in enumerate(spec.get("rules") or ()):
        yield from _rule_causes(rule, f"spec.rules[{number}]")


def _rule_causes(rule: RawObject, field: str) -> Iterator[Cause]:
    if not rule.get("subjects"):
        yield required(f"{field}.subjects", "subjects must contain at least one value")
    for number, subject in enumerate(rule.get("subjects") or ()):
        kind = subject.get("kind", "")
        where = f"{field}.subjects[{number}]"
        if kind not in SUBJECTS:
            yield unsupported(f"{where}.kind", kind, sorted(SUBJECTS))
        elif subject.get(SUBJECTS[kind]) is None:
            word = SUBJECTS[kind]
            yield required(f"{where}.{word}", f"{word} is required when subject kind is '{kind}'")
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        yield required(
            field, "at least one of resourceRules and nonResourceRules has to be non-empty"
        )


def _validate_level(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    return list(_level_causes(obj))


def _level_causes(obj: RawObject) -> Iterator[Cause]:
    spec = obj["spec"]
    kind = spec.get("type", "")
    if kind == EXEMPT:
        if spec.get("limited") is not None:
            why = "must be nil if the type is not Limited"
            yield forbidden("spec.limited", why)
    elif kind == LIMITED:
        if spec.get("exempt") is not None:
            yield forbidden("spec.exempt", "must be nil if the type is Limited")
        if spec.get("limited") is None:
            yield required("spec.limited", "must not be empty when type is Limited")
        else:
            yield from _limited_causes(spec["limited"])
    else:
        yield unsupported("spec.type", kind, (EXEMPT, LIMITED))


def _limited_causes(limited: RawObject) -> Iterator[Cause]:
    field = "spec.limited"
    shares = limited.get("nominalConcurrencyShares", 0)
    if shares < 0:
        yield invalid_value(
            f"{field}.nominalConcurrencyShares", shares, "must be a non-negative integer"
        )
    lendable = limited.get("lendablePercent") or 0
    if not 0 <= lendable <= 100:
        why = "must be between 0 and 100, inclusive"
        yield invalid_value(f"{field}.lendablePercent", lendable, why)
    response = limited.get("limitResponse") or {}
    kind, queuing = response.get("type", ""), response.get("queuing")
    where = f"{field}.limitResponse"
    if kind == "Reject":
        if queuing is not None:
            why = "must be nil if limited.limitResponse.type is not Limited"
            yield forbidden(f"{where}.queuing", why)
    elif kind == "Queue":
        if queuing is None:
            why = "must not be empty if limited.limitResponse.type is Limited"
            yield required(f"{where}.queuing", why)
    else:
        yield unsupported(f"{where}.type", kind, ("Queue", "Reject"))


FLOW_SCHEMA = Behaviour(default=_default_schema, validate=_validate_schema, counts_generations=True)
PRIORITY_LEVEL = Behaviour(
    default=_default_level, validate=_validate_level, counts_generations=True
)
