"""What is kept for a while only, in a project: what ends next is first, and can be extended."""

from collections.abc import Sequence
from typing import Any

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.leases.reading import (
    Leased,
    ended,
    extended,
    leased_in,
    resource_of,
)
from towpath.hooks.leases import CHOICES, EXTENDED_BY, BadLease, written
from towpath.hooks.pages import Answer, LiveWatch, Page, PageRoute, Redirect, Visit
from towpath.hooks.project_frame import frame_of, read_project
from towpath.hooks.showing import may, object_page
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import annotations_of

PATH = "/projects/{project}/leases"


async def leases(visit: Visit) -> Page:
    return await _page(visit)


async def _page(visit: Visit, problem: str = "", status: int = 200) -> Page:
    project = await read_project(visit)
    name = project["metadata"]["name"]
    frame = await frame_of(visit, project, "leases")
    rows = [await _row(visit, one) for one in await leased_in(visit.api, name)]
    data = {
        **frame,
        "rows": rows,
        "choices": CHOICES,
        "longest": ((project.get("spec") or {}).get("leases") or {}).get("max", ""),
        "problem": problem,
    }
    return Page("leases/leases.html", data, status, title=f"{frame['title_shown']}: leases")


async def _row(visit: Visit, leased: Leased) -> dict[str, Any]:
    metadata, resource = leased.obj["metadata"], leased.resource
    namespace = metadata.get("namespace", "")
    return {
        "name": leased.name,
        "kind": resource.kind,
        "resource": f"{resource.plural}.{resource.group}",
        "href": object_page(resource, leased.name, namespace),
        "end": written(leased.end),
        "made": metadata.get("creationTimestamp", ""),
        "extended_by": annotations_of(leased.obj).get(EXTENDED_BY, ""),
        "may_extend": await may(visit.api, "patch", resource, namespace, leased.name),
        "deleting": bool(metadata.get("deletionTimestamp")),
    }


async def act(visit: Visit) -> Answer:
    project, form = visit.parameters["project"], visit.form
    name, keep = form.get("name", ""), form.get("keep", "")
    await read_project(visit)
    try:
        resource = await resource_of(visit.api, project, form.get("resource", ""))
        if keep == "good":
            await ended(visit.api, resource, name, project)
            notice = f"{name} is kept for good."
        else:
            end = await extended(visit.api, resource, name, project, keep, visit.user.name)
            notice = f"{name} is kept until {end:%d %B %Y, %H:%M} UTC."
    except BadLease as error:
        return await _page(visit, f"{str(error)[:1].upper()}{str(error)[1:]}.", 422)
    except StatusError as error:
        return await _page(visit, error.message, error.code)
    return Redirect(f"/projects/{project}/leases", notice)


def _live(visit: Visit) -> Sequence[LiveWatch]:
    project = visit.parameters["project"]
    return (LiveWatch(WORKLOAD, project), LiveWatch(ENVIRONMENT, project))


PAGES = (PageRoute(PATH, leases, "Leases", submit=act, live=_live, section="/catalog"),)
