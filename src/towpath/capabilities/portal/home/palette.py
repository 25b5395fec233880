"""What the palette offers of delivery: create, promote, roll back, approve, delete; runs; objects.

`promote order` offers to promote what is called so; on a service's own page its actions are there
before anything is typed. Each is offered only to who may do it.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import (
    PROMOTION,
    WAITING_FOR_APPROVAL,
)
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.hooks.approvals import APPROVAL
from towpath.hooks.pages import Visit
from towpath.hooks.palette import PaletteItem, PaletteQuestion
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import get_if_there, in_projects, list_page, may, object_page
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.records.contract import EntityFilter

TEMPLATES_MAX = 10
RUNS_MAX = 4
SERVICES_MAX = 3
KINDS_MAX = 4
PROJECTS_MAX = 200
PROJECTS_ASKED = 5
WORD_CHARACTERS_MIN = 3

_SERVICE = re.compile(r"/projects/([^/]+)/(?:workloads|promote)/([^/?]+)")
_COMPONENT = re.compile(r"/catalog/component/([^/]+)/([^/?]+)")
"""Of a project's own namespace: its workload has the same name."""
_CAPITAL = re.compile(r"(?<=[a-z])[A-Z]")
_RUNS = ((PIPELINE_RUN, "pipelines"), (PROMOTION, "promotions"), (TEMPLATE_RUN, "runs"))
_VERBS = ("promote", "roll back", "approve", "delete", "logs")
KUBECONFIG = 'export KUBECONFIG="${XDG_CONFIG_HOME:-$HOME/.config}/towpath/kubeconfig"'
"""Where `towpath login` writes it."""

_SYSTEMS = EntityFilter({"kind": ("System",)})
"""Each project has one."""


@dataclass(frozen=True, slots=True)
class _Rights:
    promote: bool
    approve: bool
    delete: bool


async def offers(visit: Visit, question: PaletteQuestion) -> Sequence[PaletteItem]:
    parts = await asyncio.gather(
        _here(visit, question),
        _named(visit, question),
        _templates(visit, question),
        _runs(visit, question),
        _objects(visit, question),
    )
    return [item for items in parts for item in items]


async def _here(visit: Visit, question: PaletteQuestion) -> list[PaletteItem]:
    """What can be done with the service whose page is open."""
    found = _SERVICE.match(question.page) or _COMPONENT.match(question.page)
    if found is None:
        return []
    project, name = unquote(found.group(1)), unquote(found.group(2))
    items = await _actions(visit, project, name, "Here")
    return [item for item in items if question.fits(item.label)]


async def _named(visit: Visit, question: PaletteQuestion) -> list[PaletteItem]:
    """`promote order`: the verb, and the beginning of a service's name."""
    text = question.text.lower()
    verb = next((one for one in _VERBS if text.startswith(f"{one} ")), "")
    name = text.removeprefix(verb).strip()
    if not verb or not name:
        return []
    called = EntityFilter(text=name)
    found = await visit.records.catalog.find(visit.viewer, called, limit=2 * SERVICES_MAX)
    services = [one for one in found if one.workload and one.project][:SERVICES_MAX]
    offered = await asyncio.gather(
        *(_actions(visit, one.project, one.workload, "Do") for one in services)
    )
    return [item for items in offered for item in items if item.label.lower().startswith(verb)]


async def _actions(visit: Visit, project: str, name: str, group: str) -> list[PaletteItem]:
    workload = await get_if_there(visit.api, WORKLOAD, name, project)
    if workload is None:
        return []
    rights = await _rights(visit, project)
    base = f"/projects/{quote(project)}"
    page = f"{base}/workloads/{quote(name)}"
    items = [PaletteItem(group, f"Logs of {name}", f"{page}/logs", project)]
    if rights.promote:
        promote = f"{base}/promote/{quote(name)}"
        items = [
            PaletteItem(group, f"Promote {name}", promote, project),
            PaletteItem(group, f"Roll back {name}", f"{promote}?rollback=yes", project),
            *items,
        ]
    if rights.approve:
        items = [*await _approvals(visit, workload, base, group), *items]
    if rights.delete:
        items.append(PaletteItem(group, f"Delete {name}", f"{page}/delete", project))
    return items


async def _rights(visit: Visit, project: str) -> _Rights:
    promote, approve, delete = await asyncio.gather(
        may(visit.api, "create", PROMOTION, project),
        may(visit.api, "create", APPROVAL, project),
        may(visit.api, "delete", WORKLOAD, project),
    )
    return _Rights(promote, approve, delete)


