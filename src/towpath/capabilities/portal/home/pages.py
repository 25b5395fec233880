"""Home: what needs me, how my services are, and what happened lately that concerns me.

Mine is what I own, or a group of mine. Services and what needs me are read from indexes, so that
the page costs the same with ten services and with thousands; the rest is a link away.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.home.activity import lately
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.hooks.pages import Live, LiveRecords, Page, PageRoute, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import in_projects, may
from towpath.machinery.objects import RawObject
from towpath.machinery.references import DEFAULT_NAMESPACE
from towpath.records.contract import HEALTHS, Entity, EntityFilter, Notification

NEEDS_SHOWN = 5
SERVICES_SHOWN = 10
OTHERS_SHOWN = 30
OFFERS_SHOWN = 3
PROJECTS_ASKED = 5
SICK = ("Degraded", "Missing")
SETTLED = (*SICK, "Healthy", "Suspended", "Terminating")
ALL = "all"
NOTHING_YET = "Nothing runs here yet: three steps lead from a name to production."


@dataclass(frozen=True, slots=True)
class Services:
    """Those that are mine, and those of others, as far as they are shown."""

    mine: Sequence[Entity]
    mine_total: int
    others: Sequence[Entity]
    total: int
    sick: int
    """Of mine; where none is mine, of all."""
    coming: int
    """Of the same: those that are on their way to being well, or of which it is not known."""


async def home(visit: Visit) -> Page:
    shows_all = visit.parameters.get("show") == ALL
    (needs, waiting), services, offered, may_create = await asyncio.gather(
        visit.records.inbox.asking(visit.viewer, limit=NEEDS_SHOWN),
        _services(visit, shows_all=shows_all),
        in_projects(visit.api, SOFTWARE_TEMPLATE, [SYSTEM_NAMESPACE], limit=OFFERS_SHOWN),
        _may_create(visit),
    )
    data = {
        "me": visit.user.name,
        "is_member": visit.viewer.projects is None or bool(visit.viewer.projects),
        "needs": [_need(one) for one in needs],
        "needs_more": waiting - len(needs),
        "sentence": _sentence(services, waiting) if services.total else NOTHING_YET,
        "mine": [_service(one) for one in services.mine],
        "mine_total": services.mine_total,
        "others": [_service(one) for one in services.others],
        "total": services.total,
        "shows_all": shows_all,
        "activity": await lately(visit, _owners(visit) if services.mine_total else ()),
        "offers": [_offer(one) for one in offered],
        "may_create": may_create,
        "steps": [] if services.total else await _first_steps(visit),
    }
    return Page("home/home.html", data)


def _owners(visit: Visit) -> tuple[str, ...]:
    """As what I own things: myself and my groups."""
    groups = (group for group in visit.user.groups if not group.startswith("system:"))
    refs = [f"user:{DEFAULT_NAMESPACE}/{visit.user.name}"]
    refs += [f"group:{DEFAULT_NAMESPACE}/{group}" for group in groups]
    return tuple(ref.lower() for ref in refs)


async def _services(visit: Visit, *, shows_all: bool) -> Services:
    """Mine first. Others are shown when asked for, and when there is nothing of mine to show."""
    catalog = visit.records.catalog
    delivered = {"kind": ("Component",), "health": HEALTHS}
    owned = EntityFilter({**delivered, "owner": _owners(visit)})
    anything = EntityFilter(delivered)
    mine, counts, total = await asyncio.gather(
        catalog.query(visit.viewer, owned, limit=SERVICES_SHOWN, sort="health"),
        catalog.facets(visit.viewer, owned, ["health"]),
        catalog.facets(visit.viewer, anything, ["health"]),
    )
    shown: list[Entity] = []
    if shows_all or not mine.total:
        more = OTHERS_SHOWN + len(mine.entities) if mine.total else SERVICES_SHOWN
        found = await catalog.query(visit.viewer, anything, limit=more, sort="health")
        seen = {one.ref for one in mine.entities}
        shown = [one for one in found.entities if one.ref not in seen][:OTHERS_SHOWN]
    health = counts["health"] if mine.total else total["health"]
    return Services(
        mine=mine.entities,
        mine_total=mine.total,
        others=shown,
        total=sum(total["health"].values()),
        sick=sum(health.get(word, 0) for word in SICK),
        coming=sum(count for word, count in health.items() if word not in SETTLED),
    )


def _sentence(services: Services, waiting: int) -> str:
    """The answer to: is anything up?"""
    whose, count = ("your", services.mine_total) if services.mine_total else ("", services.total)
    things = " ".join(filter(None, [whose, _counted(count, "service")]))
    if services.sick or services.coming:
        number, state = (services.sick, "well") if services.sick else (services.coming, "well yet")
        which = f"{number} of {things}" if count != 1 else f"{whose or 'the'} service".capitalize()
        well = f"{which} {'is' if number == 1 else 'are'} not {state}"
    else:
        well = f"{things} {'is' if count == 1 else 'are'} well".capitalize()
        well = well if count != 1 else f"{'Your service' if whose else 'The service'} is well"
    asks = f"{_counted(waiting, 'thing')} {'needs' if waiting == 1 else 'need'} you"
    if services.sick and services.mine_total and not waiting:
        return f"{well}: look at what is said of {'it' if services.sick == 1 else 'them'} below."
    return f"{well}; {asks if waiting else 'nothing needs you'}."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _need(notification: Notification) -> dict[str, Any]:
    notice = notification.notice
    return {
        "id": notification.id,
        "status": notice.status,
        "title": notice.title,
        "text": notice.text,
        "who": notice.who,
        "why": notice.why,
        "project": notification.project,
        "time": notice.time_s,
        "href": notice.href,
    }


def _service(entity: Entity) -> dict[str, str]:
    state = entity.state
    return {
        "ref": entity.ref,
        "title": entity.title or entity.name,
        "project": entity.project,
        "href": f"/projects/{entity.project}/workloads/{entity.workload}",
        "owner": entity.owner.rpartition("/")[2],
        "health": state.health if state else "Unknown",
        "line": state.sentence if state else "",
        "url": state.url if state else "",
    }


async def _may_create(visit: Visit) -> bool:
    """In any of the first few projects that the visitor sees."""
    if visit.viewer.projects is None:
        return True
    names = sorted(visit.viewer.projects)[:PROJECTS_ASKED]
    answers = await asyncio.gather(*(may(visit.api, "create", TEMPLATE_RUN, it) for it in names))
    return any(answers)


async def _first_steps(visit: Visit) -> list[Mapping[str, str]]:
    """What to do on a platform where nothing runs yet, each with the command for it."""
    projects = visit.viewer.projects
    if projects is None:
        found = await in_projects(visit.api, PROJECT, None, limit=1)
        projects = frozenset(one["metadata"]["name"] for one in found)
    project = min(projects, default="shop")
    teams = [group for group in visit.user.groups if not group.startswith("system:")]
    owner = f" --set owner={teams[0]}" if teams else ""
    new = f"towpath new python-service order-service \\\n  --project {project}{owner} --wait"
    repository = visit.addresses.portal(f"/git/{project}/order-service.git")
    steps: list[Mapping[str, str]] = [
        {
            "title": "Create a service",
            "text": "A name is enough: seconds later it has a repository, a pipeline, a database "
            "and an address.",
            "command": new,
            "href": "/create",
            "action": "Create a service",
        },
        {
            "title": "Change it",
            "text": "Every push is tested, built and delivered to the first stage by itself.",
            "command": f"towpath git setup\ngit clone {repository}",
        },
        {
            "title": "Promote it",
            "text": "The same release goes on to production, when somebody else has approved it.",
            "command": "towpath promote order-service --to production",
        },
    ]
    return steps if projects else [_PROJECT_FIRST, *({**step, "href": ""} for step in steps[:2])]


_PROJECT_FIRST = {
    "title": "Create a project",
    "text": "It holds services and their stages, and says who may do what.",
    "command": "",
    "href": "/projects/-/new",
    "action": "Create a project",
}


def _offer(template: RawObject) -> dict[str, str]:
    descriptor = template["spec"]["descriptor"]["metadata"]
    metadata = template["metadata"]
    return {
        "title": descriptor.get("title") or metadata["name"],
        "description": descriptor.get("description", ""),
        "href": f"/create/{metadata['namespace']}/{metadata['name']}",
    }


def _live(visit: Visit) -> Sequence[Live]:
    return (LiveRecords("catalog"), LiveRecords("inbox"))


PAGES = (PageRoute("/", home, "Home", live=_live, section="/"),)
