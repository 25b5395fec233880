"""Kinds in the command palette: typing `pods` leads to the pods."""

import asyncio
from collections.abc import Sequence

from towpath.hooks.pages import Visit
from towpath.hooks.palette import PaletteItem, PaletteQuestion
from towpath.hooks.showing import OBJECTS, list_page, may

LETTERS_MIN = 3
KINDS_OFFERED = 4


async def offers(visit: Visit, question: PaletteQuestion) -> Sequence[PaletteItem]:
    found = [PaletteItem("Go to", "Objects", OBJECTS)] if question.fits("Objects") else []
    if len(question.text) >= LETTERS_MIN:
        found += await _kinds(visit, question)
    return found


async def _kinds(visit: Visit, question: PaletteQuestion) -> list[PaletteItem]:
    """Of the platform's API, those that the visitor may list somewhere."""
    fitting = [
        one
        for one in await visit.api.resources()
        if question.fits(one.plural) or question.fits(one.kind)
    ][: 2 * KINDS_OFFERED]
    places = [""] if visit.viewer.projects is None else sorted(visit.viewer.projects)[:1]
    allowed = await asyncio.gather(
        *(
            may(visit.api, "list", one, place if one.namespaced else "")
            for one in fitting
            for place in places or [""]
        )
    )
    shown = [one for one, is_allowed in zip(fitting, allowed, strict=True) if is_allowed]
    return [
        PaletteItem("Objects", one.kind, list_page(one), one.group or "core")
        for one in shown[:KINDS_OFFERED]
    ]
