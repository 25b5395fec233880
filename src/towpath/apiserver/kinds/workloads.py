"""Deployments and their kin: defaults, what never changes, and that selectors fit templates."""

import re
from collections.abc import Iterator

from towpath.apiserver.kinds.containers import not_negative, one_of
from towpath.apiserver.kinds.pods import INT32_MAX, default_pod_spec, validate_template
from towpath.apiserver.kinds.records import claim_causes
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import Cause
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
COMPLETION_MODES = ("NonIndexed", "Indexed")
JOB_COUNTS = (
    *("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit"),
    *("ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes"),
)
JOB_IMMUTABLE = (
    *("completions", "selector", "template", "completionMode", "podFailurePolicy"),
    *("backoffLimitPerIndex", "managedBy", "successPolicy"),
)
JOB_TEMPLATE = "spec.jobTemplate.spec"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
CRON_JOB_NAME_MAX = 52
PERCENT_WORDS = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
    "'93%', regex used for validation is '[0-9]+%')"
)
_PERCENT = re.compile(r"[0-9]+%")
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
        claim["status"] = {"phase": "Pending"}
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
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {TEMPLATE_GENERATION: "1", **annotations}


def _prepare_daemon_set(obj: RawObject, old: RawObject | None) -> None:
    """The template's own count of changes, which once was a field."""
    if old is None:
        return
    annotations = old["metadata"].get("annotations") or {}
    number = int(annotations.get(TEMPLATE_GENERATION) or 0)
    if _spec(obj).get("template") != _spec(old).get("template"):
        number += 1
    obj["metadata"]["annotations"][TEMPLATE_GENERATION] = str(number)


def _default_job(obj: RawObject) -> None:
    spec = _spec(obj)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else INT32_MAX)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("manualSelector", False)
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
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = {**metadata["labels"]}


def _default_cron_job(obj: RawObject) -> None:
    spec = _spec(obj)
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    _default_template((spec.get("jobTemplate") or {}).get("spec") or {})


