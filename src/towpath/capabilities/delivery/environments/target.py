"""The target namespace of an environment: who deploys there, who may look, how much fits in."""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import (
    DEPLOYABLE,
    ENVIRONMENT_LABEL,
    target_namespace,
)
from towpath.capabilities.governance.projects.kinds import DEPLOYER_ACCOUNT, PROJECT_LABEL
from towpath.client.protocols import Client
from towpath.machinery.core_kinds import (
    RBAC_GROUP,
    RESOURCE_QUOTA,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
)
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

FIELD_MANAGER = "towpath-environments"


DEPLOYER_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")

RIGHTS = {"owner": "edit", "developer": "view", "viewer": "view"}
"""Kubernetes' own roles, by the member's role in the project. Developers change things in Git."""


@dataclass(frozen=True, slots=True)
class Target:
    client: Client
    """Of the environment's cluster, with the platform's rights there."""
    project: RawObject
    environment: str

    @property
    def project_name(self) -> str:
        name: str = self.project["metadata"]["name"]
        return name

    @property
    def namespace(self) -> str:
        return target_namespace(self.project_name, self.environment)

    @property
    def labels(self) -> dict[str, str]:
        return {PROJECT_LABEL: self.project_name, ENVIRONMENT_LABEL: self.environment}

    async def apply(self, resource: Resource, obj: RawObject) -> RawObject:
        obj["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "towpath", **self.labels}
        return await self.client.apply(resource, obj, manager=FIELD_MANAGER, force=True)

    async def make_deployer(self) -> None:
        """The account that GitOps impersonates here: it can do what Git may say, and no more."""
        name = f"towpath:{DEPLOYER_ACCOUNT}"
        account = SERVICE_ACCOUNT.object(DEPLOYER_ACCOUNT, self.namespace)
        await self.apply(SERVICE_ACCOUNT, account)
        await self.apply(ROLE, ROLE.object(name, self.namespace, rules=deployer_rules(DEPLOYABLE)))
        subject = {
            "kind": "ServiceAccount",
            "name": DEPLOYER_ACCOUNT,
            "namespace": self.namespace,
        }
        await self._bind(name, "Role", name, [subject])

    async def bind_members(self) -> None:
        members: list[RawObject] = self.project["spec"].get("members") or []
        for right in ("edit", "view"):
            subjects = [
                {"apiGroup": RBAC_GROUP, "kind": member["kind"], "name": member["name"]}
                for member in members
                if RIGHTS[member["role"]] == right
            ]
            await self._bind(f"towpath:members:{right}", "ClusterRole", right, subjects)

    async def _bind(self, name: str, kind: str, role: str, subjects: Sequence[RawObject]) -> None:
        binding = ROLE_BINDING.object(
            name,
            self.namespace,
            roleRef={"apiGroup": RBAC_GROUP, "kind": kind, "name": role},
            subjects=list(subjects),
        )
        await self.apply(ROLE_BINDING, binding)

    async def set_quota(self, hard: RawObject | None) -> None:
        name = "environment"
        if hard:
            quota = RESOURCE_QUOTA.object(name, self.namespace, spec={"hard": hard})
            await self.apply(RESOURCE_QUOTA, quota)
            return
        try:
            await self.client.delete(RESOURCE_QUOTA, name, self.namespace)
        except NotFound:
            return


def deployer_rules(kinds: Sequence[Resource]) -> list[RawObject]:
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        groups.setdefault(kind.group, []).append(kind.plural)
    return [
        {"apiGroups": [group], "resources": plurals, "verbs": list(DEPLOYER_VERBS)}
        for group, plurals in groups.items()
    ]
