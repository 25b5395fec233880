"""The pages of an API: what it offers, what has changed, and its definition as it was written."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from towpath.capabilities.portal.apis.definition import Definition, Operation
from towpath.capabilities.portal.apis.differences import Severity, differences
from towpath.capabilities.portal.apis.files import API as FILES
from towpath.capabilities.portal.apis.indexing import definition_of
from towpath.capabilities.portal.apis.reading import read
from towpath.capabilities.portal.apis.versions import Version, versions_of
from towpath.hooks.pages import Live, LiveRecords, Page, PageRoute, Visit
from towpath.hooks.showing import APIS, api_page
from towpath.machinery.errors import NotFound
from towpath.machinery.references import EntityRef
from towpath.records.contract import Entity

READ_KEPT = 64
SHOWN_MAX = 400
"""Operations, and types, on one page; words find the others."""
TEXT_CHARACTERS_MAX = 500_000
SECTION = "/catalog"

_read: OrderedDict[tuple[str, str], Definition] = OrderedDict()


async def definition(visit: Visit) -> Page:
    entity, text = await _opened(visit)
    words = visit.parameters.get("q", "").strip()
    whole = await _definition(entity.type, text)
    shown = [one for one in whole.operations if _fits(one, words)]
    shapes = [one for one in whole.shapes if _has(words, one.name, one.description)]
    data = {
        **_frame(entity, "operations"),
        "definition": whole,
        "groups": replace(whole, operations=tuple(shown[:SHOWN_MAX])).groups,
        "shapes": shapes[:SHOWN_MAX],
        "left_out": max(0, len(shown) - SHOWN_MAX) + max(0, len(shapes) - SHOWN_MAX),
        "text": words,
        "as_text": "" if whole.operations or whole.shapes else text[:TEXT_CHARACTERS_MAX],
        "broken_lines": _around(text, whole),
    }
    return Page("apis/definition.html", data, title=entity.title or entity.name)


async def changes(visit: Visit) -> Page:
    entity, text = await _opened(visit)
    versions = await versions_of(visit, entity, text)
    new = _chosen(versions, visit.parameters.get("to", ""), 0)
    old = _chosen(versions, visit.parameters.get("from", ""), 1)
    found = None
    if old and new:
        before, after = await asyncio.gather(
            _definition(entity.type, old.text), _definition(entity.type, new.text)
        )
        found = await asyncio.to_thread(differences, before, after)
    by_severity = {
        severity.name.lower(): [one for one in found or () if one.severity is severity]
        for severity in Severity
    }
    data = {
        **_frame(entity, "changes"),
        "versions": versions,
        "old": old,
        "new": new,
        "compared": found is not None,
        "differences": by_severity,
        "count": len(found or ()),
    }
    return Page("apis/changes.html", data, title=f"{entity.title or entity.name}: changes")


async def source(visit: Visit) -> Page:
    entity, text = await _opened(visit)
    data = {
        **_frame(entity, "source"),
        "as_text": text[:TEXT_CHARACTERS_MAX],
        "is_cut": len(text) > TEXT_CHARACTERS_MAX,
    }
    return Page("apis/source.html", data, title=f"{entity.title or entity.name}: definition")


async def _opened(visit: Visit) -> tuple[Entity, str]:
    ref = EntityRef("api", visit.parameters["namespace"], visit.parameters["name"])
    entity = await visit.records.catalog.get(visit.viewer, ref.key)
    if entity is None:
        raise NotFound(f"the catalogue has no API {ref.namespace}/{ref.name}")
    return entity, definition_of(entity)


async def _definition(kind: str, text: str) -> Definition:
    key = (kind, text)
    found = _read.get(key)
    if found is None:
        found = await asyncio.to_thread(read, kind, text)
    _read[key] = found
    _read.move_to_end(key)
    while len(_read) > READ_KEPT:
        _read.popitem(last=False)
    return found


def _fits(operation: Operation, words: str) -> bool:
    return _has(
        words, operation.verb, operation.name, operation.summary, operation.group, operation.key
    )


def _has(words: str, *texts: str) -> bool:
    said = " ".join(texts).lower()
    return all(word in said for word in words.lower().split())


def _around(text: str, whole: Definition) -> Sequence[tuple[int, str]]:
    """The lines around the first place where it breaks."""
    line = next((one.line for one in whole.problems if one.line), 0)
    if not line:
        return ()
    lines = text.splitlines()
    first = max(1, line - 3)
    return [(number, lines[number - 1]) for number in range(first, min(len(lines), line + 3) + 1)]


def _chosen(versions: Sequence[Version], asked: str, otherwise: int) -> Version | None:
    if asked:
        found = next((one for one in versions if asked in (one.sha, one.release)), None)
        if found is None:
            raise NotFound(f"there is no version {asked[:40]!r} of this definition")
        return found
    return versions[otherwise] if len(versions) > otherwise else None


def _frame(entity: Entity, tab: str) -> Mapping[str, Any]:
    page = api_page(entity.namespace, entity.name)
    parts = (quote(part, safe="") for part in (entity.namespace, entity.name))
    tabs = (
        ("operations", "What it offers", page),
        ("changes", "Changes", f"{page}/changes"),
        ("source", "Definition", f"{page}/source"),
    )
    return {
        "entity": entity,
        "entity_href": f"/catalog/api/{entity.namespace}/{entity.name}",
        "page": page,
        "download": "/".join((FILES, *parts)),
        "tabs": [
            {"label": label, "href": href, "current": key == tab} for key, label, href in tabs
        ],
    }


def _live(_: Visit) -> Sequence[Live]:
    return [LiveRecords("catalog")]


_OF = f"{APIS}/{{namespace}}/{{name}}"
PAGES = (
    PageRoute(_OF, definition, "API", live=_live, section=SECTION),
    PageRoute(f"{_OF}/changes", changes, "Changes of an API", section=SECTION),
    PageRoute(f"{_OF}/source", source, "Definition of an API", section=SECTION),
)
