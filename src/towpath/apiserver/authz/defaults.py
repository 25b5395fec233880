"""The roles and bindings that every API server starts with, as Kubernetes documents them.

`admin`, `edit` and `view` are aggregated: they hold nothing themselves and gather every ClusterRole
labelled `rbac.authorization.k8s.io/aggregate-to-<name>: "true"`, so that a capability extends them
by shipping a labelled role. At every start what is missing is added, as a newer release may have
more; nothing is taken away, and an object whose annotation `autoupdate` is "false" is left alone.
"""

import asyncio
import contextlib

import orjson

from towpath.apiserver.authz.rules import compile_rules, gathered, uncovered
from towpath.apiserver.calls import ReadOptions, Target, Verbs, WriteOptions
from towpath.machinery.core_kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, RBAC_GROUP
from towpath.machinery.errors import AlreadyExists, Conflict, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AUTHENTICATED, MASTERS, PLATFORM

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
UNAUTHENTICATED = "system:unauthenticated"
READ = ["get", "list", "watch"]
WRITE = ["create", "delete", "deletecollection", "patch", "update"]
ALL = ["*"]

HEALTH_PATHS = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
DISCOVERY_PATHS = sorted(
    ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *HEALTH_PATHS]
)

MONITORED_PATHS = [
    *("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis"),
    *("/readyz", "/readyz/*"),
]
ISSUER_PATHS = [
    *("/.well-known/openid-configuration", "/.well-known/openid-configuration/"),
    *("/openid/v1/jwks", "/openid/v1/jwks/"),
]

VIEWED: dict[str, list[str]] = {
    "": [
        "configmaps",
        "endpoints",
        "persistentvolumeclaims",
        "persistentvolumeclaims/status",
        "pods",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "serviceaccounts",
        "services",
        "services/status",
        "bindings",
        "events",
        "limitranges",
        "namespaces/status",
        "pods/log",
        "pods/status",
        "replicationcontrollers/status",
        "resourcequotas",
        "resourcequotas/status",
        "namespaces",
    ],
    "discovery.k8s.io": ["endpointslices"],
    "events.k8s.io": ["events"],
    "apps": [
        "controllerrevisions",
        "daemonsets",
        "daemonsets/status",
        "deployments",
        "deployments/scale",
        "deployments/status",
        "replicasets",
        "replicasets/scale",
        "replicasets/status",
        "statefulsets",
        "statefulsets/scale",
        "statefulsets/status",
    ],
    "autoscaling": ["horizontalpodautoscalers", "horizontalpodautoscalers/status"],
    "batch": ["cronjobs", "cronjobs/status", "jobs", "jobs/status"],
    "policy": ["poddisruptionbudgets", "poddisruptionbudgets/status"],
    "networking.k8s.io": ["ingresses", "ingresses/status", "networkpolicies"],
}

