"""The pages of docs: what there is to read, and one page of it beside its site's navigation.

What was rendered when it was pushed is shown as it is. Where that is not the commit that somebody
wants to read, the page is rendered now: another version, or a push of a moment ago.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from towpath.capabilities.portal.docs import book, versions
from towpath.capabilities.portal.docs.reading import (
    ANNOTATION,
    SHARED,
    Docs,
    Reader,
    annotations_of,
    place_of,
    shared_with,
)
from towpath.capabilities.portal.docs.site import Entry, address, flat
from towpath.capabilities.portal.docs.versions import Version
from towpath.engines.git.port import GitError
from towpath.hooks.commits import commit_page
from towpath.hooks.pages import Answer, Live, LiveRecords, Page, PageRoute, Redirect, Visit
from towpath.hooks.showing import DOCS, docs_page
from towpath.machinery.errors import NotFound
from towpath.machinery.references import EntityRef
from towpath.records.contract import Entity, EntityFilter
from towpath.records.questions import Has

if TYPE_CHECKING:
    from towpath.capabilities.portal.docs.prose import Prose

PAGE_SIZE = 50
READS_MAX = 5
"""Of the index for one list, where docs of many are kept elsewhere."""
HAS_DOCS = Has(f"metadata.annotations.{ANNOTATION}")
PAGES_KEPT = 256
FOUND_MAX = 20

_Key = tuple[object, str, str, str]


@dataclass(frozen=True, slots=True)
class _Opened:
    """Docs as somebody reads them."""

    entity: Entity
    docs: Docs
    base: str
    version: Version | None
    is_kept: bool
    """They are what was rendered at the push."""

    @property
    def query(self) -> str:
        return versions.query_of(self.version)

    def href(self, path: str) -> str:
        return "/".join(filter(None, (self.base, quote(address(path))))) + self.query


class _Shelf:
    """What has been read and rendered here; a page of the same commit is rendered once."""

    def __init__(self) -> None:
        self.reader = Reader()
        self._pages: OrderedDict[_Key, book.KeptPage] = OrderedDict()

    async def page(self, visit: Visit, opened: _Opened, path: str) -> book.KeptPage:
        if opened.is_kept:
            data = await visit.records.docs.page(visit.viewer, opened.entity.ref, path)
            if data is not None:
                return book.page_of(data)
        docs = opened.docs
        if opened.is_kept:
            docs = await self.reader.docs(visit.git, opened.entity, docs.commit)
        key = (docs.place, docs.commit, path, opened.base + opened.query)
        found = self._pages.get(key)
        if found is None:
            prose = await asyncio.to_thread(_rendered, docs, path, opened)
            found = book.KeptPage(prose.title or docs.site.title_of(path), prose, None)
        self._pages[key] = found
        self._pages.move_to_end(key)
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        return found


def _rendered(docs: Docs, path: str, opened: _Opened) -> "Prose":
    # The renderer takes a while to load, and most visits need none.
    from towpath.capabilities.portal.docs.build import files_base, source_of, work_of
    from towpath.capabilities.portal.docs.prose import Bases
    from towpath.capabilities.portal.docs.rendering import RENDERER

    bases = Bases(opened.base, files_base(opened.entity), opened.query)
    text = source_of(docs.site, path)
    return RENDERER.render(work_of(docs.site, bases), {path: text})[path]


_SHELF = _Shelf()


async def index(visit: Visit) -> Page:
    """What has docs, of all that the visitor may see; and what is written there."""
    text, token = visit.parameters.get("q", "").strip(), visit.parameters.get("continue", "")
    started, rows = bool(token), list[dict[str, str]]()
    for _ in range(READS_MAX):
        found = await visit.records.catalog.query(
            visit.viewer,
            EntityFilter(text=text, meets=HAS_DOCS),
            limit=PAGE_SIZE,
            continue_token=token,
        )
        rows += [_row(one) for one in found.entities if place_of(one)]
        token = found.continue_token
        if not token or len(rows) >= PAGE_SIZE:
            break
    passages = await visit.records.passages.find(
        visit.viewer, text, sorts=("docs",), limit=FOUND_MAX
    )
    data = {
        "rows": rows,
        "text": text,
        "passages": [] if started else passages,
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
    if place_of(entity) is None and (other := shared_with(entity)):
        return await _of_another(visit, entity, other)
    found = await versions.versions_of(visit, entity)
    version = versions.chosen(found, parameters.get("version", ""), entity)
    opened = await _open(visit, entity, version)
    asked = parameters.get("path", "").strip("/")
    path = opened.docs.site.page_at(asked)
    if path is None:
        if asked:
            raise NotFound(f"the docs of {entity.name} have no page {asked!r}")
        return Page("docs/empty.html", _frame(opened, found), title=f"{entity.name}: docs")
    if asked and asked != address(path):
        return Redirect(opened.href(path))
    words = parameters.get("q", "").strip()
    if words:
        return await _searched(visit, opened, found, words)
    return await _shown_page(visit, opened, found, path)


async def _of_another(visit: Visit, entity: Entity, other: EntityRef) -> Answer:
    if await visit.records.catalog.get(visit.viewer, other.key) is None:
        raise NotFound(f"{entity.ref} shares the docs of {other}, which is not in the catalogue")
    at = str(annotations_of(entity).get(f"{SHARED}-path", "")).strip("/")
    base = docs_page(other.kind, other.namespace, other.name)
    return Redirect("/".join(filter(None, (base, quote(at)))))


async def _open(visit: Visit, entity: Entity, version: Version | None) -> _Opened:
    """Raises NotFound: where there are none, and where the visitor may not read them."""
    base = docs_page(entity.kind, entity.namespace, entity.name)
    place = place_of(entity)
    if version is None and place is not None:
        kept = await visit.records.docs.site(visit.viewer, entity.ref)
        if kept is not None:
            docs = book.docs_of(kept.data)
            try:
                head = await visit.git.head(place.repository)
            except GitError as error:
                raise NotFound(str(error)) from error
            if docs.place == place and docs.commit == head:
                return _Opened(entity, docs, base, None, is_kept=True)
    commit = version.commit if version else ""
    docs = await _SHELF.reader.docs(visit.git, entity, commit)
    return _Opened(entity, docs, base, version, is_kept=False)


async def _shown_page(visit: Visit, opened: _Opened, found: Sequence[Version], path: str) -> Page:
    docs, entity = opened.docs, opened.entity
    shown = await _SHELF.page(visit, opened, path)
    before, after = docs.site.beside(path)
    file = "/".join(filter(None, (docs.place.folder, docs.site.folder, path)))
    line = shown.changed
    data = {
        **_frame(opened, found),
        "nav": [_listed(one, opened, path) for one in docs.site.nav],
        "crumbs": _crumbs(docs.site.nav, opened, path),
        "heading": shown.title,
        "prose": shown.prose.html,
        "headings": shown.prose.headings,
        "problem": shown.prose.problem,
        "file": file,
        "edit": docs.site.edits and docs.site.edits.rstrip("/") + "/" + quote(path),
        "before": _listed(before, opened, path) if before else None,
        "after": _listed(after, opened, path) if after else None,
        "line": line,
        "line_href": commit_page(entity.project, entity.workload, line.sha)
        if line and entity.workload
        else "",
        "since": await _since(visit, opened, path),
        "here": opened.href(path),
    }
    return Page("docs/page.html", data, title=f"{shown.title} - {docs.site.name}")


async def _searched(visit: Visit, opened: _Opened, found: Sequence[Version], words: str) -> Page:
    passages = await visit.records.passages.find(
        visit.viewer, words, sorts=("docs",), entity=opened.entity.ref, limit=FOUND_MAX
    )
    data = {
        **_frame(opened, found),
        "nav": [_listed(one, opened, "") for one in opened.docs.site.nav],
        "text": words,
        "passages": passages,
    }
    return Page("docs/found.html", data, title=f"{words} - {opened.docs.site.name}")


async def _since(visit: Visit, opened: _Opened, path: str) -> Mapping[str, Any] | None:
    """Of another version: what has become of this page on main."""
    if opened.version is None:
        return None
    try:
        newest = await _SHELF.reader.docs(visit.git, opened.entity)
    except NotFound:
        return None
    then = opened.docs.site.files[path].decode("utf-8", "replace")
    now = newest.site.files.get(path)
    href = "/".join(filter(None, (opened.base, quote(address(path))))) if now else opened.base
    if now is None:
        return {"sentence": "Main has no such page any more.", "diff": "", "href": href}
    diff = versions.difference(then, now.decode("utf-8", "replace"))
    sentence = "This page has changed on main since." if diff else "It is the same on main."
    return {"sentence": sentence, "diff": diff, "href": href}


def _frame(opened: _Opened, found: Sequence[Version]) -> dict[str, Any]:
    entity, docs = opened.entity, opened.docs
    return {
        "entity": entity,
        "entity_href": f"/catalog/{entity.kind.lower()}/{entity.namespace}/{entity.name}",
        "site": docs.site.name,
        "base": opened.base,
        "problems": docs.site.problems,
        "repository": str(docs.place.repository),
        "versions": found,
        "version": opened.version.name if opened.version else "",
        "query": opened.query,
    }


def _crumbs(entries: Sequence[Entry], opened: _Opened, path: str) -> list[tuple[str, str]]:
    """The headings of the navigation that a page stands under, each with its first page."""
    for entry in entries:
        if entry.path == path:
            return []
        if entry.children and _holds(entry, path):
            first = next((one.path for one in flat(entry.children) if one.path), path)
            return [(entry.title, opened.href(first)), *_crumbs(entry.children, opened, path)]
    return []


def _holds(entry: Entry, path: str) -> bool:
    return entry.path == path or any(_holds(one, path) for one in entry.children)


def _listed(entry: Entry, opened: _Opened, current: str) -> Mapping[str, Any]:
    return {
        "title": entry.title,
        "href": opened.href(entry.path) if entry.path else entry.url,
        "is_elsewhere": bool(entry.url),
        "is_current": bool(entry.path) and entry.path == current,
        "children": [_listed(one, opened, current) for one in entry.children],
    }


def _live(_: Visit) -> Sequence[Live]:
    return [LiveRecords("catalog"), LiveRecords("docs")]


def _live_page(_: Visit) -> Sequence[Live]:
    return [LiveRecords("docs")]


PAGES = (
    PageRoute(DOCS, index, "Docs", live=_live, section=DOCS),
    PageRoute(
        f"{DOCS}/{{namespace}}/{{kind}}/{{name}}",
        page,
        "Docs of an entity",
        live=_live_page,
        section=DOCS,
    ),
    PageRoute(
        f"{DOCS}/{{namespace}}/{{kind}}/{{name}}/{{path:path}}",
        page,
        "Page of docs",
        live=_live_page,
        section=DOCS,
    ),
)
