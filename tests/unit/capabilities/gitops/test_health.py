"""Health of objects, by their status."""

from typing import Any

import pytest

from towpath.capabilities.delivery.gitops.health import (
    HEALTHY,
    MISSING,
    Health,
    HealthStatus,
    assess,
    worst,
)
from towpath.machinery.objects import RawObject


def condition(kind: str, status: str, reason: str = "Reason", message: str = "why") -> RawObject:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def obj(api_version: str, kind: str, spec: Any = None, **status: Any) -> RawObject:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "a", "generation": 2},
        "spec": spec or {},
        "status": status,
    }


def deployment(spec: Any = None, **status: Any) -> RawObject:
    return obj("apps/v1", "Deployment", spec, **{"observedGeneration": 2, **status})


def pod(phase: str, ready: str = "False", **status: Any) -> RawObject:
    return obj("v1", "Pod", phase=phase, conditions=[condition("Ready", ready)], **status)


ROLLED_OUT = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
CRASHING = [{"name": "main", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(deployment(**ROLLED_OUT), "Healthy", id="a deployment rolled out"),
        pytest.param(
            deployment(**ROLLED_OUT, observedGeneration=1), "Progressing", id="not noticed yet"
        ),
        pytest.param(obj("apps/v1", "Deployment"), "Progressing", id="no status at all"),
        pytest.param(deployment({"replicas": 0}), "Healthy", id="scaled to nothing"),
        pytest.param(
            deployment({"replicas": 2}, **ROLLED_OUT), "Progressing", id="too few are updated"
        ),
        pytest.param(
            deployment(**{**ROLLED_OUT, "replicas": 2}), "Progressing", id="an old one still runs"
        ),
        pytest.param(
            deployment(**{**ROLLED_OUT, "availableReplicas": 0}), "Progressing", id="not available"
        ),
        pytest.param(
            deployment(conditions=[condition("Progressing", "False", "ProgressDeadlineExceeded")]),
            "Degraded",
            id="the deadline has passed",
        ),
        pytest.param(deployment({"paused": True}), "Suspended", id="a paused deployment"),
        pytest.param(
            obj(
                "apps/v1",
                "ReplicaSet",
                observedGeneration=2,
                conditions=[condition("ReplicaFailure", "True")],
            ),
            "Degraded",
            id="pods that cannot be made",
        ),
        pytest.param(
            obj("apps/v1", "StatefulSet", observedGeneration=2, readyReplicas=1),
            "Healthy",
            id="a ready stateful set",
        ),
        pytest.param(
            obj("apps/v1", "StatefulSet", observedGeneration=2), "Progressing", id="an unready one"
        ),
        pytest.param(
            obj("batch/v1", "Job", conditions=[condition("Failed", "True")]),
            "Degraded",
            id="a failed job",
        ),
        pytest.param(
            obj("batch/v1", "Job", conditions=[condition("Complete", "True")]),
            "Healthy",
            id="a complete job",
        ),
        pytest.param(obj("batch/v1", "Job", active=1), "Progressing", id="a running job"),
        pytest.param(pod("Running", "True"), "Healthy", id="a ready pod"),
        pytest.param(pod("Running"), "Progressing", id="a pod that is not ready"),
        pytest.param(pod("Pending"), "Progressing", id="a pending pod"),
        pytest.param(pod("Failed"), "Degraded", id="a failed pod"),
        pytest.param(
            pod("Running", containerStatuses=CRASHING), "Degraded", id="a pod that crashes"
        ),
        pytest.param(obj("v1", "Service", {"type": "ClusterIP"}), "Healthy", id="a service"),
        pytest.param(
            obj("v1", "Service", {"type": "LoadBalancer"}), "Progressing", id="without an address"
        ),
        pytest.param(
            obj("networking.k8s.io/v1", "Ingress"), "Healthy", id="an ingress that is accepted"
        ),
        pytest.param(
            obj("external-secrets.io/v1", "ExternalSecret"), "Progressing", id="no secret yet"
        ),
        pytest.param(
            obj(
                "external-secrets.io/v1",
                "ExternalSecret",
                conditions=[condition("Ready", "False", message="secret a does not exist")],
            ),
            "Progressing",
            id="a secret that has not come yet",
        ),
        pytest.param(
            obj(
                "external-secrets.io/v1",
                "ExternalSecret",
                conditions=[condition("Ready", "False", message="permission denied")],
            ),
            "Degraded",
            id="a store that refuses",
        ),
        pytest.param(
            obj("offerings.towpath.dev/v1alpha1", "PostgreSQLInstance"),
            "Progressing",
            id="a composite nobody has looked at",
        ),
        pytest.param(
            obj("a.example/v1", "Thing", conditions=[condition("Ready", "True")]),
            "Healthy",
            id="anything that says that it is ready",
        ),
        pytest.param(
            obj("a.example/v1", "Thing", conditions=[condition("Ready", "False", "Creating")]),
            "Progressing",
            id="anything that is being created",
        ),
        pytest.param(
            obj(
                "a.example/v1", "Thing", conditions=[condition("Synced", "False", "ReconcileError")]
            ),
            "Degraded",
            id="anything that cannot be reconciled",
        ),
    ],
)
def test_a_kind_with_health(given: RawObject, expected: str) -> None:
    found = assess(given)
    assert found is not None
    assert found.status == expected


