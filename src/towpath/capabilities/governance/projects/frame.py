"""What stands above every part of a project's page, read once for each."""

import asyncio
from typing import Any

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.pages import Visit
from towpath.hooks.showing import may
from towpath.hooks.telling import state_of
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject

PATH = "/projects/{project}"
TABS = (
    ("", "Overview"),
    ("members", "Members"),
    ("activity", "Activity"),
    ("yaml", "YAML, API, CLI"),
)


async def read_project(visit: Visit) -> RawObject:
    """Raises NotFound for what the visitor may not see, as for what is not there."""
    name = visit.parameters["project"]
    if not visit.viewer.may_see(name):
        raise NotFound(f"there is no project {name}, or you are not a member")
    return await visit.api.get(PROJECT, name)


async def frame_of(visit: Visit, project: RawObject, tab: str) -> dict[str, Any]:
    name = project["metadata"]["name"]
    may_create, may_change, may_delete = await asyncio.gather(
        may(visit.api, "create", TEMPLATE_RUN, name),
        may(visit.api, "update", PROJECT, name=name),
        may(visit.api, "delete", PROJECT, name=name),
    )
    spec = project.get("spec") or {}
    state = state_of(project)
    base = f"/projects/{name}"
    deleting = bool(project["metadata"].get("deletionTimestamp"))
    return {
        "project": name,
        "base": base,
        "title_shown": spec.get("displayName") or name,
        "description": spec.get("description", ""),
        "state": state.word,
        "trouble": state.sentence if state.word in ("Degraded", "Terminating") else "",
        "member_count": len(spec.get("members") or ()),
        "may_create": may_create and not deleting,
        "may_change": may_change and not deleting,
        "may_delete": may_delete and not deleting,
        "tab": tab,
        "tabs": [
            {
                "label": label,
                "href": f"{base}/{key}" if key else base,
                "current": key == tab,
                **({"count": len(spec.get("members") or ())} if key == "members" else {}),
            }
            for key, label in TABS
        ],
    }
