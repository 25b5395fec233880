"""Which projects somebody may see. The API cannot say: it lists all objects of a kind or none."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read
from towpath.records.contract import Viewer


def reads(platform: Platform) -> Sequence[Read]:
    async def projects(viewer: Viewer, parameters: Mapping[str, str]) -> Any:
        listed = (await platform.api.list(PROJECT)).items
        return [
            {
                "name": project["metadata"]["name"],
                "displayName": project["spec"].get("displayName", ""),
                "description": project["spec"].get("description", ""),
            }
            for project in listed
            if viewer.may_see(project["metadata"]["name"])
        ]

    return [Read("projects", projects)]
