"""Backstage's search API: `/api/search/query`, with its documents, cursors and errors.

Authority: Backstage's search-backend, and its collators of the catalogue and of TechDocs, which
make documents of entities and of passages. What is found is found as everywhere here; a page is
counted from the beginning, as in Backstage. Answers are kept until something is stored that could
change them: who asks the same again is told the same bytes.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi, backstage_refusal
from towpath.hooks.platform import Platform
from towpath.machinery.errors import BadRequest, MethodNotAllowed, NotFound
from towpath.machinery.references import DEFAULT_NAMESPACE
from towpath.machinery.remembering import Kept
from towpath.records.contract import Entity, EntityFilter, Finding, Viewer
from towpath.records.search import MARK_BEGINS, MARK_ENDS, FoundPassage
from towpath.runtime.catalogsources import EVERYTHING

API = "/api/search"
CATALOG, DOCS = "software-catalog", "techdocs"
TYPES = (CATALOG, DOCS)
LIMIT_DEFAULT = 25
LIMIT_MAX = 100
TERM_CHARACTERS_MAX = 100
PAGES_MAX = 40
"""So deep one may read: a page is counted from the beginning."""
TEXT_CHARACTERS_MAX = 2000
CACHE_BYTES_MAX = 2 * 1024 * 1024
CACHED_BYTES_MAX = 256 * 1024
"""An answer larger than this is rather made again."""
TAG = "b7c1f2d4-1f6e-4d0e-9f4c-1f0f6c0a9e51"
"""Around what fits, as a tag that no text holds."""
HIGHLIGHT = (f"<{TAG}>", f"</{TAG}>")
_WORD = re.compile(r"[^\s-]+")


def apis(platform: Platform) -> Sequence[ForeignApi]:
    return (ForeignApi(API, _Search(platform).answer, backstage_refusal),)


@dataclass(frozen=True, slots=True)
class Query:
    term: str
    types: tuple[str, ...]
    filters: Mapping[str, tuple[str, ...]]
    limit: int
    page: int


def query_of(text: str) -> Query:
    """Of an address. Raises BadRequest, in Backstage's words where it has some."""
    term, cursor, limit = "", "", LIMIT_DEFAULT
    types: list[str] = []
    filters: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        key, _, rest = name.partition("[")
        match key:
            case "term":
                term = value
            case "types":
                types += [one for one in value.split(",") if one]
            case "filters" if rest:
                of = rest.partition("]")[0]
                filters[of] = (*filters.get(of, ()), value)
            case "pageLimit":
                limit = _limit(value)
            case "pageCursor":
                cursor = value
    if len(term) > TERM_CHARACTERS_MAX:
        longer = f'The term length "{len(term)}" is greater than "{TERM_CHARACTERS_MAX}"'
        raise BadRequest(f"Invalid query string: {longer}")
    if unknown := [one for one in types if one not in TYPES]:
        raise BadRequest(
            f"Invalid query string: types: {unknown[0]!r} is none of {', '.join(TYPES)}"
        )
    return Query(term.strip(), tuple(types) or TYPES, filters, limit, page_of(cursor))


def _limit(text: str) -> int:
    if not text.isdecimal():
        raise BadRequest(f"request/query/pageLimit must be integer, not {text[:40]!r}")
    if int(text) > LIMIT_MAX:
        greater = f'The page limit "{text}" is greater than "{LIMIT_MAX}"'
        raise BadRequest(f"Invalid query string: {greater}")
    return int(text) or LIMIT_DEFAULT


def page_of(cursor: str) -> int:
    """The number of a page by its cursor; "" is the first."""
    if not cursor:
        return 0
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.isdecimal():
        raise BadRequest("Invalid page cursor")
    if int(text) >= PAGES_MAX:
        raise BadRequest(f"Invalid page cursor: {PAGES_MAX} pages are read at most")
    return int(text)


def cursor_of(page: int) -> str:
    return base64.b64encode(str(page).encode()).decode()


