"""Autoscalers and disruption budgets: how many pods there may be."""

from collections.abc import Iterator

from towpath.apiserver.kinds.checks import named
from towpath.apiserver.kinds.workloads import autoscalers
from towpath.apiserver.kinds.workloads.deployments import at_most_all, count_or_percent
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.names import path_segment_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity
from towpath.machinery.selectors import selector_causes

METRICS = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
METRIC_NAMES = ("ContainerResource", "External", "Object", "Pods", "Resource")
TARGETS = ("Utilization", "Value", "AverageValue")
WINDOW_S_MAX = 3600
PERIOD_S_MAX = 1800
EVICTION_POLICIES = ("AlwaysAllow", "IfHealthyBudget")
SELECT_POLICIES = ("Disabled", "Max", "Min")
SCALE_UP: RawObject = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
SCALE_DOWN: RawObject = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


def _default_autoscaler(obj: RawObject) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("minReplicas", 1)
    if obj["apiVersion"] == autoscalers.OLD:
        return
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is None:
        return
    for name, defaults in (("scaleUp", SCALE_UP), ("scaleDown", SCALE_DOWN)):
        if name not in behavior and name == "scaleDown":
            behavior[name] = {}
        rules = behavior.setdefault(name, {})
        for key, value in defaults.items():
            if rules.get(key) is None:
                rules[key] = [{**item} for item in value] if isinstance(value, list) else value


def _validate_autoscaler(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    if obj["apiVersion"] == autoscalers.OLD:
        obj = autoscalers.convert(obj, autoscalers.NEW)
    return list(_autoscaler_causes(obj.get("spec") or {}))


def _autoscaler_causes(spec: RawObject) -> Iterator[Cause]:
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        yield invalid_value("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield invalid_value("spec.maxReplicas", most, "must be greater than 0")
    if least is not None and most < least:
        words = "must be greater than or equal to `minReplicas`"
        yield invalid_value("spec.maxReplicas", most, words)
    target = spec.get("scaleTargetRef") or {}
    for name in ("kind", "name"):
        field = f"spec.scaleTargetRef.{name}"
        if not target.get(name):
            yield required(field)
        else:
            yield from named(field, target[name], path_segment_errors(target[name]))
    group = (target.get("apiVersion") or "").rpartition("/")[0]
    if not group and target.get("kind") != "ReplicationController":
        field, words = "spec.scaleTargetRef.apiVersion", "apiVersion must specify API group"
        yield invalid_value(field, target.get("apiVersion") or "", words)
    for index, metric in enumerate(spec.get("metrics") or ()):
        yield from _metric(metric, f"spec.metrics[{index}]")
    behavior = spec.get("behavior") or {}
    for name in ("scaleUp", "scaleDown"):
        if behavior.get(name) is not None:
            yield from _rules(behavior[name], f"spec.behavior.{name}")


def _metric(metric: RawObject, field: str) -> Iterator[Cause]:
    kind = metric.get("type") or ""
    if not kind:
        yield required(f"{field}.type", "must specify a metric source type")
    if kind not in METRICS:
        yield unsupported(f"{field}.type", kind, METRIC_NAMES)
    given = [name for name in METRICS.values() if metric.get(name) is not None]
    if given:
        yield from _source(given[0], metric[given[0]], f"{field}.{given[0]}")
    wanted = METRICS.get(kind, "")
    if not wanted:
        yield unsupported(f"{field}.type", kind, METRIC_NAMES)
    elif wanted not in given:
        yield required(f"{field}.{wanted}", "must populate information for the given metric source")
    if len(given) != 1:
        for name in given:
            if name != wanted:
                yield forbidden(f"{field}.{name}", "must populate the given metric source only")


def _source(name: str, source: RawObject, field: str) -> Iterator[Cause]:
    if name not in ("resource", "containerResource"):
        return
    if not source.get("name"):
        yield required(f"{field}.name", "must specify a resource name")
    target = source.get("target") or {}
    yield from _target(target, f"{field}.target")
    utilization, value = target.get("averageUtilization"), target.get("averageValue")
    if utilization is None and value is None:
        words = "must set either a target raw value or a target utilization"
        yield required(f"{field}.target.averageUtilization", words)
    if utilization is not None and value is not None:
        words = "may not set both a target raw value and a target utilization"
        yield forbidden(f"{field}.target.averageValue", words)


def _target(target: RawObject, field: str) -> Iterator[Cause]:
    kind = target.get("type") or ""
    if not kind:
        yield required(f"{field}.type", "must specify a metric target type")
    if kind not in TARGETS:
        words = "must be either Utilization, Value, or AverageValue"
        yield invalid_value(f"{field}.type", kind, words)
    for name in ("value", "averageValue"):
        if target.get(name) is not None and parse_quantity(target[name]) <= 0:
            yield invalid_value(f"{field}.{name}", target[name], "must be positive")
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        yield invalid_value(f"{field}.averageUtilization", utilization, "must be greater than 0")


def _rules(rules: RawObject, field: str) -> Iterator[Cause]:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        words = "must be greater than or equal to zero"
        yield invalid_value(f"{field}.stabilizationWindowSeconds", window, words)
    if window is not None and window > WINDOW_S_MAX:
        words = f"must be less than or equal to {WINDOW_S_MAX}"
        yield invalid_value(f"{field}.stabilizationWindowSeconds", window, words)
    chosen = rules.get("selectPolicy")
    if chosen is not None and chosen not in SELECT_POLICIES:
        yield unsupported(f"{field}.selectPolicy", chosen, SELECT_POLICIES)
    if not rules.get("policies"):
        yield required(f"{field}.policies", "must specify at least one Policy")
    for index, policy in enumerate(rules.get("policies") or ()):
        where = f"{field}.policies[{index}]"
        if policy.get("type") not in ("Percent", "Pods"):
            yield unsupported(f"{where}.type", policy.get("type") or "", ("Percent", "Pods"))
        for name in ("value", "periodSeconds"):
            if policy.get(name, 0) <= 0:
                yield invalid_value(f"{where}.{name}", policy.get(name, 0), MORE_THAN_ZERO)
        if policy.get("periodSeconds", 0) > PERIOD_S_MAX:
            words = f"must be less than or equal to {PERIOD_S_MAX}"
            yield invalid_value(f"{where}.periodSeconds", policy["periodSeconds"], words)


MORE_THAN_ZERO = "must be greater than zero"


def _validate_budget(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    return list(_budget_causes(obj.get("spec") or {}))


def _budget_causes(spec: RawObject) -> Iterator[Cause]:
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        words = "minAvailable and maxUnavailable cannot be both set"
        yield invalid_value("spec", spec, words)
    for name in ("minAvailable", "maxUnavailable"):
        if (value := spec.get(name)) is not None:
            yield from count_or_percent(f"spec.{name}", value)
            yield from at_most_all(f"spec.{name}", value)
    yield from selector_causes(spec.get("selector") or {}, "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in EVICTION_POLICIES:
        yield unsupported("spec.unhealthyPodEvictionPolicy", policy, EVICTION_POLICIES)


AUTOSCALER = Behaviour(default=_default_autoscaler, validate=_validate_autoscaler)
BUDGET = Behaviour(validate=_validate_budget, counts_generations=True, name_pattern="path")
