"""Backstage's catalogue API below `/api/catalog`: the same requests, answers and errors.

Authority: Backstage's catalog-backend, its published description, and where the two disagree its
code. Answers are put together from JSON that lies ready in the index. What is asked again is told
with the same bytes until the index changes; who may see the same projects shares them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import orjson

from towpath.capabilities.portal.catalog.backstage import asking
from towpath.capabilities.portal.catalog.backstage.locations import Locations
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi, backstage_refusal
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.machinery.errors import BadRequest, Forbidden, NotFound
from towpath.machinery.references import DEFAULT_NAMESPACE
from towpath.machinery.remembering import Kept
from towpath.machinery.users import AccessRequest, Authorize
from towpath.records.contract import CatalogIndex, Cause, Viewer
from towpath.records.questions import REF, By, Condition, Uid

API = "/api/catalog"
JSON = "application/json; charset=utf-8"
CACHE_BYTES_MAX = 4 * 1024 * 1024
CACHED_BYTES_MAX = 256 * 1024
"""An answer larger than this is rather made again."""
REFS_MAX = 10_000

Handler = Callable[[ApiRequest], Awaitable[bytes]]
Key = tuple[str, str, frozenset[str] | None]


def apis(platform: Platform) -> Sequence[ForeignApi]:
    return (
        ForeignApi(API, CatalogApi(platform.catalog, platform.authorize).answer, backstage_refusal),
    )


class CatalogApi:
    def __init__(self, catalog: CatalogIndex, authorize: Authorize) -> None:
        self._catalog = catalog
        self._authorize = authorize
        self._entities = Entities(catalog)
        self._locations = Locations(catalog)
        self._cache = _Answers(catalog)
        self._lists: Mapping[str, Handler] = {
            "/entities/by-query": self._entities.by_query,
            "/entity-facets": self._entities.facets,
        }

    async def answer(self, request: ApiRequest) -> ApiAnswer:
        path = request.path.removesuffix("/")
        if request.method in ("GET", "HEAD"):
            if (handler := self._lists.get(path)) is not None:
                return ApiAnswer(await self._kept(request, handler), content_type=JSON)
            return await self._read(request, _parts(path))
        return await self._changed(request, path)

    async def _kept(self, request: ApiRequest, handler: Handler) -> bytes:
        if asking.CURRENT_USER in request.query:
            return await handler(request)  # another for each visitor
        key = (request.path, request.query, request.viewer.projects)
        known = self._cache.get(key)
        if known is None:
            revision = self._cache.revision
            known = await handler(request)
            self._cache.put(key, known, revision)
        return known

    async def _read(self, request: ApiRequest, parts: list[str]) -> ApiAnswer:
        match parts:
            case ["entities"]:
                return await self._entities.list(request)
            case ["entities", "by-name", kind, namespace, name]:
                body = await self._entities.by_name(request.viewer, kind, namespace, name)
            case ["entities", "by-name", kind, namespace, name, "ancestry"]:
                body = await self._entities.ancestry(request.viewer, kind, namespace, name)
            case ["entities", "by-uid", uid]:
                body = await self._entities.by_uid(request.viewer, uid)
            case ["locations"]:
                body = await self._locations.all(request)
            case ["locations", "by-entity", kind, namespace, name]:
                ref = f"{kind}:{namespace}/{name}"
                body = await self._locations.of_entity(request, ref)
            case ["locations", location_id]:
                body = await self._locations.one(request, location_id)
            case _:
                raise NotFound(f"there is no {request.method} {API}{request.path}")
        return ApiAnswer(body, content_type=JSON)

    async def _changed(self, request: ApiRequest, path: str) -> ApiAnswer:
        match request.method, _parts(path):
            case "POST", ["entities", "by-query"]:
                return ApiAnswer(await self._entities.by_predicate(request), content_type=JSON)
            case "POST", ["entities", "by-refs"]:
                return ApiAnswer(await self._entities.by_refs(request), content_type=JSON)
            case "POST", ["entity-facets"]:
                return ApiAnswer(await self._entities.facets_of_body(request), content_type=JSON)
            case "DELETE", ["entities", "by-uid", uid]:
                await self._delete(request, Uid(uid))
                return ApiAnswer(status=204)
            case "POST", ["refresh"]:
                await self._locations.refresh(request, body_of(request))
                return ApiAnswer(status=200)
            case "POST", ["locations"]:
                body = await self._locations.add(request, body_of(request))
                return ApiAnswer(body, 201, JSON)
            case "DELETE", ["locations", location_id]:
                await self._locations.remove(request, location_id)
                return ApiAnswer(status=204)
            case "POST", ["analyze-location"]:
                body = await self._locations.analyze(request, body_of(request))
                return ApiAnswer(body, content_type=JSON)
            case "POST", ["validate-entity"]:
                return self._locations.validate(body_of(request))
        raise NotFound(f"there is no {request.method} {API}{request.path}")

    async def _delete(self, request: ApiRequest, uid: Uid) -> None:
        """Who may delete a source may take an entity out; its source may bring it again."""
        known = await self._catalog.identified(request.viewer, uid)
        if known is None:
            return
        metadata = orjson.loads(known)["metadata"]
        entity = await self._catalog.get(
            request.viewer, await self._entities.ref_of(request.viewer, uid)
        )
        namespace = (entity.project if entity else "") or SYSTEM_NAMESPACE
        may = AccessRequest("delete", "towpath.dev", "catalogsources", namespace=namespace)
        if not await self._authorize(request.user, may):
            raise Forbidden(f"you may not delete catalogue sources in {namespace}")
        cause = Cause(request.user.name, f"deleted {metadata['name']} by its uid")
        await self._catalog.remove(request.viewer, uid, cause=cause)


class Entities:
    """Reading entities."""

    def __init__(self, catalog: CatalogIndex) -> None:
        self._catalog = catalog

    async def list(self, request: ApiRequest) -> ApiAnswer:
        question, fields = asking.listed(asking.parameters_of(request.query))
        question = replace(
            question,
            where=self._of_visitor(request, question.where),
            order=question.order or (By(REF),),
        )
        answer = await self._catalog.ask(request.viewer, question)
        headers = {}
        if answer.more and question.limit is not None:
            after = asking.after_cursor(question.limit, question.offset + question.limit)
            headers["link"] = _next(request, after)
        rows = _pruned(answer.entities, fields)
        return ApiAnswer(b"[" + b",".join(rows) + b"]", content_type=JSON, headers=headers)

    async def by_query(self, request: ApiRequest) -> bytes:
        return await self._page(request, asking.page_of(asking.parameters_of(request.query)))

    async def by_predicate(self, request: ApiRequest) -> bytes:
        return await self._page(request, asking.page_of_body(body_of(request)))

    async def _page(self, request: ApiRequest, asked: asking.Asked) -> bytes:
        question = replace(asked.question, where=self._of_visitor(request, asked.question.where))
        answer = await self._catalog.ask(request.viewer, question)
        total = answer.total if asked.total is None else asked.total
        backwards = question.before is not None
        pages = {}
        if answer.first is not None and answer.last is not None:
            first = asked.first or answer.first
            if answer.more or backwards:
                told = asking.cursor_of(asked, answer.last, first, total, back=False)
                pages["nextCursor"] = told
            if asked.first is not None and answer.first != asked.first:
                told = asking.cursor_of(asked, answer.first, first, total, back=True)
                pages["prevCursor"] = told
        rows = _pruned(answer.entities, asked.fields)
        items = b",".join(rows)
        end = orjson.dumps(pages)
        return b'{"items":[%b],"totalItems":%d,"pageInfo":%b}' % (items, total, end)

    async def by_refs(self, request: ApiRequest) -> bytes:
        body = body_of(request)
        refs = body.get("entityRefs")
        if not isinstance(refs, list) or not all(isinstance(one, str) for one in refs):
            raise BadRequest("Malformed request: entityRefs must be a list of strings")
        if len(refs) > REFS_MAX:
            raise BadRequest(f"Malformed request: more than {REFS_MAX} entityRefs")
        parameters = asking.parameters_of(request.query)
        own = body.get("fields")
        fields = asking.fields_of(own if own is not None else parameters.get("fields", ()))
        where = self._of_visitor(request, asking.filter_of(parameters))
        found = await self._catalog.named(request.viewer, refs, where)
        rows = [row if row is None else _pruned([row], fields)[0] for row in found]
        return b'{"items":[%b]}' % b",".join(row or b"null" for row in rows)

    async def by_name(self, viewer: Viewer, kind: str, namespace: str, name: str) -> bytes:
        (found,) = await self._catalog.named(viewer, [f"{kind}:{namespace}/{name}"])
        if found is None:
            raise NotFound(
                f"No entity named '{name}' found, with kind '{kind}' in namespace '{namespace}'"
            )
        return found

    async def by_uid(self, viewer: Viewer, uid: str) -> bytes:
        found = await self._catalog.identified(viewer, Uid(uid))
        if found is None:
            raise NotFound(f"No entity with uid {uid}")
        return found

    async def ref_of(self, viewer: Viewer, uid: Uid) -> str:
        entity = orjson.loads(await self.by_uid(viewer, uid))
        metadata = entity["metadata"]
        return f"{entity['kind']}:{metadata['namespace']}/{metadata['name']}"

    async def ancestry(self, viewer: Viewer, kind: str, namespace: str, name: str) -> bytes:
        """An entity comes from its source, which is an object of the platform and no entity."""
        ref = f"{kind}:{namespace}/{name}".lower()
        (found,) = await self._catalog.named(viewer, [ref])
        if found is None:
            raise NotFound(f"No such entity {ref}")
        told = b'{"rootEntityRef":%b,"items":[{"entity":%b,"parentEntityRefs":[]}]}'
        return told % (orjson.dumps(ref), found)

    async def facets(self, request: ApiRequest) -> bytes:
        parameters = asking.parameters_of(request.query)
        keys = [key for key in parameters.get("facet", ()) if key]
        if not keys:
            raise BadRequest("Missing facet parameter")
        return await self._counted(request, asking.filter_of(parameters), keys)

    async def facets_of_body(self, request: ApiRequest) -> bytes:
        keys, where = asking.facets_of_body(body_of(request))
        return await self._counted(request, where, keys)

    async def _counted(self, request: ApiRequest, where: Condition, keys: Sequence[str]) -> bytes:
        where = self._of_visitor(request, where)
        counted = await self._catalog.count(request.viewer, where, keys)
        facets = {
            key: [{"value": value, "count": count} for value, count in counts]
            for key, counts in counted.items()
        }
        return orjson.dumps({"facets": facets})

    def _of_visitor(self, request: ApiRequest, where: Condition) -> Condition:
        groups = (f"group:{DEFAULT_NAMESPACE}/{name}" for name in request.user.groups)
        owners = (f"user:{DEFAULT_NAMESPACE}/{request.user.name}", *groups)
        return asking.with_owners(where, [owner.lower() for owner in owners])


class _Answers:
    """Answers by what was asked and who may see what; those of another revision are none."""

    def __init__(self, catalog: CatalogIndex) -> None:
        self._catalog = catalog
        self._of = catalog.revision
        self._kept: Kept[Key] = Kept(bytes_max=CACHE_BYTES_MAX, one_bytes_max=CACHED_BYTES_MAX)

    @property
    def revision(self) -> int:
        return self._catalog.revision

    def get(self, key: Key) -> bytes | None:
        if self._of != self.revision:
            self._kept.clear()
            self._of = self.revision
        return self._kept.get(key)

    def put(self, key: Key, answer: bytes, revision: int) -> None:
        """As it was made at that revision; by now it may be too old."""
        if revision == self.revision:
            self._kept.put(key, answer)


def body_of(request: ApiRequest) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadRequest("Illegal Content-Type" if kind else "Content-Type missing")
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"Malformed request: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("Expected body to be a JSON object")
    return body


def _parts(path: str) -> list[str]:
    return [unquote(part) for part in path.split("/")[1:]]


def _pruned(rows: list[bytes], fields: Sequence[str]) -> list[bytes]:
    return [asking.pruned(row, fields) for row in rows] if fields else rows


def _next(request: ApiRequest, after: str) -> str:
    kept = [
        one
        for one in parse_qsl(request.query, keep_blank_values=True)
        if one[0] not in ("offset", "after")
    ]
    return f'<{request.path}?{urlencode([*kept, ("after", after)])}>; rel="next"'
