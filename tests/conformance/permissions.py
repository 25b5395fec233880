"""Sequences about who somebody is and what they may."""

from typing import Any

import pytest
from tests.conformance.asked import MAPS, config_map
from tests.conformance.sides import Step, delete, get, patch, post, put

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = f"{RBAC}/namespaces/{{ns}}/roles"
BINDINGS = f"{RBAC}/namespaces/{{ns}}/rolebindings"
CLUSTER_ROLES = f"{RBAC}/clusterroles"
CLUSTER_BINDINGS = f"{RBAC}/clusterrolebindings"
AUTHORIZATION = "/apis/authorization.k8s.io/v1"
AUTHENTICATION = "/apis/authentication.k8s.io/v1"
ACCESS = f"{AUTHORIZATION}/subjectaccessreviews"
SELF_ACCESS = f"{AUTHORIZATION}/selfsubjectaccessreviews"
SELF_RULES = f"{AUTHORIZATION}/selfsubjectrulesreviews"
LOCAL_ACCESS = f"{AUTHORIZATION}/namespaces/{{ns}}/localsubjectaccessreviews"
SELF = f"{AUTHENTICATION}/selfsubjectreviews"
TOKENS = f"{AUTHENTICATION}/tokenreviews"
ACCOUNTS = "/api/v1/namespaces/{ns}/serviceaccounts"
Object = dict[str, Any]


def rbac(kind: str, name: str, **fields: Any) -> Object:
    api_version = "rbac.authorization.k8s.io/v1"
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


def rule(verbs: str, resources: str = "", groups: str = "", **fields: Any) -> Object:
    made: Object = {"verbs": verbs.split()}
    if resources:
        made |= {"apiGroups": [group.strip("'") for group in (groups or "''").split()]}
        made |= {"resources": resources.split()}
    return made | fields


def paths(verbs: str, urls: str) -> Object:
    return {"verbs": verbs.split(), "nonResourceURLs": urls.split()}


def binding(
    name: str, role: str, *subjects: Object, kind: str = "Role", cluster: bool = False
) -> Object:
    return rbac(
        "ClusterRoleBinding" if cluster else "RoleBinding",
        name,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        subjects=list(subjects),
    )


def user(name: str) -> Object:
    return {"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}


def group(name: str) -> Object:
    return {"kind": "Group", "name": name, "apiGroup": "rbac.authorization.k8s.io"}


def account(name: str, namespace: str = "{ns}") -> Object:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def review(kind: str, **spec: Any) -> Object:
    group = "authentication" if kind in ("TokenReview", "SelfSubjectReview") else "authorization"
    return {"apiVersion": f"{group}.k8s.io/v1", "kind": kind, "spec": spec}


WHO: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


def asks(verb: str, resource: str = "configmaps", **fields: str) -> Object:
    return {"verb": verb, "resource": resource, "namespace": "{ns}", **fields}


def access(who: str, verb: str, resource: str = "configmaps", **fields: Any) -> Step:
    groups = fields.pop("groups", None)
    spec: Object = {"user": who, "resourceAttributes": asks(verb, resource, **fields)}
    if groups:
        spec["groups"] = groups
    return post(ACCESS, review("SubjectAccessReview", **spec))


def token_request(**spec: Any) -> Object:
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}


def bearer(token: str = "{kept}") -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def of_status(body: Any) -> str:
    return str(body["status"]["token"])


def allowed(status: int, body: Any) -> bool:
    return bool(body["status"]["allowed"])


READER = [
    post(ROLES, rbac("Role", "reader", rules=[rule("get list", "configmaps")]), quiet=True),
    post(BINDINGS, binding("reading", "reader", user("{ns}-ann"), group("{ns}-team")), quiet=True),
    post(
        ACCESS,
        review("SubjectAccessReview", user="{ns}-ann", resourceAttributes=asks("get")),
        until=allowed,
        quiet=True,
    ),
]