class _Search:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._answers: Kept[tuple[frozenset[str] | None, str]] = Kept(
            bytes_max=CACHE_BYTES_MAX, one_bytes_max=CACHED_BYTES_MAX
        )
        self._edition = 0
        self._hearing = ExitStack()
        """Never left: for as long as the platform is."""
        for noun in ("catalog", "docs"):
            news = platform.changes.of_projects(noun, EVERYTHING, self._outdate)
            self._hearing.enter_context(news)

    def _outdate(self) -> None:
        self._edition += 1
        self._answers.clear()

    async def answer(self, request: ApiRequest) -> ApiAnswer:
        if request.path != "/query":
            raise NotFound(f"{API}{request.path} is not known here")
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{request.method} is not answered here; GET is")
        key = (request.viewer.projects, request.query)
        kept = self._answers.get(key)
        if kept is not None:
            return ApiAnswer(kept)
        edition = self._edition
        body = orjson.dumps(await self._found(request.viewer, query_of(request.query)))
        if edition == self._edition:
            self._answers.put(key, body)
        return ApiAnswer(body)

    async def _found(self, viewer: Viewer, query: Query) -> dict[str, Any]:
        begins, wanted = query.page * query.limit, (query.page + 1) * query.limit + 1
        results: list[dict[str, Any]] = []
        if CATALOG in query.types:
            results += await self._entities(viewer, query, wanted)
        if DOCS in query.types and len(results) < wanted:
            results += await self._passages(viewer, query, wanted - len(results), meant=not results)
        shown = results[begins : begins + query.limit]
        for number, one in enumerate(shown, start=begins + 1):
            one["rank"] = number
        answer: dict[str, Any] = {"results": shown}
        if len(results) > begins + query.limit and query.page + 1 < PAGES_MAX:
            answer["nextPageCursor"] = cursor_of(query.page + 1)
        if query.page:
            answer["previousPageCursor"] = cursor_of(query.page - 1)
        return answer

    async def _entities(self, viewer: Viewer, query: Query, limit: int) -> list[dict[str, Any]]:
        where = _where(query)
        if where is None:
            return []
        found = await self._platform.catalog.find(viewer, where, limit=limit)
        marker = Marker.of(query.term)
        return [
            {"type": CATALOG, "document": one, "highlight": _highlight(marker.marked(one))}
            for one in map(document_of, found)
        ]

    async def _passages(
        self, viewer: Viewer, query: Query, limit: int, *, meant: bool
    ) -> list[dict[str, Any]]:
        """`meant`: a word may be a mistyped one, for no entity fits it as it is."""
        names = ("kind", "namespace", "name")
        entity = ""
        if all(len(query.filters.get(name, ())) == 1 for name in names):
            kind, namespace, name = (query.filters[one][0].lower() for one in names)
            entity = f"{kind}:{namespace}/{name}"
        found = await self._platform.passages.find(
            viewer, query.term, sorts=("docs",), entity=entity, limit=limit, meant=meant
        )
        refs = tuple({one.entity for one in found})
        where = EntityFilter({"ref": refs})
        known_here = await self._platform.catalog.query(viewer, where, limit=len(refs) or 1)
        entities = {entity.ref: entity for entity in known_here.entities}
        results = []
        for one in found:
            known = entities.get(one.entity)
            if known is None:
                continue
            document = passage_document(one, known)
            if _fits(document, query.filters):
                fields = {"title": _marked(one.title), "text": _marked(one.snippet)}
                results.append(
                    {"type": DOCS, "document": document, "highlight": _highlight(fields)}
                )
        return results


def _where(query: Query) -> EntityFilter | None:
    """None when a filter asks for what no document of an entity has."""
    fields: dict[str, tuple[str, ...]] = {}
    for name, values in query.filters.items():
        match name:
            case "kind":
                fields["kind"] = _spelt(values)
            case "type" | "componentType":
                fields["type"] = _spelt(values)
            case "lifecycle":
                fields[name] = _spelt(values)
            case "namespace" | "name":
                fields[name] = values
            case "owner":
                refs = [ref for one in values for ref in _owners(one.lower())]
                fields["owner"] = tuple(refs)
            case _:
                return None
    return EntityFilter(fields, query.term)


