"""Backstage's catalogue API below `/api/catalog`: the same requests, answers and errors.

Authority: Backstage's catalog-backend, its published description, and where the two disagree its
code. Answers are put together from JSON that lies ready in the index. What is asked again is told
with the same bytes until the index changes; who may see the same projects shares them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, unquote, urlencode

import orjson

from towpath.capabilities.portal.catalog.backstage import asking
from towpath.capabilities.portal.catalog.backstage.described import body_of, judge_query
from towpath.capabilities.portal.catalog.backstage.lineage import leads_to, ref_of
from towpath.capabilities.portal.catalog.backstage.locations import Locations
from towpath.capabilities.portal.catalog.facts import ORIGIN
from towpath.capabilities.portal.catalog.sources.web import Web
from towpath.engines.outbound import OutboundAnswer, OutboundRequest
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi, backstage_refusal
from towpath.hooks.outbound import outbound
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.hooks.showing import own_references
from towpath.machinery.errors import BadRequest, Forbidden, NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.remembering import Kept
from towpath.machinery.users import AccessRequest, Authorize
from towpath.records.contract import CatalogIndex, Cause, Viewer
from towpath.records.questions import REF, By, Condition, Every, Is, Question, Uid

API = "/api/catalog"
JSON = "application/json; charset=utf-8"
CACHE_BYTES_MAX = 2 * 1024 * 1024
CACHED_BYTES_MAX = 256 * 1024
"""An answer larger than this is rather made again."""
REFS_MAX = 10_000
LOCATIONS_MAX = 1000
"""So many Locations of one origin are looked through for an entity's parents."""

Handler = Callable[[ApiRequest], Awaitable[tuple[bytes, bool]]]
"""An answer, and whether it is for this visitor alone."""
Key = tuple[str, str, frozenset[str] | None]


def apis(platform: Platform) -> Sequence[ForeignApi]:
    async def send(request: OutboundRequest) -> OutboundAnswer:
        return await (await outbound(platform.api)).send(request)

    catalog = CatalogApi(platform.catalog, platform.authorize, Web(send))
    return (ForeignApi(API, catalog.answer, backstage_refusal),)