REVIEWS = [
    *READER,
    post(BINDINGS, binding("dangling", "absent", user("{ns}-zoe")), quiet=True),
    access("{ns}-zoe", "get"),
    get(MAPS, user="{ns}-zoe"),
    access("{ns}-ann", "get"),
    access("{ns}-ann", "delete"),
    access("{ns}-ann", "get", name="a", subresource="status"),
    access("nobody", "get", groups=["{ns}-team"]),
    access("admin", "get", groups=["system:masters"]),
    access("{ns}-ann", "get", version="v1", group="*"),
    post(ACCESS, review("SubjectAccessReview", groups=["x"], resourceAttributes=asks("get"))),
    post(ACCESS, review("SubjectAccessReview", resourceAttributes=asks("get"))),
    post(ACCESS, review("SubjectAccessReview", user="x")),
    post(ACCESS, {**review("SubjectAccessReview"), "metadata": {"name": "x"}}),
    post(
        ACCESS,
        review(
            "SubjectAccessReview",
            user="x",
            resourceAttributes=asks("get"),
            nonResourceAttributes={"verb": "get", "path": "/"},
        ),
    ),
    post(
        ACCESS,
        review(
            "SubjectAccessReview", user="x", nonResourceAttributes={"verb": "get", "path": "/api"}
        ),
    ),
    post(
        ACCESS,
        review(
            "SubjectAccessReview",
            user="x",
            groups=["system:authenticated"],
            uid="7",
            extra={"example.dev/a": ["1"]},
            nonResourceAttributes={"verb": "get", "path": "/api/v1"},
        ),
    ),
    post(SELF_ACCESS, review("SelfSubjectAccessReview", resourceAttributes=asks("create"))),
    post(
        SELF_ACCESS,
        review("SelfSubjectAccessReview", resourceAttributes=asks("get")),
        user="{ns}-ann",
    ),
    post(
        SELF_ACCESS,
        review("SelfSubjectAccessReview", resourceAttributes=asks("watch")),
        user="{ns}-ann",
    ),
    post(SELF_ACCESS, review("SelfSubjectAccessReview")),
    post(ACCESS, review("SubjectAccessReview", user="x", nonResourceAttributes={})),
    post(ACCESS, review("SubjectAccessReview", user="x", resourceAttributes={})),
    post(LOCAL_ACCESS, review("LocalSubjectAccessReview", user="x", resourceAttributes={})),
    post(SELF_ACCESS, review("SelfSubjectAccessReview", nonResourceAttributes={})),
    post(
        LOCAL_ACCESS,
        review("LocalSubjectAccessReview", user="{ns}-ann", resourceAttributes=asks("get")),
    ),
    post(
        LOCAL_ACCESS,
        review(
            "LocalSubjectAccessReview",
            user="{ns}-ann",
            resourceAttributes={**asks("get"), "namespace": "other"},
        ),
    ),
    post(
        LOCAL_ACCESS,
        review(
            "LocalSubjectAccessReview",
            user="x",
            nonResourceAttributes={"verb": "get", "path": "/api"},
        ),
    ),
    post(
        LOCAL_ACCESS,
        review("LocalSubjectAccessReview", user="{ns}-ann", resourceAttributes=asks("get")),
        user="{ns}-ann",
    ),
    post(
        ACCESS,
        review(
            "SubjectAccessReview",
            user="{ns}-ann",
            resourceAttributes={
                **asks("list"),
                "labelSelector": {"requirements": [{"key": "a", "operator": "Exists"}]},
            },
        ),
    ),
    get(ACCESS),
    delete(f"{ACCESS}/x"),
]

SELF_REVIEWS = [
    *READER,
    post(BINDINGS, binding("dangling", "absent", user("{ns}-zoe")), quiet=True),
    access("{ns}-zoe", "get"),
    get(MAPS, user="{ns}-zoe"),
    post(
        SELF,
        WHO,
        headers={
            "impersonate-user": "{ns}-ann",
            "impersonate-group": "{ns}-team",
            "impersonate-uid": "u-1",
            "impersonate-extra-scopes": "view",
            "impersonate-extra-example.dev%2fwhy": "test",
        },
    ),
    post(
        SELF,
        WHO,
        headers={"impersonate-user": "system:serviceaccount:{ns}:default"},
    ),
    post(SELF, WHO, headers={"impersonate-user": "system:anonymous"}),
    post(SELF, WHO, headers={"impersonate-group": "x"}),
    post(SELF, WHO, headers={"impersonate-uid": "x"}),
    post(SELF, WHO, headers={"impersonate-user": "system:serviceaccount:x"}),
    post(SELF, {**WHO, "spec": {}}, user="{ns}-ann"),
    post(SELF, {**WHO, "spec": {}}, query={"fieldValidation": "Strict"}, user="{ns}-ann"),
    post(SELF_RULES, review("SelfSubjectRulesReview", namespace="{ns}")),
    post(SELF_RULES, review("SelfSubjectRulesReview", namespace="{ns}"), user="{ns}-ann"),
    post(SELF_RULES, review("SelfSubjectRulesReview"), user="{ns}-ann"),
]

