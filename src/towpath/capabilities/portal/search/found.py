"""What is found for what was asked: entities, passages, and what capabilities offer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from towpath.capabilities.portal.search.asked import Asked
from towpath.hooks.pages import Visit
from towpath.hooks.palette import PaletteItem, PaletteQuestion, PaletteSource
from towpath.records.contract import Finding
from towpath.records.search import MARK_BEGINS, MARK_ENDS, FoundPassage

SORTS_OF_PASSAGES = ("docs", "api")


@dataclass(frozen=True, slots=True)
class Found:
    entities: Sequence[Finding] = ()
    docs: Sequence[FoundPassage] = ()
    apis: Sequence[FoundPassage] = ()
    offers: Sequence[PaletteItem] = ()

    @property
    def count(self) -> int:
        return sum(len(one) for one in (self.entities, self.docs, self.apis, self.offers))


async def find(
    visit: Visit, asked: Asked, *, limit: int, sources: Sequence[PaletteSource] = ()
) -> Found:
    """At most so many of each sort."""
    entities, docs, apis, offers = await asyncio.gather(
        entities_of(visit, asked, limit),
        passages_of(visit, asked, "docs", limit),
        passages_of(visit, asked, "api", limit),
        _offers(visit, asked, sources, limit),
    )
    return Found(entities, docs, apis, offers)


async def entities_of(visit: Visit, asked: Asked, limit: int) -> Sequence[Finding]:
    if not asked.looks_at("catalog") or not (asked.words or asked.fields):
        return ()
    return await visit.records.catalog.find(visit.viewer, asked.entities, limit=limit)


async def passages_of(visit: Visit, asked: Asked, sort: str, limit: int) -> Sequence[FoundPassage]:
    if not asked.looks_at(sort) or not asked.words:
        return ()
    return await visit.records.passages.find(visit.viewer, asked.words, sorts=(sort,), limit=limit)


async def _offers(
    visit: Visit, asked: Asked, sources: Sequence[PaletteSource], limit: int
) -> Sequence[PaletteItem]:
    """Where one can go and what one can do; forms and copied texts are the palette's alone."""
    if not asked.looks_at("more") or not asked.words:
        return ()
    question = PaletteQuestion(asked.words, "")
    offered = await asyncio.gather(*(source(visit, question) for source in sources))
    items = [item for items in offered for item in items if not item.fields and not item.copy]
    return list({item.href: item for item in items}.values())[:limit]


def entity_href(entity: Finding) -> str:
    """Where an entity is looked at: its service, where it is one."""
    if entity.workload and entity.project:
        return f"/projects/{quote(entity.project)}/workloads/{quote(entity.workload)}"
    parts = (entity.kind.lower(), entity.namespace, entity.name)
    return "/catalog/" + "/".join(quote(part, safe="") for part in parts)


def without_marks(text: str) -> str:
    return text.replace(MARK_BEGINS, "").replace(MARK_ENDS, "")
