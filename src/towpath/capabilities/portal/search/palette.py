"""Search in the command palette: the first of each sort, and where the rest is."""

from collections.abc import Sequence
from urllib.parse import quote

from towpath.capabilities.portal.search.asked import asked_of
from towpath.capabilities.portal.search.found import entity_href, find, without_marks
from towpath.hooks.pages import Visit
from towpath.hooks.palette import PaletteItem, PaletteQuestion
from towpath.records.contract import Finding
from towpath.records.search import FoundPassage

EACH_MAX = 8
PASSAGES_MAX = 4
PASSAGE_LETTERS_MIN = 3


async def offers(visit: Visit, question: PaletteQuestion) -> Sequence[PaletteItem]:
    if not question.text:
        return ()
    asked = asked_of(question.text, visit.user)
    found = await find(visit, asked, limit=EACH_MAX)
    items = [_of_entity(one) for one in found.entities]
    if len(asked.words) >= PASSAGE_LETTERS_MIN:
        items += [_of_passage("Docs", one) for one in found.docs[:PASSAGES_MAX]]
        items += [_of_passage("APIs", one) for one in found.apis[:PASSAGES_MAX]]
    if items:
        everything = f"/search?q={quote(question.text)}"
        items.append(PaletteItem("Search", f"All that fits {question.text}", everything))
    return items


def _of_entity(entity: Finding) -> PaletteItem:
    label, href = entity.title or entity.name, entity_href(entity)
    if entity.workload and entity.project:
        return PaletteItem("Services", label, href, _joined(entity.health, entity.project))
    return PaletteItem("Catalog", label, href, _joined(entity.kind, entity.project))


def _of_passage(group: str, found: FoundPassage) -> PaletteItem:
    passage = found.passage
    return PaletteItem(group, without_marks(found.title), passage.href, passage.page)


def _joined(*parts: str) -> str:
    return " - ".join(part for part in parts if part)