@pytest.mark.parametrize("kind", ["ConfigMap", "ServiceAccount"])
def test_a_kind_without_health(kind: str) -> None:
    assert assess(obj("v1", kind)) is None


def test_what_is_being_deleted_is_on_its_way() -> None:
    going = obj("v1", "ConfigMap")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found = assess(going)
    assert found is not None
    assert found.status == HealthStatus.PROGRESSING


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([], HEALTHY, id="nothing is healthy"),
        pytest.param([HEALTHY, MISSING], MISSING, id="a missing part counts"),
        pytest.param(
            [Health(HealthStatus.DEGRADED), MISSING, HEALTHY],
            Health(HealthStatus.DEGRADED),
            id="a degraded one counts most",
        ),
    ],
)
def test_the_whole_is_as_sick_as_its_sickest_part(parts: list[Health], expected: Health) -> None:
    assert worst(parts) == expected


def container(name: str = "main", **state: object) -> RawObject:
    return pod("Running", containerStatuses=[{"name": name, **state}])


def waiting(reason: str, message: str = "", **more: object) -> RawObject:
    return container(state={"waiting": {"reason": reason, "message": message}}, **more)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param(
            waiting("ImagePullBackOff", "Failed to pull image: manifest unknown"),
            "The image of container main cannot be pulled: manifest unknown. Run its pipeline "
            "again, then promote the release that it makes.",
            id="an image that is not there",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 3}}),
            "Container main ends with exit code 3, again and again: its last lines say why. "
            "Correct it and push.",
            id="a program that ends with an error",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 0}}),
            "Container main ends by itself without an error, again and again; a service must go "
            "on running: look at its command in score.yaml.",
            id="a program that has done its work",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", lastState={"terminated": {"reason": "OOMKilled"}}),
            "Container main needs more memory than it may have, again and again: raise its "
            "resources.limits.memory in score.yaml.",
            id="a program that eats",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", 'secret "shop-db" not found'),
            'Container main waits for what it is configured with: secret "shop-db" not found.',
            id="a secret that has not come",
        ),
    ],
)
def test_a_sick_pod_says_what_to_do(given: RawObject, says: str) -> None:
    found = assess(given)
    assert found is not None
    assert found.message == says


def test_a_failing_health_check_names_what_it_answered() -> None:
    ready = condition("Ready", "False", "ContainersNotReady", "containers ...: [main]: status 500")
    found = assess(obj("v1", "Pod", phase="Running", conditions=[ready]))
    assert found is not None
    assert found.message.startswith("It runs, and its health check fails: status 500. Look at")


def test_a_quota_that_is_used_up_is_named() -> None:
    failure = condition("ReplicaFailure", "True", message='pods "a" is forbidden: exceeded quota')
    found = assess(obj("apps/v1", "ReplicaSet", observedGeneration=2, conditions=[failure]))
    assert found is not None
    assert "the environment's quota is used up" in found.message
    assert "have the quota raised" in found.message
