"""Deployments and their kin: defaults, what never changes, and that selectors fit templates."""

import re

from towpath.apiserver.kinds.pods import default_pod_spec, validate_pod_spec
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import BadRequest, Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import from_object, selector_causes

ALWAYS = ("Always",)
ONCE = ("OnFailure", "Never")
CONCURRENCY_POLICIES = ("Allow", "Forbid", "Replace")
STATEFUL_SET_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_SCHEDULE_FIELD = re.compile(r"[\d*,/\-?A-Za-z#]+")
_SCHEDULE_NAMES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


def _spec(obj: RawObject) -> RawObject:
    spec = obj.get("spec")
    return spec if isinstance(spec, dict) else {}


def _default_template(spec: RawObject) -> None:
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        default_pod_spec(template["spec"])


def _default_deployment(obj: RawObject) -> None:
    spec = _spec(obj)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    _default_template(spec)


def _default_replica_set(obj: RawObject) -> None:
    spec = _spec(obj)
    spec.setdefault("replicas", 1)
    _default_template(spec)


def _default_stateful_set(obj: RawObject) -> None:
    spec = _spec(obj)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {"phase": "Pending"})
    _default_template(spec)


def _default_daemon_set(obj: RawObject) -> None:
    spec = _spec(obj)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", 0)
        rolling.setdefault("maxUnavailable", 1)
    _default_template(spec)


def _default_job(obj: RawObject) -> None:
    spec = _spec(obj)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    replacement = "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    spec.setdefault("podReplacementPolicy", replacement)
    _default_template(spec)


def _prepare_job(obj: RawObject, old: RawObject | None) -> None:
    """A job selects its pods by its own uid, unless its author has taken that over."""
    spec = _spec(obj)
    if old is not None or spec.get("manualSelector"):
        return
    uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    template = spec.get("template")
    if isinstance(template, dict):
        metadata = template.get("metadata") or {}
        template["metadata"] = metadata
        metadata["labels"] = {
            **(metadata.get("labels") or {}),
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": name,
            "controller-uid": uid,
            "job-name": name,
        }


def _default_cron_job(obj: RawObject) -> None:
    spec = _spec(obj)
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    _default_template((spec.get("jobTemplate") or {}).get("spec") or {})


def _validate_scaled(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = _spec(obj)
    causes = _validate_count(spec.get("replicas", 0), "spec.replicas")
    causes += _validate_selector(spec, old)
    return causes + _validate_template(spec, ALWAYS)


def _validate_count(value: object, field: str) -> list[Cause]:
    if isinstance(value, int) and value < 0:
        return [invalid_value(field, value, "must be greater than or equal to 0")]
    return []


def _validate_selector(spec: RawObject, old: RawObject | None) -> list[Cause]:
    selector = spec.get("selector")
    if not selector:
        return [required("spec.selector")]
    if old is not None and _spec(old).get("selector") != selector:
        return [invalid_value("spec.selector", selector, "field is immutable")]
    if causes := selector_causes(selector, "spec.selector"):
        return causes
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    try:
        fits = from_object(selector).matches(labels)
    except BadRequest:
        # What is wrong with the selector itself has been said above.
        return []
    if fits:
        return []
    words = "`selector` does not match template `labels`"
    return [invalid_value("spec.template.metadata.labels", labels, words)]


def _validate_template(spec: RawObject, restart_policies: tuple[str, ...]) -> list[Cause]:
    template = spec.get("template") or {}
    return validate_pod_spec(template.get("spec") or {}, "spec.template.spec", restart_policies)


def _validate_stateful_set(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = _validate_scaled(obj, old)
    if old is not None:
        fixed = [
            {name: value for name, value in _spec(one).items() if name not in STATEFUL_SET_MUTABLE}
            for one in (obj, old)
        ]
        if fixed[0] != fixed[1]:
            names = ", ".join(f"'{name}'" for name in STATEFUL_SET_MUTABLE[:-1])
            words = (
                f"updates to statefulset spec for fields other than {names} and "
                f"'{STATEFUL_SET_MUTABLE[-1]}' are forbidden"
            )
            causes.append(forbidden("spec", words))
    return causes


def _validate_job(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = _spec(obj)
    causes: list[Cause] = []
    for name in ("completions", "parallelism", "backoffLimit"):
        causes += _validate_count(spec.get(name), f"spec.{name}")
    causes += _validate_template(spec, ONCE)
    if old is not None:
        before = _spec(old)
        for name in ("template", "selector", "completionMode"):
            if spec.get(name) != before.get(name) and not before.get("suspend"):
                causes.append(invalid_value(f"spec.{name}", spec.get(name), "field is immutable"))
    return causes


def _validate_cron_job(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = _spec(obj)
    causes = _validate_schedule(spec.get("schedule"))
    policy = spec.get("concurrencyPolicy")
    if policy not in CONCURRENCY_POLICIES:
        causes.append(unsupported("spec.concurrencyPolicy", policy, CONCURRENCY_POLICIES))
    template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {}
    field = "spec.jobTemplate.spec.template.spec"
    return causes + validate_pod_spec(template.get("spec") or {}, field, ONCE)


def _validate_schedule(schedule: object) -> list[Cause]:
    field = "spec.schedule"
    if not schedule or not isinstance(schedule, str):
        return [required(field)]
    if schedule in _SCHEDULE_NAMES or schedule.startswith("@every "):
        return []
    words = schedule.split()
    if len(words) != 5 or not all(_SCHEDULE_FIELD.fullmatch(word) for word in words):
        return [invalid_value(field, schedule, f"expected exactly 5 fields, found {len(words)}")]
    return []


DEPLOYMENT = Behaviour(
    default=_default_deployment, validate=_validate_scaled, counts_generations=True
)
REPLICA_SET = Behaviour(
    default=_default_replica_set, validate=_validate_scaled, counts_generations=True
)
STATEFUL_SET = Behaviour(
    default=_default_stateful_set, validate=_validate_stateful_set, counts_generations=True
)
DAEMON_SET = Behaviour(
    default=_default_daemon_set, validate=_validate_scaled, counts_generations=True
)
JOB = Behaviour(
    default=_default_job, prepare=_prepare_job, validate=_validate_job, counts_generations=True
)
CRON_JOB = Behaviour(
    default=_default_cron_job, validate=_validate_cron_job, counts_generations=True
)