def _validate_deployment(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = _spec(obj)
    causes = list(not_negative("spec.replicas", spec.get("replicas")))
    causes += _validate_selector(spec, "deployment")
    causes += _validate_template(spec)
    causes += _validate_strategy(spec.get("strategy") or {})
    for name in ("minReadySeconds", "revisionHistoryLimit"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    deadline = spec.get("progressDeadlineSeconds")
    causes += not_negative("spec.progressDeadlineSeconds", deadline)
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        words = "must be greater than minReadySeconds"
        causes.append(invalid_value("spec.progressDeadlineSeconds", deadline, words))
    return causes + _validate_same_selector(spec, old)


def _validate_replica_set(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = _spec(obj)
    causes: list[Cause] = []
    for name in ("replicas", "minReadySeconds"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    causes += _validate_selector(spec, "deployment")
    causes += _validate_template(spec)
    return causes + _validate_same_selector(spec, old)


def _validate_daemon_set(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = _spec(obj)
    causes = _validate_selector(spec, "daemonset")
    causes += _validate_template(spec)
    for name in ("minReadySeconds", "revisionHistoryLimit"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    return causes + _validate_same_selector(spec, old)


def _validate_selector(spec: RawObject, kind: str) -> list[Cause]:
    selector = spec.get("selector")
    if selector is None:
        return [required("spec.selector")]
    causes = list(selector_causes(selector, "spec.selector"))
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        words = f"empty selector is invalid for {kind}"
        causes.append(invalid_value("spec.selector", selector, words))
    return causes


def _validate_same_selector(spec: RawObject, old: RawObject | None) -> list[Cause]:
    selector = spec.get("selector")
    if old is None or _spec(old).get("selector") == selector:
        return []
    return [invalid_value("spec.selector", selector, "field is immutable")]


def _validate_template(spec: RawObject) -> list[Cause]:
    """The template of what runs for ever, and that the selector finds its pods."""
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    selector = spec.get("selector")
    causes: list[Cause] = []
    if selector is not None and selector_causes(selector, ""):
        causes.append(invalid_value("spec.selector", selector, "invalid label selector"))
    elif selector is None or not from_object(selector).matches(labels or {}):
        words = "`selector` does not match template `labels`"
        causes.append(invalid_value("spec.template.metadata.labels", labels, words))
    causes += validate_template(template, "spec.template")
    pod_spec = template.get("spec") or {}
    policy = pod_spec.get("restartPolicy")
    if policy != "Always":
        causes.append(unsupported("spec.template.spec.restartPolicy", policy, ALWAYS))
    if pod_spec.get("activeDeadlineSeconds") is not None:
        field = "spec.template.spec.activeDeadlineSeconds"
        causes.append(forbidden(field, "activeDeadlineSeconds in ReplicaSet is not Supported"))
    return causes


def _validate_strategy(strategy: RawObject) -> list[Cause]:
    field = "spec.strategy"
    rolling = strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "Recreate":
            if rolling is None:
                return []
            words = "may not be specified when strategy `type` is 'Recreate'"
            return [forbidden(f"{field}.rollingUpdate", words)]
        case "RollingUpdate":
            return _validate_rolling(rolling or {}, f"{field}.rollingUpdate")
        case other:
            return [unsupported(field, other, ("Recreate", "RollingUpdate"))]


def _validate_rolling(rolling: RawObject, field: str) -> list[Cause]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    causes = list(count_or_percent(f"{field}.maxUnavailable", unavailable))
    causes += count_or_percent(f"{field}.maxSurge", surge)
    if unavailable in (0, "0%") and surge in (0, "0%"):
        words = "may not be 0 when `maxSurge` is 0"
        causes.append(invalid_value(f"{field}.maxUnavailable", unavailable, words))
    return causes + list(at_most_all(f"{field}.maxUnavailable", unavailable))


def count_or_percent(field: str, value: object) -> Iterator[Cause]:
    """A number that is not negative, or a percentage."""
    if isinstance(value, str) and not _PERCENT.fullmatch(value):
        yield invalid_value(field, value, PERCENT_WORDS)
    yield from not_negative(field, value)


def at_most_all(field: str, value: object) -> Iterator[Cause]:
    if isinstance(value, str) and _PERCENT.fullmatch(value) and int(value[:-1]) > 100:
        yield invalid_value(field, value, "must not be greater than 100%")


def _validate_stateful_set(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = _spec(obj)
    causes: list[Cause] = []
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        words = "must be 'OrderedReady' or 'Parallel'"
        causes.append(invalid_value("spec.podManagementPolicy", policy, words))
    for name in ("replicas", "minReadySeconds"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") != "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        field = "spec.updateStrategy.rollingUpdate"
        words = "only allowed for updateStrategy 'RollingUpdate'"
        causes.append(invalid_value(field, strategy["rollingUpdate"], words))
    causes += _validate_selector(spec, "statefulset")
    causes += _validate_template(spec)
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        field = f"spec.volumeClaimTemplates[{index}].spec"
        causes += claim_causes(claim.get("spec") or {}, field)
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
    causes = list(_job_causes(spec, "spec"))
    if old is not None:
        causes += _job_changes(spec, _spec(old))
    return causes


def _job_changes(spec: RawObject, before: RawObject) -> Iterator[Cause]:
    is_elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get(
        "parallelism"
    )
    for name in JOB_IMMUTABLE:
        if name == "completions" and is_elastic:
            continue
        if name == "template" and before.get("suspend"):
            continue
        if spec.get(name) != before.get(name):
            yield invalid_value(f"spec.{name}", spec.get(name), "field is immutable")


def _job_causes(spec: RawObject, path: str) -> Iterator[Cause]:
    for name in JOB_COUNTS:
        yield from not_negative(f"{path}.{name}", spec.get(name))
    mode = spec.get("completionMode")
    if mode is not None and mode not in COMPLETION_MODES:
        yield unsupported(f"{path}.completionMode", mode, COMPLETION_MODES)
    if mode == "Indexed" and spec.get("completions") is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
    if mode in (None, "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                words = "requires indexed completion mode"
                yield invalid_value(f"{path}.{name}", spec[name], words)
    template = spec.get("template") or {}
    yield from validate_template(template, f"{path}.template")
    field = f"{path}.template.spec.restartPolicy"
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy in (None, "", "Always"):
        yield required(field, 'valid values: "OnFailure", "Never"')
    elif policy not in ONCE:
        yield unsupported(field, policy, ONCE)


def _validate_cron_job(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = _spec(obj)
    causes = _validate_schedule(spec.get("schedule"))
    causes += not_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    causes += _validate_time_zone(spec.get("timeZone"))
    policy = spec.get("concurrencyPolicy")
    causes += one_of("spec.concurrencyPolicy", policy, CONCURRENCY_POLICIES)
    causes += _job_causes((spec.get("jobTemplate") or {}).get("spec") or {}, JOB_TEMPLATE)
    for name in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    if len(obj["metadata"].get("name") or "") > CRON_JOB_NAME_MAX:
        words = f"must be no more than {CRON_JOB_NAME_MAX} characters"
        causes.append(invalid_value("metadata.name", obj["metadata"]["name"], words))
    return causes


def _validate_time_zone(zone: str | None) -> list[Cause]:
    field = "spec.timeZone"
    if zone is None:
        return []
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if not zone:
        return [invalid_value(field, zone, "timeZone must be nil or non-empty string")]
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [invalid_value(field, zone, f"unknown time zone {zone}")]
    return []


def _validate_schedule(schedule: object) -> list[Cause]:
    field = "spec.schedule"
    if not schedule or not isinstance(schedule, str):
        return [required(field)]
    if schedule in _SCHEDULE_NAMES or schedule.startswith("@every "):
        return []
    if schedule.startswith("@"):
        return [invalid_value(field, schedule, f"unrecognized descriptor: {schedule}")]
    words = schedule.split()
    if len(words) != 5:
        listed = " ".join(words)
        said = f"expected exactly 5 fields, found {len(words)}: [{listed}]"
        return [invalid_value(field, schedule, said)]
    for word in words:
        if not _SCHEDULE_FIELD.fullmatch(word):
            return [invalid_value(field, schedule, f"failed to parse int from {word}")]
    return []


def _default_pod_template(obj: RawObject) -> None:
    _default_template(obj)


def _validate_pod_template(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    return list(validate_template(obj.get("template") or {}, "template"))


def _default_controller(obj: RawObject) -> None:
    """A replication controller takes from its template what it does not say itself."""
    spec = _spec(obj)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels and not spec.get("selector"):
        spec["selector"] = {**labels}
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = {**labels}
    _default_replica_set(obj)


def _validate_controller(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = _spec(obj)
    causes: list[Cause] = []
    for name in ("replicas", "minReadySeconds"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    if not spec.get("selector"):
        causes.append(required("spec.selector"))
    return causes + list(validate_template(spec.get("template") or {}, "spec.template"))


DEPLOYMENT = Behaviour(
    default=_default_deployment, validate=_validate_deployment, counts_generations=True
)
REPLICA_SET = Behaviour(
    default=_default_replica_set, validate=_validate_replica_set, counts_generations=True
)
STATEFUL_SET = Behaviour(
    default=_default_stateful_set, validate=_validate_stateful_set, counts_generations=True
)
DAEMON_SET = Behaviour(
    default=_default_daemon_set,
    prepare=_prepare_daemon_set,
    validate=_validate_daemon_set,
    counts_generations=True,
)
JOB = Behaviour(
    default=_default_job,
    prepare=_prepare_job,
    validate=_validate_job,
    counts_generations=True,
    orphans_dependents=True,
    warning_on_delete=(
        "child pods are preserved by default when jobs are deleted; set "
        "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress "
        "this warning"
    ),
)
CRON_JOB = Behaviour(
    default=_default_cron_job, validate=_validate_cron_job, counts_generations=True
)
POD_TEMPLATE = Behaviour(
    default=_default_pod_template,
    validate=_validate_pod_template,
    counts_generations=True,
    delete_returns_object=True,
)
REPLICATION_CONTROLLER = Behaviour(
    default=_default_controller,
    validate=_validate_controller,
    counts_generations=True,
    orphans_dependents=True,
)
