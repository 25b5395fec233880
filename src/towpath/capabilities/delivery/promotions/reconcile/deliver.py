"""The Applications that bring the commit to its cluster, and the infrastructure to this API."""

from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import (
    ENVIRONMENT,
    ENVIRONMENT_LABEL,
    target_namespace,
)
from towpath.capabilities.delivery.gitops.kinds import (
    APPLICATION,
    ARGOCD_NAMESPACE,
    CASCADE_FINALIZER,
    application_name,
    repository_url,
)
from towpath.capabilities.delivery.promotions.kinds import DEPLOYMENTS
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD_LABEL
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL, namespace_of
from towpath.capabilities.infrastructure.clusters.kinds import IN_CLUSTER
from towpath.client.protocols import Client
from towpath.machinery.objects import RawObject
from towpath.runtime.steps import Subject

FIELD_MANAGER = "towpath-promotions"


@dataclass(frozen=True, slots=True)
class Deliver:
    api: Client

    async def __call__(self, subject: Subject) -> None:
        project, name = subject.key.namespace, subject.spec["workload"]
        environment = await self.api.get(ENVIRONMENT, subject.spec["environment"], project)
        # Infrastructure first: a database takes longer than a process.
        for infra in (True, False):
            wanted = application(project, name, environment, infra=infra)
            await self.api.apply(APPLICATION, wanted, manager=FIELD_MANAGER, force=True)


def application(project: str, workload: str, environment: RawObject, *, infra: bool) -> RawObject:
    stage: str = environment["metadata"]["name"]
    if infra:
        destination = {"name": IN_CLUSTER, "namespace": namespace_of(project)}
    else:
        destination = {
            "name": environment["spec"]["cluster"],
            "namespace": target_namespace(project, stage),
        }
    app = APPLICATION.object(
        application_name(project, workload, stage, infra=infra),
        ARGOCD_NAMESPACE,
        spec={
            "project": project,
            "source": {
                "repoURL": repository_url(project, DEPLOYMENTS),
                "path": f"{workload}/{stage}/{'infra' if infra else 'workload'}",
                "targetRevision": "main",
            },
            "destination": destination,
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True, "allowEmpty": infra},
                "syncOptions": ["ServerSideApply=true"],
                "retry": {
                    "limit": 5,
                    "backoff": {"duration": "2s", "factor": 2, "maxDuration": "1m"},
                },
            },
        },
    )
    app["metadata"]["finalizers"] = [CASCADE_FINALIZER]
    app["metadata"]["labels"] = {
        "app.kubernetes.io/managed-by": "towpath",
        PROJECT_LABEL: project,
        WORKLOAD_LABEL: workload,
        ENVIRONMENT_LABEL: stage,
    }
    return app
