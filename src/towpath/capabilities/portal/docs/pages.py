"""The pages of docs: what there is to read, and one page of it beside its site's navigation."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from towpath.capabilities.portal.docs.reading import Docs, Reader, place_of
from towpath.capabilities.portal.docs.site import Entry, address
from towpath.hooks.commits import commit_line
from towpath.hooks.pages import Answer, Live, LiveRecords, Page, PageRoute, Redirect, Visit
from towpath.hooks.showing import DOCS, docs_page
from towpath.machinery.errors import NotFound
from towpath.machinery.references import EntityRef
from towpath.records.contract import Entity, EntityFilter

if TYPE_CHECKING:
    from towpath.capabilities.portal.docs.prose import Prose

PAGE_SIZE = 50
READS_MAX = 5
"""Of the index for one list, where few of many have docs."""
PAGES_KEPT = 256

_Key = tuple[object, str, str, str]


class _Shelf:
    """What has been read and rendered; a page of the same commit is rendered once."""

    def __init__(self) -> None:
        self.reader = Reader()
        self._prose: OrderedDict[_Key, Prose] = OrderedDict()

    async def prose(self, docs: Docs, page: str, base: str) -> "Prose":
        key = (docs.place, docs.commit, page, base)
        found = self._prose.get(key)
        if found is None:
            found = await asyncio.to_thread(_rendered, docs, page, base)
        self._prose[key] = found
        self._prose.move_to_end(key)
        while len(self._prose) > PAGES_KEPT:
            self._prose.popitem(last=False)
        return found


def _rendered(docs: Docs, page: str, base: str) -> "Prose":
    # The renderer takes a while to load, and most visits need none.
    from towpath.capabilities.portal.docs.prose import rendered

    return rendered(docs.site, page, base)


_SHELF = _Shelf()


async def index(visit: Visit) -> Page:
    """What has docs, of all that the visitor may see."""
    text, token = visit.parameters.get("q", "").strip(), visit.parameters.get("continue", "")
    started, rows = bool(token), list[dict[str, str]]()
    for _ in range(READS_MAX):
        found = await visit.records.catalog.query(
            visit.viewer, EntityFilter(text=text), limit=PAGE_SIZE, continue_token=token
        )
        rows += [_row(one) for one in found.entities if place_of(one)]
        token = found.continue_token
        if not token or len(rows) >= PAGE_SIZE:
            break
    data = {
        "rows": rows,
        "text": text,
        "next": _address(text, token) if token else "",
        "first": _address(text) if started else "",
    }
    return Page("docs/index.html", data)


def _address(text: str, token: str = "") -> str:
    query = urlencode({key: value for key, value in (("q", text), ("continue", token)) if value})
    return f"{DOCS}?{query}" if query else DOCS


def _row(entity: Entity) -> dict[str, str]:
    return {
        "title": entity.title or entity.name,
        "kind": entity.kind,
        "description": entity.description,
        "project": entity.project,
        "owner": entity.owner.rpartition("/")[2],
        "href": docs_page(entity.kind, entity.namespace, entity.name),
    }


async def page(visit: Visit) -> Answer:
    parameters = visit.parameters
    ref = EntityRef(parameters["kind"], parameters["namespace"], parameters["name"])
    entity = await visit.records.catalog.get(visit.viewer, ref.key)
    if entity is None:
        raise NotFound(f"the catalogue has no {ref.kind} {ref.namespace}/{ref.name}")
    docs = await _SHELF.reader.docs(visit.git, entity)
    base = docs_page(entity.kind, entity.namespace, entity.name)
    asked = parameters.get("path", "").strip("/")
    path = docs.site.page_at(asked)
    if path is None:
        if asked:
            raise NotFound(f"the docs of {entity.name} have no page {asked!r}")
        return Page("docs/empty.html", _frame(entity, docs, base), title=f"{entity.name}: docs")
    if asked and asked != address(path):
        return Redirect("/".join(filter(None, (base, quote(address(path))))))
    prose, line = await asyncio.gather(
        _SHELF.prose(docs, path, base),
        commit_line(visit.git, docs.place.repository, docs.commit, entity.workload),
    )
    before, after = docs.site.beside(path)
    data = {
        **_frame(entity, docs, base),
        "nav": [_shown(one, base, path) for one in docs.site.nav],
        "heading": prose.title or docs.site.title_of(path),
        "prose": prose.html,
        "headings": prose.headings,
        "file": "/".join(filter(None, (docs.place.folder, docs.site.folder, path))),
        "before": _shown(before, base, path) if before else None,
        "after": _shown(after, base, path) if after else None,
        "line": line,
    }
    return Page("docs/page.html", data, title=f"{docs.site.title_of(path)} - {docs.site.name}")


def _frame(entity: Entity, docs: Docs, base: str) -> dict[str, Any]:
    return {
        "entity": entity,
        "entity_href": f"/catalog/{entity.kind.lower()}/{entity.namespace}/{entity.name}",
        "site": docs.site.name,
        "base": base,
        "problems": docs.site.problems,
        "repository": str(docs.place.repository),
        "commit": docs.commit,
    }


def _shown(entry: Entry, base: str, current: str) -> Mapping[str, Any]:
    href = "/".join(filter(None, (base, quote(address(entry.path))))) if entry.path else entry.url
    return {
        "title": entry.title,
        "href": href,
        "is_elsewhere": bool(entry.url),
        "is_current": bool(entry.path) and entry.path == current,
        "children": [_shown(one, base, current) for one in entry.children],
    }


def _live(_: Visit) -> Sequence[Live]:
    return [LiveRecords("catalog")]


PAGES = (
    PageRoute(DOCS, index, "Docs", live=_live, section=DOCS),
    PageRoute(f"{DOCS}/{{namespace}}/{{kind}}/{{name}}", page, "Docs of an entity", section=DOCS),
    PageRoute(
        f"{DOCS}/{{namespace}}/{{kind}}/{{name}}/{{path:path}}", page, "Page of docs", section=DOCS
    ),
)
