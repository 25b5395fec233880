"""The pages of actions: what a project offers and what was done lately, a form, a run."""

from collections.abc import Sequence
from typing import Any

from towpath.capabilities.portal.actions import form_page, run_page
from towpath.capabilities.portal.actions.kinds import ACTION, ACTION_RUN, phase_of
from towpath.hooks.offered_actions import offered
from towpath.hooks.pages import LiveWatch, Page, PageRoute, Visit
from towpath.hooks.project_frame import frame_of, read_project
from towpath.hooks.showing import may, person
from towpath.machinery.objects import RawObject

PATH = "/projects/{project}/actions"
RUNS_SHOWN = 50


async def actions(visit: Visit) -> Page:
    project = await read_project(visit)
    name = project["metadata"]["name"]
    frame = await frame_of(visit, project, "actions")
    runs = (await visit.api.list(ACTION_RUN, name)).items
    newest = sorted(runs, key=lambda one: one["metadata"]["creationTimestamp"], reverse=True)
    data = {
        **frame,
        "offers": sorted(await offered(visit, name), key=lambda one: one.title.lower()),
        "runs": [_row(one) for one in newest[:RUNS_SHOWN]],
        "more": max(len(runs) - RUNS_SHOWN, 0),
        "may_offer": await may(visit.api, "create", ACTION, name),
    }
    return Page("actions/actions.html", data, title=f"{frame['title_shown']}: actions")


def _row(run: RawObject) -> dict[str, Any]:
    spec, status, metadata = run["spec"], run.get("status") or {}, run["metadata"]
    return {
        "name": metadata["name"],
        "title": (status.get("action") or {}).get("title") or spec["action"]["name"],
        "href": f"/projects/{metadata['namespace']}/action-runs/{metadata['name']}",
        "target": (spec.get("target") or {}).get("name", ""),
        "phase": phase_of(run),
        "by": person(spec["requestedBy"]),
        "message": status.get("message", ""),
        "at": status.get("finishedAt") or metadata.get("creationTimestamp", ""),
    }


def _live(visit: Visit) -> Sequence[LiveWatch]:
    project = visit.parameters["project"]
    return (LiveWatch(ACTION_RUN, project), LiveWatch(ACTION, project))


PAGES = (
    PageRoute(PATH, actions, "Actions", live=_live, section="/catalog"),
    PageRoute(form_page.FORM, form_page.ask, "Action", submit=form_page.submit, section="/catalog"),
    PageRoute(
        run_page.RUN,
        run_page.show,
        "Run of an action",
        submit=run_page.act,
        live=run_page.live,
        section="/delivery",
    ),
)
