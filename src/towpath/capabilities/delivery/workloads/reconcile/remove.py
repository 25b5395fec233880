"""Taking a workload back, in the order that loses nothing: runs, processes, data, Git, objects.

Each step says what it waits for. What is outside goes only if it is this workload's by name and
label; the source repository is put into the archive, under the uid of who made it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.gitops.kinds import APPLICATION, ARGOCD_NAMESPACE
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import DEPLOYMENTS, PROMOTION
from towpath.capabilities.delivery.workloads.kinds import (
    RELEASE,
    REPOSITORY_OWNER_ANNOTATION,
    WORKLOAD,
    WORKLOAD_LABEL,
)
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.client.protocols import Client
from towpath.engines.git.port import (
    File,
    GitHost,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
    Signature,
    StaleCommit,
)
from towpath.hooks.approvals import APPROVAL
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, annotations_of, is_deleting, uid_of
from towpath.runtime.outcomes import Waiting
from towpath.runtime.steps import Subject

OFFERINGS = "offerings.towpath.dev"
LOOK_AGAIN_S = 5.0
ATTEMPTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Remove:
    api: Client
    git: GitHost

    async def stop_pipelines(self, subject: Subject) -> None:
        """No new release may arrive while the old ones go. Runs of a repository that holds another
        workload too are that one's as well."""
        if await self._used_by_another(subject):
            return
        runs = await self._in_project(subject, PIPELINE_RUN)
        repository = subject.spec["repository"]
        mine = [run for run in runs if run["spec"]["repository"] == repository]
        await self._delete(PIPELINE_RUN, mine)
        if await self._still_there(PIPELINE_RUN, mine):
            raise Waiting("StoppingPipelines", "Its pipeline runs are being stopped.", after_s=1)

    async def stop_promotions(self, subject: Subject) -> None:
        """One under way would bring back to life what the next steps take away."""
        promotions = await self._drop_promotions(subject)
        if await self._still_there(PROMOTION, promotions):
            raise Waiting("StoppingPromotions", "Its promotions are being stopped.", after_s=1)

    async def remove_workloads(self, subject: Subject) -> None:
        await self._remove_applications(subject, infra=False)

    async def remove_infrastructure(self, subject: Subject) -> None:
        """After the processes: nobody uses a database any more when it goes, or stays."""
        await self._settle_data_policy(subject)
        await self._remove_applications(subject, infra=True)
        for resource, obj in await self._composites(subject):
            await self._delete(resource, [obj])
        left = [obj for _, obj in await self._composites(subject)]
        if left:
            raise Waiting("RemovingInfrastructure", _names("Waiting for", left), after_s=1)

    async def forget_in_git(self, subject: Subject) -> None:
        repository = RepositoryName(subject.key.namespace, DEPLOYMENTS)
        for _ in range(ATTEMPTS_MAX):
            try:
                head = await self.git.head(repository)
                if head is None:
                    return
                files = await self.git.files(repository, head, subject.key.name)
                changes: dict[str, File | None] = {
                    f"{subject.key.name}/{path}": None for path in files
                }
                await self.git.write(
                    repository,
                    changes,
                    message=f"Remove {subject.key.name}: the workload was deleted\n",
                    author=Signature("towpath", "towpath@towpath.dev"),
                    expected=head,
                )
            except (RepositoryNotFound, PathNotFound):
                return
            except StaleCommit:
                continue
            return
        raise Waiting("RepositoryBusy", f"Repository {repository} is busy.", after_s=0.5)

    async def archive_repository(self, subject: Subject) -> None:
        repository = RepositoryName(subject.key.namespace, subject.spec["repository"])
        if await self._used_by_another(subject):
            return
        owner = annotations_of(subject.obj).get(REPOSITORY_OWNER_ANNOTATION) or subject.uid
        await self.git.archive(repository, owner_uid=owner)

    async def drop_objects(self, subject: Subject) -> None:
        """What only made sense with the workload."""
        name, repository = subject.key.name, subject.spec["repository"]
        await self._drop_promotions(subject)
        releases = [
            release
            for release in await self._in_project(subject, RELEASE)
            if release["spec"]["workload"] == name
        ]
        await self._delete(RELEASE, releases)
        if await self._used_by_another(subject):
            return
        sources = [
            source
            for source in await self._in_project(subject, CATALOG_SOURCE)
            if source["spec"]["repository"] == repository
        ]
        await self._delete(CATALOG_SOURCE, sources)

    async def _drop_promotions(self, subject: Subject) -> list[RawObject]:
        """With the approvals of them."""
        promotions = [
            promotion
            for promotion in await self._in_project(subject, PROMOTION)
            if promotion["spec"]["workload"] == subject.key.name
        ]
        of_ours = {promotion["metadata"]["name"] for promotion in promotions}
        approvals = [
            approval
            for approval in await self._in_project(subject, APPROVAL)
            if approval["spec"]["subject"]["kind"] == PROMOTION.kind
            and approval["spec"]["subject"]["name"] in of_ours
        ]
        await self._delete(APPROVAL, approvals)
        await self._delete(PROMOTION, promotions)
        return promotions

    async def _remove_applications(self, subject: Subject, *, infra: bool) -> None:
        apps = [app for app in await self._applications(subject) if _is_infra(app) == infra]
        await self._delete(APPLICATION, apps)
        left = [app for app in await self._applications(subject) if _is_infra(app) == infra]
        if left:
            what = "infrastructure" if infra else "processes and routes"
            raise Waiting("RemovingApplications", _waits_for(what, left), after_s=LOOK_AGAIN_S)

    async def _applications(self, subject: Subject) -> list[RawObject]:
        labels = f"{PROJECT_LABEL}={subject.key.namespace},{WORKLOAD_LABEL}={subject.key.name}"
        return (await self.api.list(APPLICATION, ARGOCD_NAMESPACE, labels=labels)).items

    async def _settle_data_policy(self, subject: Subject) -> None:
        """The policy that counts is the one at deletion, not the one at the last promotion."""
        policy = (subject.spec.get("deletionPolicy") or {}).get("data", "Delete")
        wanted = "Orphan" if policy == "Retain" else "Delete"
        differing = [
            (resource, obj)
            for resource, obj in await self._composites(subject)
            if obj["spec"].get("deletionPolicy", wanted) != wanted and not is_deleting(obj)
        ]
        if not differing:
            return
        for app in await self._applications(subject):
            if _is_infra(app):
                # Else Git, where the old policy stands, would heal what is set here.
                patch = {"spec": {"syncPolicy": {"automated": None}}}
                await self.api.patch(APPLICATION, app["metadata"]["name"], ARGOCD_NAMESPACE, patch)
        for resource, obj in differing:
            metadata = obj["metadata"]
            await self.api.patch(
                resource,
                metadata["name"],
                metadata["namespace"],
                {"spec": {"deletionPolicy": wanted}},
            )

    async def _composites(self, subject: Subject) -> list[tuple[Resource, RawObject]]:
        labels = f"{WORKLOAD_LABEL}={subject.key.name}"
        return [
            (resource, obj)
            for resource in await self.api.resources()
            if resource.group == OFFERINGS and resource.namespaced
            for obj in (await self.api.list(resource, subject.key.namespace, labels=labels)).items
        ]

    async def _used_by_another(self, subject: Subject) -> bool:
        """A repository can hold several workloads: it stays until the last one goes."""
        return any(
            workload["spec"]["repository"] == subject.spec["repository"]
            and uid_of(workload) != subject.uid
            for workload in await self._in_project(subject, WORKLOAD)
        )

    async def _in_project(self, subject: Subject, resource: Resource) -> list[RawObject]:
        try:
            return (await self.api.list(resource, subject.key.namespace)).items
        except NotFound:
            return []  # a platform without that capability

    async def _delete(self, resource: Resource, objects: Sequence[RawObject]) -> None:
        for obj in objects:
            if is_deleting(obj):
                continue
            metadata = obj["metadata"]
            try:
                await self.api.delete(
                    resource, metadata["name"], metadata["namespace"], uid=metadata["uid"]
                )
            except NotFound:
                continue

    async def _still_there(self, resource: Resource, objects: Sequence[RawObject]) -> bool:
        for obj in objects:
            metadata = obj["metadata"]
            try:
                await self.api.get(resource, metadata["name"], metadata["namespace"])
            except NotFound:
                continue
            return True
        return False


def _is_infra(app: RawObject) -> bool:
    path: str = (app["spec"].get("source") or {}).get("path", "")
    return path.endswith("/infra")


def _waits_for(what: str, apps: Sequence[RawObject]) -> str:
    """With an Application's own word on what it waits for."""
    reasons = {
        condition["message"]
        for app in apps
        for condition in (app.get("status") or {}).get("conditions") or ()
    }
    return " ".join([f"Removing its {what}.", *sorted(reasons)])


def _names(prefix: str, objects: Sequence[RawObject]) -> str:
    names = ", ".join(sorted(f"{obj['kind']} {obj['metadata']['name']}" for obj in objects))
    return f"{prefix} {names} to go."
