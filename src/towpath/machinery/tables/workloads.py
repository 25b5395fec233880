"""Rows of what makes pods: deployments, replica sets, jobs and their kin."""

from datetime import datetime
from typing import Any

from towpath.machinery.durations import age
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import from_object
from towpath.machinery.tables.columns import age_of, name_of, read_time, since

_TEMPLATE = "Containers*, Images*"

DEPLOYMENT = f"Name, Ready, Up-to-date, Available, Age, {_TEMPLATE}, Selector*"
REPLICA_SET = f"Name, Desired:integer, Current:integer, Ready:integer, Age, {_TEMPLATE}, Selector*"
POD_TEMPLATE = "Name, Containers, Images, Pod Labels"
STATEFUL_SET = f"Name, Ready, Age, {_TEMPLATE}"
DAEMON_SET = (
    "Name, Desired:integer, Current:integer, Ready:integer, Up-to-date:integer, "
    f"Available:integer, Node Selector, Age, {_TEMPLATE}, Selector*"
)
JOB = f"Name, Status, Completions, Duration, Age, {_TEMPLATE}, Selector*"
CRON_JOB = (
    "Name, Schedule, Timezone, Suspend:boolean, Active:integer, Last Schedule, Age, "
    f"{_TEMPLATE}, Selector*"
)
AUTOSCALER = "Name, Reference, Targets, MinPods, MaxPods, Replicas, Age"
DISRUPTION_BUDGET = "Name, Min Available, Max Unavailable, Allowed Disruptions:integer, Age"
REVISION = "Name, Controller, Revision, Age"


def parts(obj: RawObject) -> tuple[RawObject, RawObject]:
    return obj.get("spec") or {}, obj.get("status") or {}


def _template(spec: RawObject) -> list[str]:
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    return [
        ",".join(container.get("name", "") for container in containers),
        ",".join(container.get("image", "") for container in containers),
    ]


def selector_text(selector: RawObject | None) -> str:
    """A LabelSelector as text: `<none>` selects everything."""
    try:
        return str(from_object(selector)) or "<none>"
    except BadRequest:
        return "<error>"


def labels_text(labels: RawObject | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def deployment(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    return [
        name_of(obj),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age_of(obj, now),
        *_template(spec),
        selector_text(spec.get("selector")),
    ]


def replica_set(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    return [
        name_of(obj),
        spec.get("replicas", 1),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age_of(obj, now),
        *_template(spec),
        selector_text(spec.get("selector")),
    ]


def replication_controller(obj: RawObject, now: datetime) -> list[Any]:
    spec, _ = parts(obj)
    return [*replica_set(obj, now)[:-1], labels_text(spec.get("selector"))]


def pod_template(obj: RawObject, _now: datetime) -> list[Any]:
    template = obj.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    return [name_of(obj), *_template({"template": template}), labels_text(labels)]


def stateful_set(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}"
    return [name_of(obj), ready, age_of(obj, now), *_template(spec)]


def daemon_set(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    pod_spec = (spec.get("template") or {}).get("spec") or {}
    return [
        name_of(obj),
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        labels_text(pod_spec.get("nodeSelector")),
        age_of(obj, now),
        *_template(spec),
        selector_text(spec.get("selector")),
    ]


def job(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    succeeded, parallelism = status.get("succeeded", 0), spec.get("parallelism") or 0
    if spec.get("completions") is not None:
        completions = f"{succeeded}/{spec['completions']}"
    elif parallelism > 1:
        completions = f"{succeeded}/1 of {parallelism}"
    else:
        completions = f"{succeeded}/1"
    return [
        name_of(obj),
        _job_status(obj, status),
        completions,
        _job_duration(status, now),
        age_of(obj, now),
        *_template(spec),
        selector_text(spec.get("selector")),
    ]


def _job_status(obj: RawObject, status: RawObject) -> str:
    true = {
        condition.get("type")
        for condition in status.get("conditions") or ()
        if condition.get("status") == "True"
    }
    for name in ("Complete", "Failed"):
        if name in true:
            return name
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for name in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if name in true:
            return name
    return "Running"


def _job_duration(status: RawObject, now: datetime) -> str:
    started = read_time(status.get("startTime"))
    if started is None:
        return ""
    return age(started, read_time(status.get("completionTime")) or now)


def cron_job(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    last = status.get("lastScheduleTime")
    job_spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    return [
        name_of(obj),
        spec.get("schedule", ""),
        spec.get("timeZone") or "<none>",
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        since(last, now) if last else "<none>",
        age_of(obj, now),
        *_template(job_spec),
        selector_text(job_spec.get("selector")),
    ]


def autoscaler(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    target = spec.get("scaleTargetRef") or {}
    least = spec.get("minReplicas")
    return [
        name_of(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(spec.get("metrics") or [], status.get("currentMetrics") or []),
        "<unset>" if least is None else str(least),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        age_of(obj, now),
    ]


def _metrics(metrics: list[RawObject], current: list[RawObject]) -> str:
    if not metrics:
        return "<none>"
    shown = []
    for position, metric in enumerate(metrics):
        kind = metric.get("type", "")
        source = f"{kind[:1].lower()}{kind[1:]}"
        found = current[position].get(source) if position < len(current) else None
        shown.append(_metric(source, metric.get(source) or {}, found or {}))
    text = ", ".join(shown[:2])
    return f"{text} + {len(shown) - 2} more..." if len(shown) > 2 else text


def _metric(source: str, metric: RawObject, found: RawObject) -> str:
    target, current = metric.get("target") or {}, found.get("current") or {}
    if source in ("resource", "containerResource"):
        name = f"{metric.get('name', '')}: "
        if target.get("averageValue") is None:
            usage = current.get("averageUtilization")
            wanted = target.get("averageUtilization")
            left = "<unknown>" if usage is None else f"{usage}%"
            return f"{name}{left}/{'<auto>' if wanted is None else f'{wanted}%'}"
        return f"{name}{current.get('averageValue', '<unknown>')}/{target['averageValue']}"
    average = "" if source == "pods" else " (avg)"
    for unit, suffix in (("averageValue", average), ("value", "")):
        if target.get(unit) is not None:
            return f"{current.get(unit, '<unknown>')}/{target[unit]}{suffix}"
    return "<unknown type>"


def disruption_budget(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    return [
        name_of(obj),
        "N/A" if least is None else str(least),
        "N/A" if most is None else str(most),
        status.get("disruptionsAllowed", 0),
        age_of(obj, now),
    ]


def revision(obj: RawObject, now: datetime) -> list[Any]:
    controller = "<none>"
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            group = owner["apiVersion"].rpartition("/")[0]
            kind = f"{owner['kind']}.{group}" if group else owner["kind"]
            controller = f"{kind.lower()}/{owner['name']}"
    return [name_of(obj), controller, obj.get("revision", 0), age_of(obj, now)]
