"""What a Project makes, step by step, and takes back in the opposite order."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import (
    DEPLOYABLE,
    ENVIRONMENT,
    EXTERNAL_SECRETS_ACCOUNT,
    target_namespace,
)
from towpath.capabilities.delivery.gitops.kinds import (
    APP_PROJECT,
    ARGOCD_NAMESPACE,
    repository_url,
)
from towpath.capabilities.delivery.promotions.kinds import DEPLOYMENTS
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects import roles
from towpath.capabilities.governance.projects.kinds import (
    DEPLOYER_ACCOUNT,
    PIPELINE_ACCOUNT,
    PROJECT,
    PROJECT_LABEL,
    PROJECT_UID_LABEL,
    ROLES,
    namespace_of,
)
from towpath.capabilities.infrastructure.clusters.kinds import IN_CLUSTER
from towpath.client.protocols import Client
from towpath.engines.git.port import PUSHED, GitHost, RepositoryName, RepositoryTaken
from towpath.hooks.platform import Platform
from towpath.machinery.core_kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    NAMESPACE,
    RBAC_GROUP,
    RESOURCE_QUOTA,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
)
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject, labels_of, owner_reference
from towpath.runtime.claims import claim_namespace, release_namespace
from towpath.runtime.controller import Controller
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.sources import SpecWatch, Watch
from towpath.runtime.steps import Subject, stepwise

FINALIZER = "towpath.dev/projects"
FIELD_MANAGER = "towpath-projects"


def controllers(platform: Platform) -> Sequence[Controller]:
    project = ProjectReconciler(platform.api, platform.git)
    return (
        Controller(
            name="projects",
            reconcile=stepwise(
                platform.api,
                PROJECT,
                [
                    project.claim,
                    project.give_roles,
                    project.set_quota,
                    project.make_accounts,
                    project.make_repository,
                    project.allow_deployments,
                ],
                finalizer=FINALIZER,
                release=[project.wait_for_workloads, project.drop_environments, project.release],
                ready_message="Members can work in it.",
            ),
            sources=(
                SpecWatch(platform.api, PROJECT),
                SpecWatch(platform.api, ENVIRONMENT, project_of_namespaced),
                SpecWatch(platform.api, WORKLOAD, project_of_namespaced),
                Watch(platform.api, NAMESPACE, project_of_namespace, labels=PROJECT_UID_LABEL),
            ),
        ),
    )


def project_of_namespaced(obj: RawObject) -> Iterable[Key]:
    return (Key("", obj["metadata"]["namespace"]),)


def project_of_namespace(obj: RawObject) -> Iterable[Key]:
    project = labels_of(obj).get(PROJECT_LABEL)
    return (Key("", project),) if project else ()


@dataclass(frozen=True, slots=True)
class ProjectReconciler:
    api: Client
    git: GitHost

    async def claim(self, subject: Subject) -> None:
        name = namespace_of(subject.key.name)
        await claim_namespace(
            self.api,
            name,
            uid_label=PROJECT_UID_LABEL,
            uid=subject.uid,
            labels={PROJECT_LABEL: subject.key.name},
        )
        subject.status["namespace"] = name

    async def give_roles(self, subject: Subject) -> None:
        name = subject.key.name
        members: list[RawObject] = subject.spec.get("members") or []
        for role in ROLES:
            bound = [member for member in members if member["role"] == role]
            binding = ROLE_BINDING.object(
                roles.member_role(role),
                namespace_of(name),
                roleRef={
                    "apiGroup": RBAC_GROUP,
                    "kind": "ClusterRole",
                    "name": roles.member_role(role),
                },
                subjects=[_rbac_subject(member) for member in bound],
            )
            await self._apply(ROLE_BINDING, binding, subject)
        await self._open_project(subject, members)
        subject.mark("MembersBound", True, "Bound", f"{len(members)} members have their roles.")

    async def _open_project(self, subject: Subject, members: list[RawObject]) -> None:
        """A Project is cluster-scoped: its members, and they alone, may read this one, and its
        owners may change it."""
        owners = [member for member in members if member["role"] == "owner"]
        name = f"towpath:project:{subject.key.name}"
        await self._bind_project(subject, name, roles.SEE, members)
        await self._bind_project(subject, f"{name}:owner", roles.GOVERN, owners)

    async def _bind_project(
        self, subject: Subject, name: str, verbs: Sequence[str], members: list[RawObject]
    ) -> None:
        allowed = roles.rule(("towpath.dev",), ("projects",), verbs)
        allowed["resourceNames"] = [subject.key.name]
        await self._apply(CLUSTER_ROLE, CLUSTER_ROLE.object(name, rules=[allowed]), subject)
        binding = CLUSTER_ROLE_BINDING.object(
            name,
            roleRef={"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": name},
            subjects=[_rbac_subject(member) for member in members],
        )
        await self._apply(CLUSTER_ROLE_BINDING, binding, subject)

    async def set_quota(self, subject: Subject) -> None:
        name, namespace = "project", namespace_of(subject.key.name)
        hard = subject.spec.get("quota")
        if hard:
            quota = RESOURCE_QUOTA.object(name, namespace, spec={"hard": hard})
            await self._apply(RESOURCE_QUOTA, quota, subject)
            return
        try:
            await self.api.delete(RESOURCE_QUOTA, name, namespace)
        except NotFound:
            return

    async def make_accounts(self, subject: Subject) -> None:
        """The accounts that CI, GitOps and the secret stores act as, each with little."""
        for account, rules in (
            (PIPELINE_ACCOUNT, roles.PIPELINE),
            (DEPLOYER_ACCOUNT, roles.DEPLOYER),
            (EXTERNAL_SECRETS_ACCOUNT, roles.EXTERNAL_SECRETS),
        ):
            await self._make_account(subject, account, rules)

    async def _make_account(
        self, subject: Subject, account: str, rules: Sequence[RawObject]
    ) -> None:
        namespace = namespace_of(subject.key.name)
        name = f"towpath:{account}"
        await self._apply(SERVICE_ACCOUNT, SERVICE_ACCOUNT.object(account, namespace), subject)
        await self._apply(ROLE, ROLE.object(name, namespace, rules=list(rules)), subject)
        binding = ROLE_BINDING.object(
            name,
            namespace,
            roleRef={"apiGroup": RBAC_GROUP, "kind": "Role", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        )
        await self._apply(ROLE_BINDING, binding, subject)

    async def make_repository(self, subject: Subject) -> None:
        repository = RepositoryName(subject.key.name, DEPLOYMENTS)
        try:
            await self.git.create(repository, owner_uid=subject.uid, protected=True)
        except RepositoryTaken as error:
            raise Stalled(
                "RepositoryTaken",
                f"Repository {repository} belongs to somebody else; an administrator must move it "
                "away before the project can deliver.",
            ) from error
        subject.status["deploymentsRepository"] = str(repository)

    async def allow_deployments(self, subject: Subject) -> None:
        """The AppProject: where GitOps may go for this project, and with which kinds."""
        name = subject.key.name
        environments = (await self.api.list(ENVIRONMENT, namespace_of(name))).items
        subject.status["environments"] = len(environments)
        await self._apply(APP_PROJECT, app_project(name, environments), subject)

    async def wait_for_workloads(self, subject: Subject) -> None:
        left = (await self.api.list(WORKLOAD, namespace_of(subject.key.name))).items
        if not left:
            return
        names = ", ".join(sorted(workload["metadata"]["name"] for workload in left))
        raise Waiting(
            "WorkloadsLeft",
            f"The project still has workloads, which are never deleted unasked: {names}. Delete "
            "them first, for instance with `towpath delete`.",
        )

    async def drop_environments(self, subject: Subject) -> None:
        namespace = namespace_of(subject.key.name)
        left = (await self.api.list(ENVIRONMENT, namespace)).items
        for environment in left:
            metadata = environment["metadata"]
            if "deletionTimestamp" not in metadata:
                await self.api.delete(ENVIRONMENT, metadata["name"], namespace, uid=metadata["uid"])
        if (await self.api.list(ENVIRONMENT, namespace)).items:
            raise Waiting("EnvironmentsLeft", "The project's environments are being removed.")

    async def release(self, subject: Subject) -> None:
        name = subject.key.name
        with suppress(NotFound):
            await self.api.delete(APP_PROJECT, name, ARGOCD_NAMESPACE)
        await self.git.archive(RepositoryName(name, DEPLOYMENTS), owner_uid=subject.uid)
        # What people brought along must not be found by a later project of this name.
        for repository in await self.git.repositories(name):
            await self.git.archive(repository, owner_uid=PUSHED)
        await release_namespace(
            self.api, namespace_of(name), uid_label=PROJECT_UID_LABEL, uid=subject.uid
        )

    async def _apply(self, resource: Resource, obj: RawObject, subject: Subject) -> None:
        metadata = obj["metadata"]
        metadata["labels"] = {**roles.MANAGED, PROJECT_LABEL: subject.key.name}
        metadata["ownerReferences"] = [owner_reference(subject.obj)]
        await self.api.apply(resource, obj, manager=FIELD_MANAGER, force=True)


def _rbac_subject(member: RawObject) -> RawObject:
    return {"apiGroup": RBAC_GROUP, "kind": member["kind"], "name": member["name"]}


def app_project(project: str, environments: Sequence[RawObject]) -> RawObject:
    destinations = [
        {
            "name": environment["spec"]["cluster"],
            "namespace": target_namespace(project, environment["metadata"]["name"]),
        }
        for environment in sorted(environments, key=lambda found: found["metadata"]["name"])
    ]
    kinds = [{"group": kind.group, "kind": kind.kind} for kind in DEPLOYABLE]
    return APP_PROJECT.object(
        project,
        ARGOCD_NAMESPACE,
        spec={
            "description": f"Generated from Project {project}.",
            "sourceRepos": [repository_url(project, DEPLOYMENTS)],
            "destinations": [
                *destinations,
                {"name": IN_CLUSTER, "namespace": namespace_of(project)},
            ],
            "clusterResourceWhitelist": [],
            "namespaceResourceWhitelist": [*kinds, {"group": "offerings.towpath.dev", "kind": "*"}],
        },
    )
