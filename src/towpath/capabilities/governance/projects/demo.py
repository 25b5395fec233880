"""The demo's tenant: one project with three people and two stages."""

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.governance.projects.kinds import PROJECT, PROJECT_LABEL, PROJECT_UID_LABEL
from towpath.capabilities.infrastructure.clusters.kinds import LOCAL
from towpath.hooks.platform import Platform
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.runtime.claims import claim_namespace

DEMO = "demo"


async def seed(platform: Platform) -> None:
    """Make what is not there; what is there stays as its owner has it."""
    project = PROJECT.object(
        DEMO,
        spec={
            "displayName": "Demo",
            "description": "A project to try things in.",
            "members": [
                {"kind": "User", "name": "alice", "role": "owner"},
                {"kind": "User", "name": "bob", "role": "developer"},
                {"kind": "Group", "name": "team-a", "role": "developer"},
                {"kind": "User", "name": "carol", "role": "viewer"},
            ],
        },
    )
    made = await _make(platform, PROJECT, project)
    # The controller would make the namespace a moment later; its environments cannot wait.
    await claim_namespace(
        platform.api,
        DEMO,
        uid_label=PROJECT_UID_LABEL,
        uid=made["metadata"]["uid"],
        labels={PROJECT_LABEL: DEMO},
    )
    for environment in (
        _environment("staging", mode="auto", order=10, approvals=0),
        _environment("production", mode="manual", order=20, approvals=1),
    ):
        await _make(platform, ENVIRONMENT, environment)


def _environment(name: str, *, mode: str, order: int, approvals: int) -> RawObject:
    return ENVIRONMENT.object(
        name,
        DEMO,
        spec={
            "cluster": LOCAL,
            "mode": mode,
            "order": order,
            "approvals": {"required": approvals},
        },
    )


async def _make(platform: Platform, resource: Resource, obj: RawObject) -> RawObject:
    try:
        return await platform.api.create(resource, obj)
    except AlreadyExists:
        metadata = obj["metadata"]
        return await platform.api.get(resource, metadata["name"], metadata.get("namespace", ""))
