"""Rules, the index and the escalation check, without a server."""

import pytest

from towpath.apiserver.authz.defaults import default_cluster_role_bindings, default_cluster_roles
from towpath.apiserver.authz.escalation import check_escalation
from towpath.apiserver.authz.index import RbacIndex
from towpath.apiserver.authz.rules import Rule, compile_rules, uncovered
from towpath.machinery.core_kinds import CLUSTER_ROLE, ROLE, ROLE_BINDING
from towpath.machinery.errors import Forbidden, Invalid, NotFound
from towpath.machinery.objects import Key, RawObject
from towpath.machinery.users import AUTHENTICATED, MASTERS, AccessRequest, UserInfo

ALICE = UserInfo("alice", ("team-a", AUTHENTICATED))
PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}


def rule(**fields: list[str]) -> Rule:
    return compile_rules([{"verbs": ["get"], "apiGroups": [""], **fields}])[0]


def asks(resource: str, verb: str = "get", **fields: str) -> AccessRequest:
    return AccessRequest(verb=verb, group="", resource=resource, **fields)


@pytest.mark.parametrize(
    ("given", "request_", "allowed"),
    [
        pytest.param(rule(resources=["pods"]), asks("pods"), True, id="the resource"),
        pytest.param(
            rule(resources=["pods"]),
            asks("pods", subresource="log"),
            False,
            id="a resource does not include its subresources",
        ),
        pytest.param(
            rule(resources=["pods/log"]), asks("pods", subresource="log"), True, id="a subresource"
        ),
        pytest.param(
            rule(resources=["*/scale"]),
            asks("anything", subresource="scale"),
            True,
            id="a subresource of everything",
        ),
        pytest.param(rule(resources=["*"]), asks("pods", subresource="log"), True, id="a star"),
        pytest.param(rule(resources=["pods"]), asks("pods", "delete"), False, id="another verb"),
        pytest.param(
            rule(resources=["pods"], resourceNames=["a"]), asks("pods", name="a"), True, id="a name"
        ),
        pytest.param(
            rule(resources=["pods"], resourceNames=["a"]),
            asks("pods", "get"),
            False,
            id="a rule with names allows no request without one",
        ),
        pytest.param(
            rule(nonResourceURLs=["/metrics/*"]),
            AccessRequest("get", "", "", path="/metrics/a"),
            True,
            id="a path by its prefix",
        ),
        pytest.param(
            rule(resources=["*"]),
            AccessRequest("get", "", "", path="/metrics"),
            False,
            id="resources are no paths",
        ),
    ],
)
def test_rules(given: Rule, request_: AccessRequest, allowed: bool) -> None:
    assert given.allows(request_) is allowed


def binding(
    name: str, role: str, subject: RawObject, namespace: str = "", kind: str = "ClusterRole"
) -> RawObject:
    return {
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "roleRef": {"kind": kind, "name": role},
        "subjects": [subject],
    }


def group(name: str) -> RawObject:
    return {"kind": "Group", "name": name}


@pytest.fixture
def index() -> RbacIndex:
    made = RbacIndex()
    for role in default_cluster_roles():
        made.put("ClusterRole", role)
    for default_binding in default_cluster_role_bindings():
        made.put("ClusterRoleBinding", default_binding)
    return made


def test_a_binding_counts_only_in_its_namespace(index: RbacIndex) -> None:
    index.put("RoleBinding", binding("b", "view", group("team-a"), "demo"))
    assert index.allowed(ALICE, asks("pods", namespace="demo"))
    assert not index.allowed(ALICE, asks("pods", namespace="other"))
    assert not index.allowed(ALICE, asks("pods"))
    assert not index.allowed(ALICE, asks("secrets", namespace="demo"))


def test_edit_and_admin_include_what_they_aggregate(index: RbacIndex) -> None:
    index.put("RoleBinding", binding("b", "admin", group("team-a"), "demo"))
    for resource, verb in (("pods", "get"), ("secrets", "delete")):
        assert index.allowed(ALICE, asks(resource, verb, namespace="demo"))
    write_roles = AccessRequest("create", "rbac.authorization.k8s.io", "roles", "demo")
    assert index.allowed(ALICE, write_roles)


