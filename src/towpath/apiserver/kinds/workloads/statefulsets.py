"""Stateful sets: pods with names, claims and host names of their own.

Source of the rules: pkg/apis/apps/validation of Kubernetes.
"""

from collections.abc import Iterator

from towpath.apiserver.kinds.checks import named, not_negative
from towpath.apiserver.kinds.podspec.spec import default_template, validate_template
from towpath.apiserver.kinds.podspec.warnings import about_claim, for_template
from towpath.apiserver.kinds.storage.claims import claim_causes
from towpath.apiserver.kinds.workloads.deployments import (
    ON_DELETE,
    ROLLING,
    count_causes,
    mismatch,
    prepare_own_template,
    runs_for_ever,
    selector_of_pods,
    spec_of,
)
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.names import annotation_causes, label_causes, label_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import selector_causes

MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
RETENTIONS = ("Retain", "Delete")
COUNTS = (
    *("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
    *("observedGeneration", "collisionCount"),
)


def _default_stateful_set(obj: RawObject) -> None:
    spec = spec_of(obj)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    if not spec.get("podManagementPolicy"):
        spec["podManagementPolicy"] = "OrderedReady"
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = ROLLING
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == ROLLING and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"].setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for name in ("whenDeleted", "whenScaled"):
        if not retention.get(name):
            retention[name] = "Retain"
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim["status"] = {"phase": "Pending"}
    default_template(spec)


def _prepare_stateful_set(obj: RawObject, old: RawObject | None) -> None:
    prepare_own_template(obj, old)
    if (rolling := (spec_of(obj).get("updateStrategy") or {}).get("rollingUpdate")) is not None:
        # Of a feature that Kubernetes has switched off.
        rolling.pop("maxUnavailable", None)


def _validate_stateful_set(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = spec_of(obj)
    causes = [*_stateful_strategy(spec)]
    for name in ("whenDeleted", "whenScaled"):
        policy = (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get(name)
        if policy not in RETENTIONS:
            field = f"spec.persistentVolumeClaimRetentionPolicy.{name}"
            causes.append(unsupported(field, policy, RETENTIONS))
    if old is None:
        for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
            field = f"spec.volumeClaimTemplates[{index}].spec"
            causes += claim_causes(claim.get("spec") or {}, field)
    for name in ("replicas", "minReadySeconds"):
        causes += not_negative(f"spec.{name}", spec.get(name))
    start = (spec.get("ordinals") or {}).get("start")
    causes += not_negative("spec.ordinals.start", start)
    if old is None and (service := spec.get("serviceName")):
        causes += named("spec.serviceName", service, label_errors(service))
    selector = spec.get("selector")
    causes += selector_of_pods(selector, "statefulset")
    if selector is not None and selector_causes(selector, ""):
        causes.append(invalid_value("spec.selector", selector))
    else:
        causes += [*mismatch(spec), *_stateful_template(spec)]
    causes += runs_for_ever(spec, "StatefulSet")
    if old is not None:
        causes += _stateful_changes(spec, spec_of(old))
    return causes + list(count_causes(obj, old, COUNTS))


def _stateful_strategy(spec: RawObject) -> Iterator[Cause]:
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        words = "must be 'OrderedReady' or 'Parallel'"
        yield invalid_value("spec.podManagementPolicy", policy, words)
    field, strategy = "spec.updateStrategy", spec.get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "OnDelete":
            if rolling is not None:
                words = f"only allowed for updateStrategy '{ROLLING}'"
                yield invalid_value(f"{field}.rollingUpdate", rolling, words)
        case "RollingUpdate":
            partition = (rolling or {}).get("partition")
            yield from not_negative(f"{field}.rollingUpdate.partition", partition)
        case _:
            words = f"must be '{ROLLING}' or '{ON_DELETE}'"
            yield invalid_value(field, strategy, words)


def _stateful_template(spec: RawObject) -> Iterator[Cause]:
    """As its pods will be: with volumes for their claims, and host names of their own."""
    template = spec.get("template") or {}
    pod = {**(template.get("spec") or {})}
    for name in ("hostname", "subdomain"):
        pod.pop(name, None)
    claims = {(one.get("metadata") or {}).get("name") or "" for one in _claims(spec)}
    volumes = [
        {"name": name, "persistentVolumeClaim": {"claimName": name}} for name in sorted(claims)
    ]
    others = [one for one in pod.get("volumes") or () if one.get("name") not in claims]
    pod["volumes"] = [*volumes, *others]
    yield from validate_template({**template, "spec": pod}, "spec.template")
    # Kubernetes looks at these twice.
    metadata = template.get("metadata") or {}
    yield from label_causes(metadata.get("labels") or {}, "spec.template.labels")
    annotations = metadata.get("annotations") or {}
    yield from annotation_causes(annotations, "spec.template.annotations")


def _claims(spec: RawObject) -> list[RawObject]:
    return spec.get("volumeClaimTemplates") or []


def _stateful_changes(spec: RawObject, before: RawObject) -> Iterator[Cause]:
    fixed = [
        {name: value for name, value in one.items() if name not in MUTABLE}
        for one in (spec, before)
    ]
    if fixed[0] != fixed[1]:
        names = ", ".join(f"'{name}'" for name in MUTABLE[:-1])
        words = (
            f"updates to statefulset spec for fields other than {names} and "
            f"'{MUTABLE[-1]}' are forbidden"
        )
        yield forbidden("spec", words)


def _warn_of_stateful_set(obj: RawObject, old: RawObject | None) -> list[str]:
    spec = spec_of(obj)
    said = for_template("spec", "template", names_pods=False)(obj, old)
    for index, claim in enumerate(_claims(spec)):
        path = f"spec.volumeClaimTemplates[{index}]{'.Spec' * (old is not None)}"
        said += about_claim(claim.get("spec") or {}, path)
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        said.append(
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value "
            ">= 0 is recommended"
        )
    return said


STATEFUL_SET = Behaviour(
    default=_default_stateful_set,
    prepare=_prepare_stateful_set,
    validate=_validate_stateful_set,
    warn=_warn_of_stateful_set,
    name_pattern="label",
    counts_generations=True,
)
