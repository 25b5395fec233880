"""The two stages that most projects begin with."""

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL, PROJECT_UID_LABEL
from towpath.capabilities.infrastructure.clusters.kinds import LOCAL
from towpath.client.protocols import Client
from towpath.machinery.objects import RawObject, uid_of
from towpath.runtime.claims import claim_namespace

_STAGES = (("staging", "auto", 10, 0), ("production", "manual", 20, 1))


def first_stages(project: str) -> list[RawObject]:
    """Staging takes every release; production takes what is promoted and approved."""
    return [
        ENVIRONMENT.object(
            name,
            project,
            spec={
                "cluster": LOCAL,
                "mode": mode,
                "order": order,
                "approvals": {"required": approvals},
            },
        )
        for name, mode, order, approvals in _STAGES
    ]


async def claim_project_namespace(api: Client, project: RawObject) -> None:
    """The controller would make it a moment later; what goes into it at once cannot wait."""
    name = project["metadata"]["name"]
    await claim_namespace(
        api,
        name,
        uid_label=PROJECT_UID_LABEL,
        uid=uid_of(project),
        labels={PROJECT_LABEL: name},
    )
