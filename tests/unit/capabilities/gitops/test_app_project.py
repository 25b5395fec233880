"""AppProjects: from where, to where and with which kinds."""

from typing import Any

import pytest

from towpath.capabilities.delivery.gitops.app_project import (
    NotPermitted,
    check_destination,
    check_kind,
    check_source,
)
from towpath.capabilities.delivery.gitops.kinds import repository_url
from towpath.capabilities.governance.projects.reconcile import app_project
from towpath.machinery.objects import RawObject


def project(**spec: Any) -> RawObject:
    return {"metadata": {"name": "demo"}, "spec": spec}


GENERATED = app_project("demo", [{"metadata": {"name": "staging"}, "spec": {"cluster": "local"}}])


@pytest.mark.parametrize(
    ("repos", "url", "allowed"),
    [
        pytest.param([], "https://a/b.git", False, id="an empty list allows nothing"),
        pytest.param(["*"], "https://a/b.git", True, id="a star allows all"),
        pytest.param(["https://a/*"], "https://a/b.git", True, id="a prefix"),
        pytest.param(["https://a/*"], "https://c/b.git", False, id="another host"),
        pytest.param(["*", "!https://a/*"], "https://a/b.git", False, id="an exception"),
    ],
)
def test_sources(repos: list[str], url: str, allowed: bool) -> None:
    if allowed:
        check_source(project(sourceRepos=repos), url)
        return
    with pytest.raises(NotPermitted):
        check_source(project(sourceRepos=repos), url)


@pytest.mark.parametrize(
    ("cluster", "namespace", "allowed"),
    [
        pytest.param("local", "demo-staging", True, id="its own environment"),
        pytest.param("in-cluster", "demo", True, id="its own infrastructure"),
        pytest.param("local", "demo-production", False, id="an environment it does not have"),
        pytest.param("local", "demo", False, id="the right namespace on the wrong cluster"),
        pytest.param("local", "other-staging", False, id="another project's"),
        pytest.param("in-cluster", "towpath-system", False, id="the platform's own"),
    ],
)
def test_destinations_of_a_generated_project(cluster: str, namespace: str, allowed: bool) -> None:
    if allowed:
        check_destination(GENERATED, cluster, namespace)
        return
    with pytest.raises(NotPermitted):
        check_destination(GENERATED, cluster, namespace)


@pytest.mark.parametrize(
    ("group", "kind", "namespaced", "allowed"),
    [
        pytest.param("apps", "Deployment", True, True, id="a deployment"),
        pytest.param("offerings.towpath.dev", "PostgreSQLInstance", True, True, id="an offering"),
        pytest.param("", "Secret", True, False, id="a secret, which is never in Git"),
        pytest.param("rbac.authorization.k8s.io", "RoleBinding", True, False, id="a binding"),
        pytest.param("rbac.authorization.k8s.io", "ClusterRole", False, False, id="a cluster role"),
        pytest.param("", "Namespace", False, False, id="a namespace"),
    ],
)
def test_kinds_of_a_generated_project(
    group: str, kind: str, namespaced: bool, allowed: bool
) -> None:
    if allowed:
        check_kind(GENERATED, group, kind, namespaced=namespaced)
        return
    with pytest.raises(NotPermitted):
        check_kind(GENERATED, group, kind, namespaced=namespaced)


def test_an_empty_list_allows_every_namespaced_kind_and_no_cluster_scoped_one() -> None:
    check_kind(project(), "a", "Thing", namespaced=True)
    with pytest.raises(NotPermitted):
        check_kind(project(), "a", "Thing", namespaced=False)


def test_a_forbidden_kind_is_forbidden_even_if_listed() -> None:
    both = [{"group": "", "kind": "ConfigMap"}]
    with pytest.raises(NotPermitted):
        check_kind(
            project(namespaceResourceWhitelist=both, namespaceResourceBlacklist=both),
            "",
            "ConfigMap",
            namespaced=True,
        )


def test_a_generated_project_reads_only_its_own_deployments() -> None:
    check_source(GENERATED, repository_url("demo", "deployments"))
    for project_name, repository in (("demo", "order-service"), ("other", "deployments")):
        with pytest.raises(NotPermitted):
            check_source(GENERATED, repository_url(project_name, repository))