def _spelt(values: Sequence[str]) -> tuple[str, ...]:
    """As a field may spell it: they are compared without regard to case there."""
    ways = (way for one in values for way in (one, one.lower(), one.capitalize(), one.upper()))
    return tuple(sorted({*ways}))


def _owners(owner: str) -> Sequence[str]:
    if ":" in owner:
        kind, _, name = owner.partition(":")
        return (owner if "/" in name else f"{kind}:{DEFAULT_NAMESPACE}/{name}",)
    place = owner if "/" in owner else f"{DEFAULT_NAMESPACE}/{owner}"
    return (f"group:{place}", f"user:{place}")


def _fits(document: Mapping[str, Any], filters: Mapping[str, Sequence[str]]) -> bool:
    return all(
        str(document.get(name, "")).lower() in {value.lower() for value in values}
        for name, values in filters.items()
    )


def document_of(entity: Finding) -> dict[str, Any]:
    """An entity as the collator of the catalogue tells it."""
    descriptor = orjson.loads(entity.descriptor)
    spec = descriptor.get("spec") or {}
    kind = entity.type or "other"
    return {
        "title": descriptor["metadata"].get("title") or entity.name,
        "text": _text(entity, spec),
        "componentType": kind,
        "type": kind,
        "namespace": entity.namespace,
        "kind": entity.kind,
        "lifecycle": entity.lifecycle,
        "owner": str(spec.get("owner") or ""),
        "location": f"/catalog/{entity.namespace}/{entity.kind}/{entity.name}".lower(),
    }


def _text(entity: Finding, spec: Mapping[str, Any]) -> str:
    texts = [entity.description]
    profile = spec.get("profile")
    if entity.kind in ("User", "Group") and isinstance(profile, dict):
        texts += [str(profile.get("displayName") or "")]
        texts += [str(profile.get("email") or "")] if entity.kind == "User" else []
    return " : ".join(filter(None, texts))


@dataclass(frozen=True, slots=True)
class Marker:
    """Marks the words that begin as one of the term's does; a word ends at a dash."""

    wanted: tuple[str, ...]
    begun: re.Pattern[str]

    @classmethod
    def of(cls, term: str) -> "Marker":
        wanted = sorted(set(_WORD.findall(term.lower())), reverse=True)
        words = "|".join(map(re.escape, wanted))
        return cls(tuple(wanted), re.compile(rf"(?<![^\s-])((?:{words})[^\s-]*)", re.IGNORECASE))

    def marked(self, document: Mapping[str, Any]) -> dict[str, str]:
        """The fields with such words."""
        fields = {}
        for name in ("title", "text", "owner"):
            text: str = document[name]
            lower = text.lower()
            # Most have none, and a pattern takes ten times as long to say so.
            if any(word in lower for word in self.wanted):
                parts = self.begun.split(text)
                parts[1::2] = [f"{HIGHLIGHT[0]}{word}{HIGHLIGHT[1]}" for word in parts[1::2]]
                if len(parts) > 1:
                    fields[name] = "".join(parts)
        return fields


def passage_document(found: FoundPassage, entity: Entity) -> dict[str, Any]:
    """A passage of docs as the collator of TechDocs tells it."""
    passage = found.passage
    base = f"/docs/{entity.namespace}/{entity.kind}/{entity.name}".lower()
    return {
        "title": passage.title,
        "text": passage.text[:TEXT_CHARACTERS_MAX],
        "location": passage.href,
        "path": passage.href.removeprefix(base).lstrip("/"),
        "kind": entity.kind.lower(),
        "namespace": entity.namespace.lower(),
        "name": entity.name.lower(),
        "entityTitle": entity.title or None,
        "componentType": entity.type or "other",
        "lifecycle": entity.lifecycle,
        "owner": entity.owner.rpartition("/")[2],
    }


def _highlight(fields: Mapping[str, str]) -> dict[str, Any]:
    return {"preTag": HIGHLIGHT[0], "postTag": HIGHLIGHT[1], "fields": fields}


def _marked(text: str) -> str:
    return text.replace(MARK_BEGINS, HIGHLIGHT[0]).replace(MARK_ENDS, HIGHLIGHT[1])
