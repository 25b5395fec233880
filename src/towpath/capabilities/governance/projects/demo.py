"""The demo's tenant: one project with three people and two stages."""

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.governance.projects.stages import (
    claim_project_namespace,
    first_stages,
)
from towpath.hooks.platform import Platform
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

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
    await claim_project_namespace(platform.api, made)
    for environment in first_stages(DEMO):
        await _make(platform, ENVIRONMENT, environment)


async def _make(platform: Platform, resource: Resource, obj: RawObject) -> RawObject:
    try:
        return await platform.api.create(resource, obj)
    except AlreadyExists:
        metadata = obj["metadata"]
        return await platform.api.get(resource, metadata["name"], metadata.get("namespace", ""))
