"""Sequences about what happens by itself: owners and what they own, namespaces, events, leases."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.asked import MAPS, config_map
from tests.conformance.sides import MERGE, Step, apply, delete, get, patch, post, put

SECRETS = "/api/v1/namespaces/{ns}/secrets"
NAMESPACES = "/api/v1/namespaces"
EVENTS = "/api/v1/namespaces/{ns}/events"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"
OTHER = "{ns}-other"
Object = dict[str, Any]


def gone(status: int, _body: Any) -> bool:
    return status == 404


def unowned(status: int, body: Any) -> bool:
    return status == 200 and "ownerReferences" not in body["metadata"]


def uid_of(body: Any) -> str:
    return str(body["metadata"]["uid"])


def owned(
    name: str, owner: str = "owner", uid: str = "{kept}", kind: str = "ConfigMap", **more: Any
) -> Object:
    reference = {"apiVersion": "v1", "kind": kind, "name": owner, "uid": uid, **more}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "ownerReferences": [reference]},
    }


OWNER = post(MAPS, config_map("owner"), keep=uid_of, quiet=True)


def options(policy: str) -> Object:
    return {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy}


BACKGROUND = [
    OWNER,
    post(SECRETS, owned("child"), quiet=True),
    delete(f"{MAPS}/owner", options("Background")),
    get(f"{SECRETS}/child", until=gone),
]
DEFAULTED = [
    OWNER,
    post(SECRETS, owned("child"), quiet=True),
    delete(f"{MAPS}/owner"),
    get(f"{SECRETS}/child", until=gone),
]
FOREGROUND = [
    OWNER,
    post(SECRETS, owned("child", blockOwnerDeletion=True), quiet=True),
    patch(f"{SECRETS}/child", {"metadata": {"finalizers": ["example.dev/hold"]}}, quiet=True),
    delete(f"{MAPS}/owner", options("Foreground")),
    get(
        f"{SECRETS}/child",
        until=lambda status, body: status == 200 and "deletionTimestamp" in body["metadata"],
    ),
    get(f"{MAPS}/owner"),
    patch(f"{SECRETS}/child", {"metadata": {"finalizers": None}}, quiet=True),
    get(f"{SECRETS}/child", until=gone),
    get(f"{MAPS}/owner", until=gone),
]
UNBLOCKED = [
    OWNER,
    post(SECRETS, owned("child"), quiet=True),
    patch(f"{SECRETS}/child", {"metadata": {"finalizers": ["example.dev/hold"]}}, quiet=True),
    delete(f"{MAPS}/owner", options("Foreground")),
    get(f"{MAPS}/owner", until=gone),
    patch(f"{SECRETS}/child", {"metadata": {"finalizers": None}}, quiet=True),
    get(f"{SECRETS}/child", until=gone),
]
ORPHANED = [
    OWNER,
    post(SECRETS, owned("child"), quiet=True),
    delete(f"{MAPS}/owner", options("Orphan")),
    get(f"{MAPS}/owner", until=gone),
    get(f"{SECRETS}/child", until=unowned),
]
TWO_OWNERS = [
    OWNER,
    post(MAPS, config_map("second"), quiet=True),
    post(SECRETS, owned("child"), quiet=True),
    patch(
        f"{SECRETS}/child",
        [
            {
                "op": "add",
                "path": "/metadata/ownerReferences/-",
                "value": {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "none"},
            }
        ],
        "application/json-patch+json",
    ),
    get(
        f"{SECRETS}/child",
        until=lambda _, body: len(body["metadata"]["ownerReferences"]) == 1,
    ),
    delete(f"{MAPS}/owner", quiet=True),
    get(f"{SECRETS}/child", until=gone),
]
ABSENT = [
    post(SECRETS, owned("child", uid="11111111-1111-1111-1111-111111111111"), quiet=True),
    get(f"{SECRETS}/child", until=gone),
]
ANOTHER_NAMESPACE = [
    post(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OTHER}}),
    post(f"{NAMESPACES}/{OTHER}/configmaps", config_map("owner"), keep=uid_of, quiet=True),
    post(SECRETS, owned("child"), quiet=True),
    get(f"{SECRETS}/child", until=gone),
    delete(f"{NAMESPACES}/{OTHER}", quiet=True),
]
CLUSTER_OWNER = [
    get(f"{NAMESPACES}/{{ns}}", keep=uid_of, quiet=True),
    post(SECRETS, owned("child", owner="{ns}", kind="Namespace"), quiet=True),
    get(f"{SECRETS}/child"),
]
REFERENCES = [
    post(SECRETS, owned("a", uid="")),
    post(SECRETS, owned("a", owner="")),
    post(SECRETS, owned("a", kind="")),
    post(SECRETS, owned("a", kind="Event", uid="u")),
    post(SECRETS, owned("a", apiVersion="", uid="u")),
    post(SECRETS, owned("a", apiVersion="a/b/c", uid="u")),
    post(
        SECRETS,
        {
            **owned("a"),
            "metadata": {
                "name": "a",
                "ownerReferences": [
                    {
                        "apiVersion": "v1",
                        "kind": "ConfigMap",
                        "name": name,
                        "uid": name,
                        "controller": True,
                    }
                    for name in ("x", "y")
                ],
            },
        },
    ),
    post(MAPS, config_map("p"), quiet=True),
    delete(f"{MAPS}/p", options("Sideways")),
    delete(f"{MAPS}/p", {**options("Orphan"), "orphanDependents": True}),
    delete(f"{MAPS}/p", query={"propagationPolicy": "Orphan", "gracePeriodSeconds": "-5"}),
]


def condition(kind: str, status: str) -> Callable[[int, Any], bool]:
    def holds(code: int, body: Any) -> bool:
        conditions = (body.get("status") or {}).get("conditions") or ()
        return code == 200 and any(
            one["type"] == kind and one["status"] == status for one in conditions
        )

    return holds


HELD = {**config_map("held"), "metadata": {"name": "held", "finalizers": ["example.dev/hold"]}}
NAMESPACE_GOES = [
    post(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OTHER}}),
    post(f"{NAMESPACES}/{OTHER}/configmaps", HELD, quiet=True),
    post(f"{NAMESPACES}/{OTHER}/configmaps", config_map("free"), quiet=True),
    get(
        f"{NAMESPACES}/{OTHER}/serviceaccounts/default",
        until=lambda status, _: status == 200,
        quiet=True,
    ),
    delete(f"{NAMESPACES}/{OTHER}"),
    get(f"{NAMESPACES}/{OTHER}/configmaps/free", until=gone),
    get(
        f"{NAMESPACES}/{OTHER}",
        until=condition("NamespaceFinalizersRemaining", "True"),
    ),
    post(f"{NAMESPACES}/{OTHER}/configmaps", config_map("late")),
    delete(f"{NAMESPACES}/{OTHER}"),
    patch(f"{NAMESPACES}/{OTHER}/configmaps/held", {"metadata": {"finalizers": None}}, quiet=True),
    get(f"{NAMESPACES}/{OTHER}", until=gone),
]


def event(name: str, **fields: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name},
        "involvedObject": {"kind": "Pod", "namespace": "{ns}", "name": "p"},
        "reason": "Started",
        "message": "it started",
        "type": "Normal",
        **fields,
    }


EVENTS_OF_OLD = [
    post(EVENTS, event("e", count=1, firstTimestamp="2026-01-01T00:00:00Z")),
    post(EVENTS, event("other", involvedObject={"kind": "Pod", "namespace": "default"})),
    post(EVENTS, event("new", eventTime="2026-01-01T00:00:00.000000Z")),
    post(
        EVENTS,
        event(
            "whole",
            eventTime="2026-01-01T00:00:00.000000Z",
            reportingComponent="example.dev/it",
            reportingInstance="it-1",
            action="Start",
        ),
    ),
    patch(f"{EVENTS}/e", {"count": 2, "lastTimestamp": "2026-01-01T00:01:00Z"}),
    get(EVENTS, query={"fieldSelector": "involvedObject.name=p,reason=Started,type=Normal"}),
    get(EVENTS, query={"fieldSelector": "involvedObject.kind=Node"}),
    get(EVENTS, query={"fieldSelector": "message=x"}),
    delete(f"{EVENTS}/e"),
    delete(EVENTS),
]


def lease(name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name},
        "spec": spec,
    }


def renewed(live: Object) -> Object:
    return {**live, "spec": {**live["spec"], "renewTime": "2026-01-01T00:00:05.123456Z"}}


def stale(live: Object) -> Object:
    metadata = {**live["metadata"], "resourceVersion": "1"}
    return {**live, "metadata": metadata, "spec": {**live["spec"], "holderIdentity": "b"}}


LEADERS = [
    post(
        LEASES,
        lease(
            "l",
            holderIdentity="a",
            leaseDurationSeconds=15,
            acquireTime="2026-01-01T00:00:00.000000Z",
            renewTime="2026-01-01T00:00:00.000000Z",
            leaseTransitions=0,
        ),
    ),
    put(f"{LEASES}/l", renewed),
    put(f"{LEASES}/l", stale),
    get(f"{LEASES}/l"),
    patch(f"{LEASES}/l", {"spec": {"holderIdentity": ""}}, MERGE),
    post(LEASES, lease("a", leaseDurationSeconds=0)),
    post(LEASES, lease("b", leaseTransitions=-1)),
    post(LEASES, lease("c", strategy="OldestEmulationVersion")),
    post(LEASES, lease("d", renewTime="yesterday")),
    post(LEASES, lease("e", renewTime="2026-01-01T00:00:00Z")),
    apply(f"{LEASES}/f", lease("f", holderIdentity="a")),
]
ROOMS: list[tuple[str, list[Step]]] = [
    ("what is owned goes after its owner", BACKGROUND),
    ("what is owned goes after its owner when nobody says how", DEFAULTED),
    ("an owner in the foreground waits for what blocks it", FOREGROUND),
    ("an owner in the foreground waits for nothing else", UNBLOCKED),
    ("orphans stay", ORPHANED),
    ("one of two owners is enough", TWO_OWNERS),
    ("an owner that never was", ABSENT),
    ("an owner in another namespace is none", ANOTHER_NAMESPACE),
    ("an owner of the cluster", CLUSTER_OWNER),
    ("references and options that are refused", REFERENCES),
    ("a namespace says why it stays", NAMESPACE_GOES),
    ("events", EVENTS_OF_OLD),
    ("leases, as leaders use them", LEADERS),
]
LIFECYCLES = [pytest.param(steps, id=name) for name, steps in ROOMS]