async def _approvals(visit: Visit, workload: RawObject, base: str, group: str) -> list[PaletteItem]:
    """What waits for somebody else than who asked for it."""
    stages = (workload.get("status") or {}).get("environments") or ()
    waiting = [one for one in stages if one.get("phase") == WAITING_FOR_APPROVAL]
    project = workload["metadata"]["namespace"]
    found = await asyncio.gather(
        *(get_if_there(visit.api, PROMOTION, one["promotion"], project) for one in waiting)
    )
    name = workload["metadata"]["name"]
    return [
        PaletteItem(
            group,
            f"Approve {name} for {one['spec']['environment']}",
            f"{base}/promotions/{one['metadata']['name']}",
            str(one["spec"]["release"]),
        )
        for one in found
        if one is not None and one["spec"]["requestedBy"] != visit.user.name
    ]


async def _templates(visit: Visit, question: PaletteQuestion) -> list[PaletteItem]:
    listed = await in_projects(
        visit.api, SOFTWARE_TEMPLATE, [SYSTEM_NAMESPACE], limit=TEMPLATES_MAX
    )
    items = []
    for template in listed:
        metadata = template["metadata"]
        title = template["spec"]["descriptor"]["metadata"].get("title") or metadata["name"]
        href = f"/create/{metadata['namespace']}/{metadata['name']}"
        items.append(PaletteItem("Do", f"Create: {title}", href))
    commands = [
        PaletteItem(
            "Do", "Copy the kubeconfig command", detail="after towpath login", copy=KUBECONFIG
        )
    ]
    return [item for item in (*items, *commands) if question.fits(item.label)]


async def _runs(visit: Visit, question: PaletteQuestion) -> list[PaletteItem]:
    """The newest whose names begin with what was typed, as long as they are there."""
    text = question.text.lower()
    if len(text) < WORD_CHARACTERS_MIN or " " in text:
        return []
    projects = await _projects(visit)
    lists = await asyncio.gather(
        *(_runs_of(visit, projects, resource, part, text) for resource, part in _RUNS)
    )
    return [item for items in lists for item in items]


async def _runs_of(
    visit: Visit, projects: Sequence[str], resource: Resource, part: str, text: str
) -> list[PaletteItem]:
    kind = f"{resource.plural}.{resource.group}"
    created = await visit.records.audit.created(projects, kind, text, limit=RUNS_MAX)
    objects = await asyncio.gather(
        *(get_if_there(visit.api, resource, name, project) for project, name in created)
    )
    return [
        PaletteItem(
            "Runs",
            one["metadata"]["name"],
            f"/projects/{one['metadata']['namespace']}/{part}/{one['metadata']['name']}",
            f"{_phase(one)} - {one['metadata']['namespace']}",
        )
        for one in objects
        if one is not None
    ]


def _phase(run: RawObject) -> str:
    """`WaitingForApproval` -> `Waiting for approval`."""
    phase = str((run.get("status") or {}).get("phase") or "Pending")
    return _CAPITAL.sub(lambda found: f" {found.group().lower()}", phase)


async def _projects(visit: Visit) -> list[str]:
    """Those that the visitor may see; of very many, as many as are looked through quickly."""
    if visit.viewer.projects is not None:
        return sorted(visit.viewer.projects)[:PROJECTS_MAX]
    facets = await visit.records.catalog.facets(visit.viewer, _SYSTEMS, ["project"])
    return sorted(facets["project"])[:PROJECTS_MAX]


async def _objects(visit: Visit, question: PaletteQuestion) -> list[PaletteItem]:
    """`environment`: the page that lists them; `environment staging`: that one."""
    kind, _, name = question.text.lower().partition(" ")
    if len(kind) < WORD_CHARACTERS_MIN:
        return []
    fitting = [one for one in await visit.api.resources() if _is_called(one, kind)][:KINDS_MAX]
    if not name:
        return [
            PaletteItem("Objects", f"All {one.plural}", list_page(one), one.group or "core")
            for one in fitting
        ]
    places = await _projects(visit)
    asked = [
        (one, place)
        for one in fitting
        for place in (places[:PROJECTS_ASKED] if one.namespaced else ("",))
    ]
    found = await asyncio.gather(
        *(get_if_there(visit.api, one, name.strip(), place) for one, place in asked)
    )
    return [
        PaletteItem(
            "Objects",
            f"{resource.kind} {obj['metadata']['name']}",
            object_page(resource, obj["metadata"]["name"], place),
            place,
        )
        for (resource, place), obj in zip(asked, found, strict=True)
        if obj is not None
    ]


def _is_called(resource: Resource, word: str) -> bool:
    return resource.plural.startswith(word) or resource.kind.lower().startswith(word)
