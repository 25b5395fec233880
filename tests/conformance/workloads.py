"""Sequences about what makes pods: a life of a Deployment, and mistakes that campaigns found."""

from typing import Any

import pytest
from tests.conformance.asked import DEPLOYMENTS, PARTIAL, TABLE, Object, deployment
from tests.conformance.built_in import BUILT_IN
from tests.conformance.sides import (
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    Step,
    apply,
    delete,
    get,
    patch,
    post,
    put,
)

PAUSED: Object = {"spec": {"paused": True}}
ONE = {"fieldManager": "one"}
DRY = {"dryRun": "All"}


def asked(**spec: Any) -> Step:
    """A Deployment whose pods have this spec."""
    made = deployment("d")
    made["spec"]["template"]["spec"].update(spec)
    return post(DEPLOYMENTS, made, query=DRY)


def with_container(**fields: Any) -> Step:
    return asked(containers=[{"name": "a", "image": "x", **fields}])


def of_kind(version: str, kind: str, plural: str, **spec: Any) -> Step:
    example = BUILT_IN[(version, kind)]
    path = f"/apis/{version}/namespaces/{{ns}}/{plural}"
    made = {**example, "metadata": {"name": "w"}, "spec": {**example["spec"], **spec}}
    return post(path, made, query=DRY)


def as_it_is(live: Object) -> Object:
    return live


def without_selector(live: Object) -> Object:
    return {**live, "spec": {**live["spec"], "selector": {"matchLabels": {"app": "other"}}}}


LIFE_OF_A_DEPLOYMENT = [
    post(DEPLOYMENTS, deployment("d", **PAUSED["spec"]), query=ONE),
    post(DEPLOYMENTS, deployment("d"), query=ONE),
    get(f"{DEPLOYMENTS}/d", accept=TABLE),
    get(DEPLOYMENTS, accept=PARTIAL),
    patch(f"{DEPLOYMENTS}/d", {"spec": {"replicas": -1}}, MERGE),
    patch(f"{DEPLOYMENTS}/d", PAUSED, STRATEGIC, query=DRY),
    patch(f"{DEPLOYMENTS}/d", [{"op": "remove", "path": "/spec/selector"}], JSON_PATCH),
    put(f"{DEPLOYMENTS}/d", without_selector),
    put(f"{DEPLOYMENTS}/d", as_it_is, query={"fieldManager": "two"}),
    patch(f"{DEPLOYMENTS}/d/status", {"status": {"replicas": 1, "readyReplicas": 2}}),
    patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": -2}}),
    apply(f"{DEPLOYMENTS}/e", deployment("e", minReadySeconds=2**31)),
    apply(f"{DEPLOYMENTS}/e", {**deployment("e", **PAUSED["spec"])}, "two", query=DRY),
    delete(DEPLOYMENTS, query={**DRY, "limit": "1"}),
    delete("/apis/batch/v1/namespaces/{ns}/jobs/absent"),
]
MISTAKES_IN_PODS = [
    asked(imagePullSecrets=[{}], nodeSelector={"beta.kubernetes.io/os": "linux"}),
    asked(volumes=[{"name": "v", "cephfs": {}, "emptyDir": {}}, {"name": "", "nfs": {}}]),
    asked(volumes=[{"name": "v", "projected": {"sources": [{"secret": {}, "configMap": {}}]}}]),
    asked(volumes=[{"name": "v", "hostPath": {"path": "/a/../b", "type": "X"}}]),
    asked(topologySpreadConstraints=[{"minDomains": -1, "nodeTaintsPolicy": "X"}] * 2),
    asked(securityContext={"runAsUser": -1, "sysctls": [{"name": "-"}], "seccompProfile": {}}),
    asked(dnsPolicy="None", serviceAccount="Not A Name", runtimeClassName=""),
    asked(readinessGates=[{}], schedulingGates=[{"name": "a"}] * 2, priorityClassName="A"),
    asked(hostNetwork=True, hostUsers=False, shareProcessNamespace=True, hostPID=True),
    asked(resourceClaims=[{"name": "a"}], resources={"limits": {"nvidia.com/gpu": "1"}}),
    asked(ephemeralContainers=[{"name": "a", "image": " x", "ports": [{"containerPort": 1}]}]),
    with_container(resources={"requests": {"nvidia.com/gpu": "1.5", "hugepages-2Mi": "4Mi"}}),
    with_container(resizePolicy=[{}], restartPolicyRules=[{"action": "X"}]),
    with_container(volumeDevices=[{}], volumeMounts=[{"name": "a", "subPathExpr": "../b"}]),
    with_container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
    with_container(
        env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels"}}}]
    ),
    with_container(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"key": "a b"}}}]),
    with_container(livenessProbe={"httpGet": {"port": 0, "httpHeaders": [{}]}}),
    with_container(lifecycle={"preStop": {"sleep": {"seconds": 99}}, "stopSignal": "SIGTERM"}),
    with_container(securityContext={"procMount": "Unmasked", "appArmorProfile": {"type": "X"}}),
    with_container(ports=[{"containerPort": 80}, {"containerPort": 80, "name": "no-letters-1--"}]),
    *(with_container(image=image) for image in ("a:latest", "a@sha256:0", "Bad Name", "x:1")),
]
MISTAKES_IN_KINDS = [
    of_kind("apps/v1", "StatefulSet", "statefulsets", updateStrategy={"type": "X"}),
    of_kind("apps/v1", "StatefulSet", "statefulsets", serviceName="A", ordinals={"start": -1}),
    of_kind("apps/v1", "DaemonSet", "daemonsets", updateStrategy={"type": "X"}),
    of_kind("apps/v1", "ReplicaSet", "replicasets", selector={"matchExpressions": [{}]}),
    of_kind("apps/v1", "ReplicaSet", "replicasets", selector=None),
    of_kind("batch/v1", "Job", "jobs", completionMode="Indexed", completions=200000),
    of_kind("batch/v1", "Job", "jobs", podFailurePolicy={"rules": [{"action": "FailIndex"}]}),
    of_kind("batch/v1", "Job", "jobs", successPolicy={"rules": []}, managedBy="me"),
    *(
        of_kind("batch/v1", "CronJob", "cronjobs", schedule=schedule, timeZone=zone)
        for schedule, zone in (
            ("60 * * * *", None),
            ("* * * jan-dec sun", "Local"),
            ("*/0 * * * *", "Mars/Base"),
            ("@every 1x", ""),
            ("TZ=UTC 5-1 * * * *", "UTC"),
        )
    ),
]
WORKLOADS = [
    pytest.param(LIFE_OF_A_DEPLOYMENT, id="the life of a Deployment"),
    pytest.param(MISTAKES_IN_PODS, id="mistakes in the pods of a Deployment"),
    pytest.param(MISTAKES_IN_KINDS, id="mistakes in what makes pods"),
]
