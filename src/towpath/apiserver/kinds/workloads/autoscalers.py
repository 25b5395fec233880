"""HorizontalPodAutoscalers in their older version, which knows one metric.

They are kept as autoscaling/v2. What autoscaling/v1 has no field for stands in annotations, as
kube-apiserver puts it there.
"""

import json
from typing import Any

from towpath.apiserver.encoding import copy_of
from towpath.machinery.objects import RawObject

OLD, NEW = "autoscaling/v1", "autoscaling/v2"
METRICS = "autoscaling.alpha.kubernetes.io/metrics"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics"
IN_ANNOTATIONS = (METRICS, BEHAVIOR, CONDITIONS, CURRENT)


def convert(obj: RawObject, api_version: str) -> RawObject:
    converted = copy_of(obj)
    converted["apiVersion"] = api_version
    if api_version == OLD:
        _to_old(converted)
    else:
        _to_new(converted)
    return converted


def _to_old(obj: RawObject) -> None:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    kept: RawObject = {}
    metrics = spec.pop("metrics", None) or []
    usage = [metric for metric in metrics if _is_usage_of_cpu(metric)]
    if usage:
        target = usage[0]["resource"]["target"]
        spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
    if others := [metric for metric in metrics if metric not in usage[:1]]:
        kept[METRICS] = [_old_metric(metric) for metric in others]
    if behavior := spec.pop("behavior", None):
        kept[BEHAVIOR] = {_raised(name): rules for name, rules in behavior.items()}
    current = status.pop("currentMetrics", None) or []
    for metric in current:
        used = ((metric.get("resource") or {}).get("current") or {}).get("averageUtilization")
        if metric.get("type") == "Resource" and used is not None:
            status["currentCPUUtilizationPercentage"] = used
    if current:
        kept[CURRENT] = current
    if conditions := status.pop("conditions", None):
        kept[CONDITIONS] = conditions
    if "status" in obj:
        status.setdefault("currentReplicas", 0)
    if kept:
        texts = {name: json.dumps(value, separators=(",", ":")) for name, value in kept.items()}
        obj["metadata"]["annotations"] = {**(obj["metadata"].get("annotations") or {}), **texts}


def _is_usage_of_cpu(metric: RawObject) -> bool:
    resource = metric.get("resource") or {}
    target = resource.get("target") or {}
    return (
        metric.get("type") == "Resource"
        and resource.get("name") == "cpu"
        and target.get("averageUtilization") is not None
    )


def _old_metric(metric: RawObject) -> RawObject:
    resource = metric.get("resource")
    if metric.get("type") != "Resource" or not resource:
        return metric
    target = resource.get("target") or {}
    old: RawObject = {"name": resource.get("name")}
    if target.get("averageUtilization") is not None:
        old["targetAverageUtilization"] = target["averageUtilization"]
    if target.get("averageValue") is not None:
        old["targetAverageValue"] = target["averageValue"]
    return {"type": "Resource", "resource": old}


def _to_new(obj: RawObject) -> None:
    metadata, spec = obj["metadata"], obj.get("spec")
    annotations = metadata.get("annotations") or {}
    kept = {name: _loaded(annotations[name]) for name in IN_ANNOTATIONS if name in annotations}
    left = {name: text for name, text in annotations.items() if name not in IN_ANNOTATIONS}
    if annotations:
        metadata.pop("annotations")
        if left:
            metadata["annotations"] = left
    if not isinstance(spec, dict):
        return
    metrics = [_new_metric(metric) for metric in _objects(kept.get(METRICS))]
    usage = spec.pop("targetCPUUtilizationPercentage", None)
    if usage is not None:
        target = {"type": "Utilization", "averageUtilization": usage}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if metrics:
        spec["metrics"] = metrics
    behavior = kept.get(BEHAVIOR)
    if isinstance(behavior, dict):
        spec["behavior"] = {_lowered(name): rules for name, rules in behavior.items()}
    status = obj.get("status")
    if isinstance(status, dict):
        status.pop("currentCPUUtilizationPercentage", None)
        if not status.get("currentReplicas"):
            status.pop("currentReplicas", None)
        status.setdefault("currentMetrics", None)
        for name, field in ((CURRENT, "currentMetrics"), (CONDITIONS, "conditions")):
            if found := _objects(kept.get(name)):
                status[field] = found


def _new_metric(metric: RawObject) -> RawObject:
    resource = metric.get("resource")
    if metric.get("type") != "Resource" or not resource or "target" in resource:
        return metric
    target: RawObject = {}
    if (usage := resource.get("targetAverageUtilization")) is not None:
        target = {"type": "Utilization", "averageUtilization": usage}
    elif (value := resource.get("targetAverageValue")) is not None:
        target = {"type": "AverageValue", "averageValue": value}
    return {"type": "Resource", "resource": {"name": resource.get("name"), "target": target}}


def _objects(value: Any) -> list[RawObject]:
    return [one for one in value or () if isinstance(one, dict)]


def _loaded(text: str) -> Any:
    """What somebody wrote by hand and cannot be read counts as nothing."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value


def _raised(name: str) -> str:
    return name[:1].upper() + name[1:]


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]