def test_a_labelled_role_extends_view_at_once(index: RbacIndex) -> None:
    index.put("ClusterRoleBinding", binding("b", "view", group("team-a")))
    widgets = AccessRequest("get", "example.dev", "widgets")
    assert not index.allowed(ALICE, widgets)
    role = CLUSTER_ROLE.object(
        "widgets", rules=[{"apiGroups": ["example.dev"], "resources": ["*"], "verbs": ["get"]}]
    )
    role["metadata"]["labels"] = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    index.put("ClusterRole", role)
    assert index.allowed(ALICE, widgets)
    index.remove("ClusterRole", Key("", "widgets"))
    assert not index.allowed(ALICE, widgets)


def test_roles_that_select_each_other_come_to_an_end() -> None:
    index = RbacIndex()
    for name in ("a", "b"):
        role = CLUSTER_ROLE.object(
            name, aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"x": "y"}}]}
        )
        role["metadata"]["labels"] = {"x": "y"}
        index.put("ClusterRole", role)
    index.put("ClusterRoleBinding", binding("b", "a", group("team-a")))
    assert not index.allowed(ALICE, asks("pods"))


def test_a_removed_or_changed_binding_takes_its_rights_with_it(index: RbacIndex) -> None:
    index.put("RoleBinding", binding("b", "view", group("team-a"), "demo"))
    index.put("RoleBinding", binding("b", "view", group("team-b"), "demo"))
    assert not index.allowed(ALICE, asks("pods", namespace="demo"))
    index.put("RoleBinding", binding("b", "view", group("team-a"), "demo"))
    assert index.allowed(ALICE, asks("pods", namespace="demo"))
    index.remove("RoleBinding", Key("demo", "b"))
    assert not index.allowed(ALICE, asks("pods", namespace="demo"))


def test_a_service_account_is_named_with_its_namespace(index: RbacIndex) -> None:
    subject = {"kind": "ServiceAccount", "name": "deployer"}
    index.put("RoleBinding", binding("b", "view", subject, "demo"))
    deployer = UserInfo("system:serviceaccount:demo:deployer")
    assert index.allowed(deployer, asks("pods", namespace="demo"))


def test_masters_may_everything_and_nobody_nothing(index: RbacIndex) -> None:
    assert index.allowed(UserInfo("root", (MASTERS,)), asks("pods", "delete"))
    assert not index.allowed(UserInfo("nobody"), asks("pods"))
    assert index.allowed(ALICE, AccessRequest("get", "", "", path="/apis/apps"))


def test_what_is_not_covered_is_named_one_by_one() -> None:
    held = compile_rules([PODS])
    wanted = compile_rules([{**PODS, "verbs": ["get", "delete"]}])
    assert [str(missing) for missing in uncovered(held, wanted)] == [
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'
    ]


def test_nobody_writes_a_role_with_more_than_they_have(index: RbacIndex) -> None:
    index.put("RoleBinding", binding("b", "admin", group("team-a"), "demo"))
    fitting = ROLE.object("r", "demo", rules=[PODS])
    check_escalation(index, ALICE, ROLE, fitting, None)
    too_much = ROLE.object("r", "demo", rules=[{**PODS, "resources": ["nodes"]}])
    with pytest.raises(Forbidden):
        check_escalation(index, ALICE, ROLE, too_much, None)
    check_escalation(index, ALICE, ROLE, too_much, too_much)


def test_nobody_binds_a_role_with_more_than_they_have(index: RbacIndex) -> None:
    index.put("RoleBinding", binding("b", "admin", group("team-a"), "demo"))
    mine = {**binding("mine", "edit", group("team-b"), "demo"), "kind": "RoleBinding"}
    check_escalation(index, ALICE, ROLE_BINDING, mine, None)
    more = {**binding("more", "cluster-admin", group("team-b"), "demo"), "kind": "RoleBinding"}
    with pytest.raises(Forbidden):
        check_escalation(index, ALICE, ROLE_BINDING, more, None)
    absent = binding("absent", "no-such-role", group("team-b"), "demo")
    with pytest.raises(NotFound):
        check_escalation(index, ALICE, ROLE_BINDING, absent, None)


def test_a_binding_keeps_its_role(index: RbacIndex) -> None:
    old = binding("b", "view", group("team-a"), "demo")
    new = binding("b", "edit", group("team-a"), "demo")
    with pytest.raises(Invalid):
        check_escalation(index, UserInfo("root", (MASTERS,)), ROLE_BINDING, new, old)
