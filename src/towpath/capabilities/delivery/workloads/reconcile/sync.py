"""Somebody wants Git brought to the cluster now: an annotation on the Workload asks for it.

A member of a project may change its Workloads but not Applications, which hold where they deploy
to. So the wish is written on the Workload, and passed on here as Argo CD's own `operation`.
"""

from dataclasses import dataclass

from towpath.capabilities.delivery.gitops.kinds import (
    APPLICATION,
    ARGOCD_NAMESPACE,
    application_name,
)
from towpath.capabilities.delivery.workloads.kinds import SYNC_ANNOTATION, WORKLOAD
from towpath.client.protocols import Client
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import annotations_of
from towpath.runtime.steps import Subject


@dataclass(frozen=True, slots=True)
class SyncAsked:
    api: Client

    async def __call__(self, subject: Subject) -> None:
        stage = annotations_of(subject.obj).get(SYNC_ANNOTATION)
        if not stage:
            return
        project, name = subject.key.namespace, subject.key.name
        if stage in subject.spec["environments"]:
            for infra in (True, False):
                await self._sync(application_name(project, name, stage, infra=infra))
        # Asked for twice is no harm; forgotten would be.
        patch = {"metadata": {"annotations": {SYNC_ANNOTATION: None}}}
        subject.adopt(await self.api.patch(WORKLOAD, name, project, patch))

    async def _sync(self, application: str) -> None:
        operation = {
            "initiatedBy": {"username": "a member of the project"},
            "sync": {"prune": True},
        }
        try:
            await self.api.patch(
                APPLICATION, application, ARGOCD_NAMESPACE, {"operation": operation}
            )
        except NotFound:
            return  # nothing has been promoted there yet
