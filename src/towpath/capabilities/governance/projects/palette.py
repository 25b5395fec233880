"""Projects and people in the command palette."""

import asyncio
from collections.abc import Sequence

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.hooks.pages import Visit
from towpath.hooks.palette import PaletteItem, PaletteQuestion
from towpath.hooks.showing import may
from towpath.machinery.kinds import Resource

_USERS = Resource("", "v1", "User", "users", namespaced=False)


async def offers(visit: Visit, question: PaletteQuestion) -> Sequence[PaletteItem]:
    may_create, may_look_after = await asyncio.gather(
        may(visit.api, "create", PROJECT), may(visit.api, "impersonate", _USERS)
    )
    found = [PaletteItem("Go to", "Projects", "/projects")]
    if may_create:
        found.append(PaletteItem("Do", "Create a project", "/projects/-/new"))
    if may_look_after:
        found.append(PaletteItem("Go to", "People", "/people"))
        found.append(PaletteItem("Do", "Add a person", "/people#add"))
    return [item for item in found if question.fits(item.label)]
