"""Actions in the command palette: those of the page that it was opened on, and by their titles."""

import asyncio
from collections.abc import Sequence

from towpath.hooks.offered_actions import OfferedAction, offered
from towpath.hooks.pages import Visit
from towpath.hooks.palette import PaletteItem, PaletteQuestion

LETTERS_MIN = 2
PROJECTS_ASKED = 10
OFFERED_MAX = 12


async def offers(visit: Visit, question: PaletteQuestion) -> Sequence[PaletteItem]:
    here = _project(question.page)
    if len(question.text) < LETTERS_MIN and not here:
        return []
    projects = await _projects(visit, here)
    lists = await asyncio.gather(*(offered(visit, project) for project in projects))
    found = [one for several in lists for one in several]
    items = [_item(one, question.page) for one in found]
    return [item for item in items if question.fits(item.label)][:OFFERED_MAX]


def _item(offer: OfferedAction, page: str) -> PaletteItem:
    href, what = offer.href, f" in {offer.project}"
    if offer.target == "Workload" and not offer.makes_new and (name := _workload(page)):
        href, what = offer.href_on(name), f": {name}"
    return PaletteItem("Actions", f"{offer.title}{what}", href, offer.description[:80])


def _project(page: str) -> str:
    parts = page.split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "projects" and parts[2] != "-" else ""


def _workload(page: str) -> str:
    parts = page.split("/")
    return parts[4] if len(parts) > 4 and parts[3] == "workloads" else ""


async def _projects(visit: Visit, here: str) -> list[str]:
    if here:
        return [here] if visit.viewer.may_see(here) else []
    return sorted(visit.viewer.projects or ())[:PROJECTS_ASKED]