IMPERSONATION = [
    post(
        CLUSTER_ROLES,
        rbac(
            "ClusterRole",
            "{ns}-imp",
            rules=[
                rule("impersonate", "users", resourceNames=["{ns}-bob"]),
                rule("impersonate", "groups", resourceNames=["{ns}-team"]),
                rule("impersonate", "serviceaccounts"),
                rule("impersonate", "uids", "authentication.k8s.io", resourceNames=["7"]),
                rule("impersonate", "userextras/scopes", "authentication.k8s.io"),
            ],
        ),
        quiet=True,
    ),
    post(
        CLUSTER_BINDINGS,
        binding("{ns}-imp", "{ns}-imp", account("default"), kind="ClusterRole", cluster=True),
        quiet=True,
    ),
    get(f"{ACCOUNTS}/default", until=lambda status, _: status == 200, quiet=True),
    post(
        ACCESS,
        review(
            "SubjectAccessReview",
            user="system:serviceaccount:{ns}:default",
            resourceAttributes={"verb": "impersonate", "resource": "users", "name": "{ns}-bob"},
        ),
        until=allowed,
        quiet=True,
    ),
    post(f"{ACCOUNTS}/default/token", token_request(), keep=of_status, quiet=True),
    *(
        post(SELF, WHO, headers={**bearer(), **headers})
        for headers in (
            {"impersonate-user": "{ns}-bob"},
            {"impersonate-user": "{ns}-eve"},
            {"impersonate-user": "{ns}-bob", "impersonate-group": "{ns}-team"},
            {"impersonate-user": "{ns}-bob", "impersonate-group": "system:masters"},
            {"impersonate-user": "{ns}-bob", "impersonate-uid": "7"},
            {"impersonate-user": "{ns}-bob", "impersonate-uid": "8"},
            {"impersonate-user": "{ns}-bob", "impersonate-extra-scopes": "any"},
            {"impersonate-user": "{ns}-bob", "impersonate-extra-reason": "any"},
            {"impersonate-user": "system:serviceaccount:{ns}:other"},
            {"impersonate-user": "{ns}-bob", "impersonate-extra-Scopes": "any"},
        )
    ),
]

