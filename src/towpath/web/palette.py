"""The command palette's answers: what capabilities offer for what was typed, and places.

What was asked for by its name comes first. Everything is asked with the visitor's rights, and each
part stops at a few, so that an answer costs the same with ten services and with thousands.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from urllib.parse import quote

import orjson
from starlette.responses import Response

from towpath.hooks.pages import Visit
from towpath.hooks.palette import PaletteItem, PaletteQuestion, PaletteSource

WORDS_CHARACTERS_MAX = 100
PAGE_CHARACTERS_MAX = 1000
PROJECTS_MAX = 6

PLACES = (
    PaletteItem("Go to", "Sessions and tokens", "/account"),
    PaletteItem("Go to", "About this platform", "/about"),
    PaletteItem("Go to", "Style guide", "/_/styleguide"),
)
LOOK = "/-/look"
OWN = (
    PaletteItem("Do", "Use the dark theme", LOOK, fields={"theme": "dark"}),
    PaletteItem("Do", "Use the light theme", LOOK, fields={"theme": "light"}),
    PaletteItem("Do", "Use the system's theme", LOOK, fields={"theme": "auto"}),
    PaletteItem("Do", "Collapse the navigation", LOOK, fields={"rail": "folded"}),
    PaletteItem("Do", "Expand the navigation", LOOK, fields={"rail": "open"}),
    PaletteItem("Do", "Sign out", "/sign-out", fields={"sure": "yes"}),
)
ORDER = (
    *("Here", "Services", "Catalog", "Do", "Projects", "Runs"),
    *("Objects", "Docs", "APIs", "Go to", "Search"),
)
"""Of the headings, when something has been typed; before that, places come after what is here."""
ORDER_AT_FIRST = ("Here", "Go to", "Projects", "Do")


def question_of(parameters: Mapping[str, str]) -> PaletteQuestion:
    text = parameters.get("q", "").strip()[:WORDS_CHARACTERS_MAX]
    page = parameters.get("page", "")[:PAGE_CHARACTERS_MAX]
    return PaletteQuestion(text, page)


async def answer(
    visit: Visit,
    question: PaletteQuestion,
    rail: Sequence[tuple[str, str, str]],
    projects: Iterable[str],
    sources: Sequence[PaletteSource],
) -> Response:
    offered = await asyncio.gather(*(source(visit, question) for source in sources))
    places = [PaletteItem("Go to", label, href) for href, label, _ in rail if href != "/about"]
    named = [name for name in projects if question.fits(name)][:PROJECTS_MAX]
    items = [
        *(item for item in places if question.fits(item.label)),
        *(item for items in offered for item in items),
        *(item for item in (*PLACES, *OWN) if question.fits(item.label)),
        *(PaletteItem("Projects", name, f"/projects/{quote(name)}") for name in named),
    ]
    order = ORDER if question.text else ORDER_AT_FIRST
    items = sorted(items, key=lambda item: _rank(item.group, order))
    # What is called just so is what was meant.
    items.sort(key=lambda item: item.label.lower() != question.text.lower())
    unique = {(item.label, item.href): item for item in reversed(items)}
    items = [item for item in items if unique.pop((item.label, item.href), None)]
    body = {"items": [asdict(item) for item in items]}
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)


def _rank(word: str, order: Sequence[str]) -> int:
    return order.index(word) if word in order else len(order)
