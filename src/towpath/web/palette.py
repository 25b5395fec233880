"""What the command palette offers: places, projects and what the catalogue knows by those words."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import quote

import orjson
from starlette.responses import Response

from towpath.hooks.pages import Visit
from towpath.records.contract import Entity, EntityFilter

WORDS_CHARACTERS_MAX = 100
ENTITIES_MAX = 12
PROJECTS_MAX = 8
KINDS = ("Component", "System", "API", "Resource", "Group", "User")
"""What people look for most comes first; within a kind the best match does."""


@dataclass(frozen=True, slots=True)
class Item:
    group: str
    label: str
    href: str
    detail: str = ""


PLACES = (
    Item("Go to", "Sessions and tokens", "/account"),
    Item("Go to", "About this platform", "/about"),
    Item("Go to", "Style guide", "/_/styleguide"),
)


async def answer(
    visit: Visit, asked: str, rail: Sequence[tuple[str, str, str]], projects: Iterable[str]
) -> Response:
    text = asked.strip()[:WORDS_CHARACTERS_MAX]
    sections = [Item("Go to", label, href) for href, label, _ in rail if href != "/about"]
    items = [item for item in (*sections, *PLACES) if _fits(text, item.label)]
    named = [name for name in projects if _fits(text, name)][:PROJECTS_MAX]
    items += [Item("Projects", name, f"/projects/{quote(name)}") for name in named]
    if text:
        found = await visit.records.catalog.query(
            visit.viewer, EntityFilter(text=text), limit=ENTITIES_MAX
        )
        # What was asked for by its name comes before the places that share a word with it.
        entities = sorted(found.entities, key=lambda entity: _rank(entity.kind))
        items = [*map(_of_entity, entities), *items]
    body = {"items": [asdict(item) for item in items]}
    return Response(orjson.dumps(body), media_type="application/json")


def _rank(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _fits(text: str, label: str) -> bool:
    return all(word in label.lower() for word in text.lower().split())


def _of_entity(entity: Entity) -> Item:
    parts = (entity.kind.lower(), entity.namespace, entity.name)
    href = "/catalog/" + "/".join(quote(part, safe="") for part in parts)
    detail = " - ".join(part for part in (entity.kind, entity.project) if part)
    return Item("Catalog", entity.title or entity.name, href, detail)
