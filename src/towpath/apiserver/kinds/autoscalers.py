"""HorizontalPodAutoscalers: defaults, and what is required."""

from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import required
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject


def _default_autoscaler(obj: RawObject) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _validate_autoscaler(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    missing = [name for name in ("scaleTargetRef", "maxReplicas") if not spec.get(name)]
    return [required(f"spec.{name}") for name in missing]


AUTOSCALER = Behaviour(default=_default_autoscaler, validate=_validate_autoscaler)
