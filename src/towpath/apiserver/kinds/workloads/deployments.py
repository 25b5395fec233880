"""Deployments and their kin: defaults, what never changes, and that selectors fit templates.

Source of the rules: pkg/apis/apps/validation and pkg/apis/core/validation of Kubernetes.
"""

import re
from collections.abc import Iterator

from towpath.apiserver.kinds.checks import not_negative
from towpath.apiserver.kinds.podspec.spec import (
    default_template,
    prepare_template,
    validate_template,
)
from towpath.apiserver.kinds.podspec.warnings import for_template
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import from_object, selector_causes

ALWAYS = ("Always",)
ON_DELETE, ROLLING = "OnDelete", "RollingUpdate"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
PERCENT_WORDS = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
    "'93%', regex used for validation is '[0-9]+%')"
)
_PERCENT = re.compile(r"[0-9]+%")
DEPLOYMENT_COUNTS = (
    *("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
    *("unavailableReplicas", "terminatingReplicas", "collisionCount"),
)
REPLICA_SET_COUNTS = (
    *("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
    *("observedGeneration", "terminatingReplicas"),
)
DAEMON_SET_COUNTS = (
    *("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"),
    *("observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable"),
    "collisionCount",
)
PARTS_OF_REPLICAS = (
    *("fullyLabeledReplicas", "updatedReplicas", "readyReplicas", "currentReplicas"),
    "availableReplicas",
)


def spec_of(obj: RawObject) -> RawObject:
    spec = obj.get("spec")
    return spec if isinstance(spec, dict) else {}


def _begin_strategy(spec: RawObject, name: str) -> RawObject:
    strategy: RawObject = spec.setdefault(name, {})
    if not strategy.get("type"):
        strategy["type"] = ROLLING
    return strategy


def _default_deployment(obj: RawObject) -> None:
    spec = spec_of(obj)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = _begin_strategy(spec, "strategy")
    if strategy["type"] == ROLLING:
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    default_template(spec)


def _default_replica_set(obj: RawObject) -> None:
    spec = spec_of(obj)
    spec.setdefault("replicas", 1)
    default_template(spec)


def _default_daemon_set(obj: RawObject) -> None:
    spec = spec_of(obj)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = _begin_strategy(spec, "updateStrategy")
    if strategy["type"] == ROLLING:
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", 0)
        rolling.setdefault("maxUnavailable", 1)
    default_template(spec)
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {TEMPLATE_GENERATION: "0", **annotations}


def prepare_own_template(obj: RawObject, _old: RawObject | None) -> None:
    prepare_template(spec_of(obj))


def _prepare_daemon_set(obj: RawObject, old: RawObject | None) -> None:
    """The template's own count of changes, which once was a field."""
    prepare_own_template(obj, old)
    annotations = (old or obj)["metadata"].get("annotations") or {}
    text = annotations.get(TEMPLATE_GENERATION) or ""
    number = int(text) if text.isdecimal() else 0
    if old is None:
        number = max(number, 1)
    elif spec_of(obj).get("template") != spec_of(old).get("template"):
        number += 1
    obj["metadata"]["annotations"][TEMPLATE_GENERATION] = str(number)


def _prepare_pod_template(obj: RawObject, _old: RawObject | None) -> None:
    prepare_template(obj)


def _validate_deployment(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = spec_of(obj)
    causes = list(not_negative("spec.replicas", spec.get("replicas")))
    causes += _replicated(spec)
    causes += _strategy(spec.get("strategy") or {})
    for name in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        words = "must be greater than minReadySeconds"
        causes.append(invalid_value("spec.progressDeadlineSeconds", deadline, words))
    causes += _same_selector(spec, old)
    return causes + list(count_causes(obj, old, DEPLOYMENT_COUNTS))


def _validate_replica_set(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = spec_of(obj)
    causes: list[Cause] = []
    for name in ("replicas", "minReadySeconds"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    causes += _replicated(spec)
    causes += _same_selector(spec, old)
    return causes + list(count_causes(obj, old, REPLICA_SET_COUNTS))


def _replicated(spec: RawObject) -> Iterator[Cause]:
    """The selector and the template of what has replicas that are all alike."""
    selector = spec.get("selector")
    yield from selector_of_pods(selector, "deployment")
    if selector is not None and selector_causes(selector, ""):
        yield invalid_value("spec.selector", selector, "invalid label selector")
        return
    yield from mismatch(spec)
    yield from validate_template(spec.get("template") or {}, "spec.template")
    yield from runs_for_ever(spec, "ReplicaSet")


def _validate_daemon_set(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = spec_of(obj)
    selector = spec.get("selector")
    wrong = selector_causes(selector, "spec.selector") if selector is not None else []
    causes = [*wrong, *(mismatch(spec) if not wrong else ())]
    if selector is not None:
        causes += _not_empty(selector, "daemonset")
    causes += validate_template(spec.get("template") or {}, "spec.template")
    causes += runs_for_ever(spec, "DaemonSet")
    for name in ("minReadySeconds", "revisionHistoryLimit"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    causes += _daemon_strategy(spec.get("updateStrategy") or {})
    causes += _same_selector(spec, old)
    return causes + list(count_causes(obj, old, DAEMON_SET_COUNTS))


def selector_of_pods(selector: RawObject | None, kind: str) -> Iterator[Cause]:
    if selector is None:
        yield required("spec.selector")
        return
    yield from selector_causes(selector, "spec.selector")
    yield from _not_empty(selector, kind)


def _not_empty(selector: RawObject, kind: str) -> Iterator[Cause]:
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid_value("spec.selector", selector, f"empty selector is invalid for {kind}")


def _same_selector(spec: RawObject, old: RawObject | None) -> Iterator[Cause]:
    selector = spec.get("selector")
    if old is not None and spec_of(old).get("selector") != selector:
        yield invalid_value("spec.selector", selector, "field is immutable")


def mismatch(spec: RawObject) -> Iterator[Cause]:
    """A selector has to find the pods of its template; none finds nothing."""
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    selector = spec.get("selector")
    if selector is None or not from_object(selector).matches(labels or {}):
        words = "`selector` does not match template `labels`"
        yield invalid_value("spec.template.metadata.labels", labels, words)


def runs_for_ever(spec: RawObject, kind: str) -> Iterator[Cause]:
    pod = (spec.get("template") or {}).get("spec") or {}
    if (policy := pod.get("restartPolicy")) != "Always":
        yield unsupported("spec.template.spec.restartPolicy", policy or "", ALWAYS)
    if pod.get("activeDeadlineSeconds") is not None:
        field = "spec.template.spec.activeDeadlineSeconds"
        yield forbidden(field, f"activeDeadlineSeconds in {kind} is not Supported")


def _strategy(strategy: RawObject) -> Iterator[Cause]:
    field, rolling = "spec.strategy", strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "Recreate":
            if rolling is not None:
                words = "may not be specified when strategy `type` is 'Recreate'"
                yield forbidden(f"{field}.rollingUpdate", words)
        case "RollingUpdate":
            yield from _rolling(rolling or {}, f"{field}.rollingUpdate")
        case _:
            yield unsupported(field, strategy, ("Recreate", ROLLING))


def _rolling(rolling: RawObject, field: str) -> Iterator[Cause]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    yield from count_or_percent(f"{field}.maxUnavailable", unavailable)
    yield from count_or_percent(f"{field}.maxSurge", surge)
    if not _amount(unavailable) and not _amount(surge):
        words = "may not be 0 when `maxSurge` is 0"
        yield invalid_value(f"{field}.maxUnavailable", unavailable, words)
    yield from at_most_all(f"{field}.maxUnavailable", unavailable)


def _daemon_strategy(strategy: RawObject) -> Iterator[Cause]:
    field, rolling = "spec.updateStrategy", strategy.get("rollingUpdate") or {}
    if strategy.get("type") == ON_DELETE:
        return
    if strategy.get("type") != ROLLING:
        yield unsupported(field, strategy, (ROLLING, ON_DELETE))
        return
    field = f"{field}.rollingUpdate"
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    for check in (count_or_percent, at_most_all):
        yield from check(f"{field}.maxUnavailable", unavailable)
        yield from check(f"{field}.maxSurge", surge)
    if _amount(unavailable) and _amount(surge):
        words = "may not be set when maxUnavailable is non-zero"
        yield invalid_value(f"{field}.maxSurge", surge, words)
    elif not _amount(unavailable) and not _amount(surge):
        yield required(f"{field}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def _amount(value: object) -> int:
    """Of a number or a percentage; of any other text what Go makes of it."""
    text = str(value)
    if isinstance(value, str) and _PERCENT.fullmatch(text):
        return int(text[:-1])
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else 0


def count_or_percent(field: str, value: object) -> Iterator[Cause]:
    """A number that is not negative, or a percentage."""
    if isinstance(value, str) and not _PERCENT.fullmatch(value):
        yield invalid_value(field, value, PERCENT_WORDS)
    yield from not_negative(field, value)


def at_most_all(field: str, value: object) -> Iterator[Cause]:
    if isinstance(value, str) and _PERCENT.fullmatch(value) and int(value[:-1]) > 100:
        yield invalid_value(field, value, "must not be greater than 100%")


def count_causes(obj: RawObject, old: RawObject | None, names: tuple[str, ...]) -> Iterator[Cause]:
    """What a controller has counted."""
    status = obj.get("status") or {}
    for name in names:
        yield from not_negative(f"status.{name}", status.get(name))
    replicas, ready = status.get("replicas", 0), status.get("readyReplicas", 0)
    for name in PARTS_OF_REPLICAS:
        if name in names and status.get(name, 0) > replicas:
            words = "cannot be greater than status.replicas"
            yield invalid_value(f"status.{name}", status[name], words)
    if "availableReplicas" in names and (found := status.get("availableReplicas", 0)) > ready:
        whose = "status." * ("currentReplicas" in names)
        words = f"cannot be greater than {whose}readyReplicas"
        yield invalid_value("status.availableReplicas", found, words)
    before = ((old or {}).get("status") or {}).get("collisionCount")
    after = status.get("collisionCount")
    if before is not None and (after is None or after < before):
        yield invalid_value("status.collisionCount", after or 0, "cannot be decremented")


def _default_pod_template(obj: RawObject) -> None:
    default_template(obj)


def _validate_pod_template(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    return list(validate_template(obj.get("template") or {}, "template"))


def _default_controller(obj: RawObject) -> None:
    """A replication controller takes from its template what it does not say itself."""
    spec = spec_of(obj)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels and not spec.get("selector"):
        spec["selector"] = {**labels}
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = {**labels}
    _default_replica_set(obj)


def _validate_controller(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = spec_of(obj)
    causes: list[Cause] = []
    for name in ("replicas", "minReadySeconds"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    selector, template = spec.get("selector") or {}, spec.get("template")
    if not selector:
        causes.append(required("spec.selector"))
    if template is None:
        causes.append(required("spec.template"))
    else:
        labels = (template.get("metadata") or {}).get("labels")
        if not selector.items() <= (labels or {}).items():
            words = "`selector` does not match template `labels`"
            causes.append(invalid_value("spec.template.metadata.labels", labels, words))
        causes += validate_template(template, "spec.template")
        causes += runs_for_ever(spec, "ReplicationController")
    return causes + list(count_causes(obj, old, REPLICA_SET_COUNTS))


DEPLOYMENT = Behaviour(
    default=_default_deployment,
    prepare=prepare_own_template,
    validate=_validate_deployment,
    warn=for_template("spec", "template"),
    counts_generations=True,
)
REPLICA_SET = Behaviour(
    default=_default_replica_set,
    prepare=prepare_own_template,
    validate=_validate_replica_set,
    warn=for_template("spec", "template"),
    counts_generations=True,
)
DAEMON_SET = Behaviour(
    default=_default_daemon_set,
    prepare=_prepare_daemon_set,
    validate=_validate_daemon_set,
    warn=for_template("spec", "template", names_pods=False),
    counts_generations=True,
)
POD_TEMPLATE = Behaviour(
    default=_default_pod_template,
    prepare=_prepare_pod_template,
    validate=_validate_pod_template,
    warn=for_template("template", names_pods=False),
    counts_generations=True,
    delete_returns_object=True,
)
REPLICATION_CONTROLLER = Behaviour(
    default=_default_controller,
    prepare=prepare_own_template,
    validate=_validate_controller,
    warn=for_template("spec", "template"),
    counts_generations=True,
    orphans_dependents=True,
)