class CatalogApi:
    def __init__(self, catalog: CatalogIndex, authorize: Authorize, web: Web) -> None:
        self._catalog = catalog
        self._authorize = authorize
        self._entities = Entities(catalog)
        self._locations = Locations(catalog, authorize, web)
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
            judge_query("GET", path, asking.parameters_of(request.query))
            return await self._read(request, _parts(path))
        judge_query(request.method, path, asking.parameters_of(request.query))
        return await self._changed(request, path)

    async def _kept(self, request: ApiRequest, handler: Handler) -> bytes:
        key = (request.path, request.query, request.viewer.projects)
        known = self._cache.get(key)
        if known is None:
            revision = self._cache.revision
            judge_query("GET", request.path.removesuffix("/"), asking.parameters_of(request.query))
            known, is_personal = await handler(request)
            if not is_personal:
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
            case "POST", ["locations", "by-query"]:
                body = await self._locations.by_query(request, body_of(request))
                return ApiAnswer(body, content_type=JSON)
            case "PUT", ["locations", location_id]:
                body = await self._locations.change(request, location_id, body_of(request))
                return ApiAnswer(body, content_type=JSON)
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
        ref = ref_of(orjson.loads(known))
        entity = await self._catalog.get(request.viewer, ref)
        namespace = (entity.project if entity else "") or SYSTEM_NAMESPACE
        may = AccessRequest("delete", "towpath.dev", "catalogsources", namespace=namespace)
        if not await self._authorize(request.user, may):
            raise Forbidden(f"you may not delete catalogue sources in {namespace}")
        cause = Cause(request.user.name, f"deleted {ref} by its uid")
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

    async def by_query(self, request: ApiRequest) -> tuple[bytes, bool]:
        asked = asking.page_of(asking.parameters_of(request.query))
        return await self._page(request, asked), asking.is_personal(asked.question.where)

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
        if refs is None:
            raise BadRequest(
                "Malformed request body (did you remember to specify an application/json content"
                ' type?), Validation error: Required at "entityRefs"'
            )
        if len(refs) > REFS_MAX:
            raise BadRequest(f"Malformed request: more than {REFS_MAX} entityRefs")
        fields = asking.fields_of(body.get("fields", ()))
        where = asking.filter_of(asking.parameters_of(request.query))
        if "query" in body:
            where = Every((where, asking.predicate_of(body["query"])))
        where = self._of_visitor(request, where)
        # As there: in any other case than lower it is the name of nothing.
        named = [ref if ref == ref.lower() else "" for ref in refs]
        found = await self._catalog.named(request.viewer, named, where)
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

    async def ancestry(self, viewer: Viewer, kind: str, namespace: str, name: str) -> bytes:
        """The Locations that led to it, which say so with the same origin."""
        ref = f"{kind}:{namespace}/{name}".lower()
        (found,) = await self._catalog.named(viewer, [ref])
        if found is None:
            raise NotFound(f"No such entity {ref}")
        entity = orjson.loads(found)
        places = await self._locations_like(viewer, entity)
        items, to_do, seen = [], [entity], {ref_of(entity)}
        while to_do:
            current = to_do.pop()
            parents = [one for one in places if leads_to(one, current)]
            items.append({"entity": current, "parentEntityRefs": [*map(ref_of, parents)]})
            for parent in parents:
                if ref_of(parent) not in seen:
                    seen.add(ref_of(parent))
                    to_do.append(parent)
        return orjson.dumps({"rootEntityRef": ref_of(entity), "items": items})

    async def _locations_like(self, viewer: Viewer, entity: RawObject) -> Sequence[RawObject]:
        origin = (entity["metadata"].get("annotations") or {}).get(ORIGIN)
        if not origin:
            return []
        where = Every((Is("kind", ("location",)), Is(f"metadata.annotations.{ORIGIN}", (origin,))))
        found = await self._catalog.ask(viewer, Question(where, limit=LOCATIONS_MAX))
        return [orjson.loads(one) for one in found.entities]

    async def facets(self, request: ApiRequest) -> tuple[bytes, bool]:
        parameters = asking.parameters_of(request.query)
        keys = [key for key in parameters.get("facet", ()) if key]
        if not keys:
            raise BadRequest("Missing facet parameter")
        where = asking.filter_of(parameters)
        return await self._counted(request, where, keys), asking.is_personal(where)

    async def facets_of_body(self, request: ApiRequest) -> bytes:
        keys, where = asking.facets_of_body(body_of(request))
        return await self._counted(request, where, keys)

    async def _counted(self, request: ApiRequest, where: Condition, keys: Sequence[str]) -> bytes:
        where = self._of_visitor(request, where)
        counted = await self._catalog.count(request.viewer, where, keys)
        facets = {
            key: [{"value": value, "count": count} for value, count in sorted(counts)]
            for key, counts in counted.items()
        }
        return orjson.dumps({"facets": facets})

    def _of_visitor(self, request: ApiRequest, where: Condition) -> Condition:
        return asking.with_owners(where, own_references(request.user))


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


def _parts(path: str) -> list[str]:
    return [unquote(part) for part in path.split("/")[1:]]


def _pruned(rows: list[bytes], fields: Sequence[str]) -> list[bytes]:
    return [asking.pruned(row, fields) for row in rows] if fields else rows


def _next(request: ApiRequest, after: str) -> str:
    """The same address with another `after`, which stays where it stood."""
    asked = [one for one in parse_qsl(request.query, keep_blank_values=True) if one[0] != "offset"]
    names = [name for name, _ in asked]
    if "after" in names:
        asked[names.index("after")] = ("after", after)
    else:
        asked.append(("after", after))
    return f'<{request.path}?{urlencode(asked)}>; rel="next"'
