"""What stands above every part of a project's page, read once for each; parts come from several
capabilities, whose templates extend `projects/_frame.html`."""

import asyncio
from typing import Any

from towpath.hooks.pages import Visit
from towpath.hooks.showing import may
from towpath.hooks.telling import state_of
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import towpath_resource
from towpath.machinery.objects import RawObject

PATH = "/projects/{project}"
PROJECT = towpath_resource("Project", "projects", namespaced=False)
TEMPLATE_RUN = towpath_resource("TemplateRun", "templateruns")
TABS = (
    ("", "Overview"),
    ("members", "Members"),
    ("actions", "Actions"),
    ("leases", "Leases"),
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