ESCALATION = [
    post(
        ROLES,
        rbac(
            "Role",
            "keeper",
            rules=[
                rule("*", "roles rolebindings", "rbac.authorization.k8s.io"),
                rule("get list", "configmaps"),
                rule("get", "secrets", resourceNames=["a"]),
            ],
        ),
        quiet=True,
    ),
    post(
        ROLES,
        rbac(
            "Role",
            "plain",
            rules=[
                rule("create get update patch", "roles rolebindings", "rbac.authorization.k8s.io"),
                rule("get list", "configmaps"),
                rule("get", "secrets", resourceNames=["a"]),
            ],
        ),
        quiet=True,
    ),
    post(BINDINGS, binding("keeper", "keeper", user("{ns}-kim")), quiet=True),
    post(BINDINGS, binding("plain", "plain", user("{ns}-pat")), quiet=True),
    post(
        ACCESS,
        review(
            "SubjectAccessReview",
            user="{ns}-pat",
            resourceAttributes=asks("create", "roles", group="rbac.authorization.k8s.io"),
        ),
        until=allowed,
        quiet=True,
    ),
    post(ROLES, rbac("Role", "a", rules=[rule("get", "configmaps")]), user="{ns}-pat"),
    post(ROLES, rbac("Role", "b", rules=[rule("get delete", "configmaps")]), user="{ns}-pat"),
    post(ROLES, rbac("Role", "b", rules=[rule("delete", "configmaps")]), user="{ns}-kim"),
    post(
        ROLES,
        rbac("Role", "c", rules=[rule("get", "secrets", resourceNames=["a", "b"])]),
        user="{ns}-pat",
    ),
    post(ROLES, rbac("Role", "d", rules=[rule("get", "secrets")]), user="{ns}-pat"),
    post(ROLES, rbac("Role", "e", rules=[rule("*", "*", "*")]), user="{ns}-pat"),
    patch(f"{ROLES}/a", {"rules": [rule("get watch", "configmaps")]}, user="{ns}-pat"),
    patch(f"{ROLES}/b", {"metadata": {"labels": {"x": "1"}}}, user="{ns}-pat"),
    post(BINDINGS, binding("a", "a", user("eve")), user="{ns}-pat"),
    post(BINDINGS, binding("b", "b", user("eve")), user="{ns}-pat"),
    post(BINDINGS, binding("b", "b", user("eve")), user="{ns}-kim"),
    post(BINDINGS, binding("x", "absent", user("eve")), user="{ns}-pat"),
    post(BINDINGS, binding("x", "absent", user("eve")), user="{ns}-kim"),
    post(BINDINGS, binding("y", "cluster-admin", user("e"), kind="ClusterRole"), user="{ns}-pat"),
    post(
        BINDINGS,
        binding("z", "system:auth-delegator", user("e"), kind="ClusterRole"),
        user="{ns}-kim",
    ),
    patch(f"{BINDINGS}/b", {"subjects": [user("eve"), user("{ns}-pat")]}, user="{ns}-pat"),
    patch(f"{BINDINGS}/b", {"roleRef": {"name": "plain"}}, user="{ns}-kim"),
    post(
        CLUSTER_ROLES, rbac("ClusterRole", "{ns}-c", rules=[rule("get", "nodes")]), user="{ns}-pat"
    ),
]

ROLE_CHECKS = [
    post(ROLES, rbac("Role", "a", rules=[{"resources": ["x"], "apiGroups": [""]}])),
    post(ROLES, rbac("Role", "a", rules=[{"verbs": ["get"], "resources": ["x"]}])),
    post(ROLES, rbac("Role", "a", rules=[{"verbs": ["get"], "apiGroups": [""]}])),
    post(ROLES, rbac("Role", "a", rules=[paths("get", "/x")])),
    post(ROLES, rbac("Role", "a", rules=[{**paths("get", "/x"), **rule("get", "pods")}])),
    post(ROLES, rbac("Role", "bad/name")),
    post(ROLES, rbac("Role", "with:colon", rules=None)),
    post(CLUSTER_ROLES, rbac("ClusterRole", "{ns}-p", rules=[paths("get", "/x*y x")])),
    post(
        CLUSTER_ROLES,
        rbac("ClusterRole", "{ns}-p", rules=[{**paths("get", "/x"), **rule("get", "pods")}]),
    ),
    post(CLUSTER_ROLES, rbac("ClusterRole", "{ns}-p", rules=[paths("get", "/x /y/* *")])),
    post(BINDINGS, rbac("RoleBinding", "a")),
    post(BINDINGS, binding("a", "")),
    post(BINDINGS, binding("a", "x", kind="Nonsense")),
    post(BINDINGS, binding("a", "x", {"kind": "Nonsense", "name": "a"})),
    post(BINDINGS, binding("a", "x", {"kind": "User"}, {"kind": "Group", "name": ""})),
    post(BINDINGS, binding("a", "x", {"kind": "ServiceAccount", "name": "Bad_Name"})),
    post(BINDINGS, binding("a", "x", {"kind": "ServiceAccount", "name": "sa"})),
    post(BINDINGS, binding("a", "x", {"kind": "User", "name": "a", "apiGroup": "wrong"})),
    post(BINDINGS, binding("a", "x", {**account("sa"), "apiGroup": "wrong"})),
    post(
        BINDINGS,
        {**binding("a", "x"), "roleRef": {"apiGroup": "wrong", "kind": "Role", "name": "x"}},
    ),
    post(CLUSTER_BINDINGS, binding("{ns}-a", "x", cluster=True)),
    post(
        CLUSTER_ROLES,
        rbac(
            "ClusterRole",
            "{ns}-g",
            aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"-bad": "1"}}]},
        ),
    ),
    post(
        CLUSTER_ROLES,
        rbac("ClusterRole", "{ns}-g", aggregationRule={"clusterRoleSelectors": []}),
    ),
]

