"""What may be deployed to a target namespace, and by whom."""

from towpath.capabilities.delivery.environments.kinds import DEPLOYABLE
from towpath.capabilities.delivery.environments.target import RIGHTS, deployer_rules
from towpath.capabilities.governance.projects.kinds import ROLES
from towpath.capabilities.governance.projects.roles import DEVELOPER, PIPELINE, VIEWER
from towpath.machinery.objects import RawObject


def allowed(rules: tuple[RawObject, ...] | list[RawObject], verb: str) -> set[str]:
    return {
        f"{group}/{resource}"
        for rule in rules
        if verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_the_deployer_can_do_what_git_may_say_and_no_more() -> None:
    writable = allowed(deployer_rules(DEPLOYABLE), "create")
    assert writable == {f"{kind.group}/{kind.plural}" for kind in DEPLOYABLE}
    assert "/secrets" not in writable
    assert not any(entry.startswith("rbac.authorization.k8s.io/") for entry in writable)
    assert not any("serviceaccounts" in entry for entry in writable)


def test_nobody_but_ci_makes_releases() -> None:
    assert "towpath.dev/workloadreleases" not in allowed(DEVELOPER, "create")
    assert "towpath.dev/workloadreleases" in allowed(PIPELINE, "create")


def test_a_viewer_writes_nothing_and_reads_no_secret() -> None:
    for verb in ("create", "update", "patch", "delete"):
        assert allowed(VIEWER, verb) == set()
    assert "/secrets" not in allowed(VIEWER, "get")
    assert "/secrets" not in allowed(DEVELOPER, "get")


def test_developers_cannot_push_to_protected_repositories() -> None:
    pushable = allowed(DEVELOPER, "update")
    assert "git.towpath.dev/repositories" in pushable
    assert "git.towpath.dev/protectedrepositories" not in pushable


def test_every_role_has_rights_in_the_target_namespace() -> None:
    assert set(RIGHTS) == set(ROLES)