EDITED: dict[str, list[str]] = {
    "": [
        "pods",
        "configmaps",
        "events",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "secrets",
        "serviceaccounts",
        "services",
        "services/proxy",
    ],
    "apps": [
        "daemonsets",
        "deployments",
        "deployments/rollback",
        "deployments/scale",
        "replicasets",
        "replicasets/scale",
        "statefulsets",
        "statefulsets/scale",
    ],
    "autoscaling": ["horizontalpodautoscalers"],
    "batch": ["cronjobs", "jobs"],
    "events.k8s.io": ["events"],
    "policy": ["poddisruptionbudgets"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
}
ENTERED = ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy"]


def default_cluster_roles() -> list[RawObject]:
    return [
        _role("cluster-admin", _rule(ALL, ALL, ALL), _paths(ALL, ALL)),
        _aggregated("admin"),
        _aggregated("edit", feeds="admin"),
        _aggregated("view", feeds="edit"),
        _role("system:aggregate-to-admin", *_admin_rules(), feeds="admin"),
        _role("system:aggregate-to-edit", *_edit_rules(), feeds="edit"),
        _role(
            "system:aggregate-to-view",
            *(_rule([group], resources, READ) for group, resources in VIEWED.items()),
            feeds="view",
        ),
        _role("system:discovery", _paths(DISCOVERY_PATHS, ["get"])),
        _role("system:public-info-viewer", _paths(HEALTH_PATHS, ["get"])),
        _role(
            "system:monitoring",
            _paths(MONITORED_PATHS, ["get"]),
            _rule([""], ["nodes/metrics"], ["get"]),
        ),
        _role("system:basic-user", *_basic_user_rules()),
        _role(
            "system:auth-delegator",
            _rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
            _rule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
        ),
        _role(
            "system:service-account-issuer-discovery",
            _paths(ISSUER_PATHS, ["get"]),
        ),
    ]


def default_cluster_role_bindings() -> list[RawObject]:
    return [
        _binding("cluster-admin", MASTERS),
        _binding("system:discovery", AUTHENTICATED),
        _binding("system:basic-user", AUTHENTICATED),
        _binding("system:public-info-viewer", AUTHENTICATED, UNAUTHENTICATED),
        _binding("system:monitoring", "system:monitoring"),
        _binding("system:service-account-issuer-discovery", "system:serviceaccounts"),
    ]


async def ensure_default_roles(verbs: Verbs) -> None:
    """Make what is missing, together, so that it is one commit. One list each when nothing is."""
    async with asyncio.TaskGroup() as tasks:
        for resource, wanted in (
            (CLUSTER_ROLE, default_cluster_roles()),
            (CLUSTER_ROLE_BINDING, default_cluster_role_bindings()),
        ):
            page = await verbs.list(PLATFORM, Target(resource), ReadOptions())
            present = {obj["metadata"]["name"]: obj for obj in map(orjson.loads, page.items)}
            for obj in wanted:
                known = present.get(obj["metadata"]["name"])
                if known is None:
                    tasks.create_task(_ensure(verbs, resource, obj))
                elif missing := _missing(known, obj):
                    tasks.create_task(_complete(verbs, resource, known, missing))


async def _ensure(verbs: Verbs, resource: Resource, obj: RawObject) -> None:
    target = Target(resource, name=obj["metadata"]["name"])
    # Another process of this platform may be quicker.
    with contextlib.suppress(AlreadyExists):
        await verbs.create(PLATFORM, target, obj, WriteOptions(field_manager="towpath"))


async def _complete(verbs: Verbs, resource: Resource, known: RawObject, missing: RawObject) -> None:
    target = Target(resource, name=known["metadata"]["name"])
    with contextlib.suppress(Conflict, NotFound):
        await verbs.update(PLATFORM, target, known | missing, WriteOptions(field_manager="towpath"))


def _missing(known: RawObject, wanted: RawObject) -> RawObject:
    """The fields of an object that lacks something, as they should be."""
    annotations = known["metadata"].get("annotations") or {}
    if annotations.get(AUTOUPDATE) == "false" or "aggregationRule" in known:
        return {}
    if "subjects" in wanted:
        subjects = known.get("subjects") or []
        lacking = [one for one in wanted["subjects"] if one not in subjects]
        return {"subjects": [*subjects, *lacking]} if lacking else {}
    rules = compile_rules(known.get("rules"))
    singles = gathered(uncovered(rules, compile_rules(wanted["rules"])))
    lacking = [rule.to_object() for rule in singles]
    return {"rules": [*(known.get("rules") or ()), *lacking]} if lacking else {}


def _admin_rules() -> list[RawObject]:
    return [
        _rule(["authorization.k8s.io"], ["localsubjectaccessreviews"], ["create"]),
        _rule([RBAC_GROUP], ["roles", "rolebindings"], [*READ, *WRITE]),
    ]


def _edit_rules() -> list[RawObject]:
    return [
        *(_rule([group], resources, WRITE) for group, resources in EDITED.items()),
        _rule([""], ["secrets", "services/proxy", *ENTERED], READ),
        _rule([""], ENTERED, WRITE),
        _rule([""], ["pods/eviction", "serviceaccounts/token"], ["create"]),
        _rule([""], ["serviceaccounts"], ["impersonate"]),
        _rule(["coordination.k8s.io"], ["leases"], [*READ, *WRITE]),
    ]


def _basic_user_rules() -> list[RawObject]:
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    return [
        _rule(["authorization.k8s.io"], reviews, ["create"]),
        _rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
    ]


def _role(name: str, *rules: RawObject, feeds: str = "") -> RawObject:
    role = CLUSTER_ROLE.object(name, rules=list(rules))
    role["metadata"] |= _bootstrap_metadata(feeds)
    return role


def _aggregated(name: str, *, feeds: str = "") -> RawObject:
    selector = {"matchLabels": {_aggregate_label(name): "true"}}
    role = _role(name, feeds=feeds)
    return role | {"aggregationRule": {"clusterRoleSelectors": [selector]}}


def _binding(role: str, *groups: str) -> RawObject:
    subjects = [{"apiGroup": RBAC_GROUP, "kind": "Group", "name": group} for group in groups]
    reference = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": role}
    binding = CLUSTER_ROLE_BINDING.object(role, roleRef=reference, subjects=subjects)
    binding["metadata"] |= _bootstrap_metadata("")
    return binding


def _bootstrap_metadata(feeds: str) -> RawObject:
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    if feeds:
        labels[_aggregate_label(feeds)] = "true"
    return {
        "labels": labels,
        "annotations": {AUTOUPDATE: "true"},
    }


def _aggregate_label(name: str) -> str:
    return f"{RBAC_GROUP}/aggregate-to-{name}"


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> RawObject:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def _paths(paths: list[str], verbs: list[str]) -> RawObject:
    return {"nonResourceURLs": paths, "verbs": verbs}