AGGREGATION = [
    post(
        CLUSTER_ROLES,
        rbac(
            "ClusterRole",
            "{ns}-sum",
            aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"{ns}": "part"}}]},
        ),
        quiet=True,
    ),
    post(
        CLUSTER_ROLES,
        {
            **rbac("ClusterRole", "{ns}-part", rules=[rule("get", "configmaps")]),
            "metadata": {"name": "{ns}-part", "labels": {"{ns}": "part"}},
        },
        quiet=True,
    ),
    get(f"{CLUSTER_ROLES}/{{ns}}-sum", until=lambda _, body: bool(body.get("rules"))),
    patch(
        f"{CLUSTER_ROLES}/{{ns}}-part",
        {"rules": [rule("list", "configmaps"), rule("get", "secrets")]},
        quiet=True,
    ),
    get(f"{CLUSTER_ROLES}/{{ns}}-sum", until=lambda _, body: len(body["rules"]) == 2),
    delete(f"{CLUSTER_ROLES}/{{ns}}-part"),
    get(f"{CLUSTER_ROLES}/{{ns}}-sum", until=lambda _, body: not body.get("rules")),
]

NAMES = [
    post(MAPS, config_map("a"), quiet=True),
    post(
        ROLES,
        rbac(
            "Role",
            "one",
            rules=[rule("get list watch update delete create", "configmaps", resourceNames=["a"])],
        ),
        quiet=True,
    ),
    post(BINDINGS, binding("one", "one", user("{ns}-ann")), quiet=True),
    post(
        ACCESS,
        review("SubjectAccessReview", user="{ns}-ann", resourceAttributes=asks("get", name="a")),
        until=allowed,
        quiet=True,
    ),
    get(f"{MAPS}/a", user="{ns}-ann"),
    get(f"{MAPS}/b", user="{ns}-ann"),
    get(MAPS, user="{ns}-ann"),
    get(MAPS, query={"fieldSelector": "metadata.name=a"}, user="{ns}-ann"),
    get(MAPS, query={"fieldSelector": "metadata.name=b"}, user="{ns}-ann"),
    get(MAPS, query={"fieldSelector": "metadata.name!=a"}, user="{ns}-ann"),
    get(
        MAPS,
        query={"fieldSelector": "metadata.name=a", "watch": "1", "timeoutSeconds": "1"},
        user="{ns}-ann",
    ),
    get(MAPS, query={"watch": "1", "timeoutSeconds": "1"}, user="{ns}-ann"),
    delete(MAPS, query={"fieldSelector": "metadata.name=a"}, user="{ns}-ann"),
    post(MAPS, config_map("a"), user="{ns}-ann"),
    put(f"{MAPS}/a", config_map("a"), user="{ns}-ann"),
    get("/api/v1/configmaps", user="{ns}-ann"),
    get("/api/v1/nodes", user="{ns}-ann"),
    get("/metrics", user="{ns}-ann"),
    post(f"{ACCOUNTS}/default/token", token_request(), user="{ns}-ann"),
    get(f"{MAPS}/a", headers={"authorization": "Bearer nonsense"}),
    get(f"{MAPS}/a", headers={"authorization": "Basic YTpi"}),
    get(f"{MAPS}/a", headers={"authorization": ""}),
]

PERMISSIONS = [
    pytest.param(REVIEWS, id="reviews say who may what, and why"),
    pytest.param(SELF_REVIEWS, id="reviews of oneself"),
    pytest.param(IMPERSONATION, id="nobody is somebody else without leave"),
    pytest.param(ESCALATION, id="nobody grants what they do not hold"),
    pytest.param(ROLE_CHECKS, id="roles and bindings are checked by field"),
    pytest.param(AGGREGATION, id="aggregated roles gather rules"),
    pytest.param(NAMES, id="permissions on single names, and refusals"),
]
