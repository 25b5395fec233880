"""`/scim/v2`: identity providers push who is here; each knows one source by its bearer token.

A token opens what its source was pushed and nothing else of the platform, and the platform's own
tokens open nothing here. Somebody who is not active is kept, so that they can come back; they are
in the catalogue no more, and signed out of the account of that name.
"""

import asyncio
import hmac
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, SCIM
from towpath.capabilities.portal.catalog.scim import schemas
from towpath.capabilities.portal.catalog.scim.filters import (
    BadFilter,
    Compared,
    Filter,
    parse_filter,
    path_of,
    values_at,
)
from towpath.capabilities.portal.catalog.scim.patching import BadPatch, patched
from towpath.capabilities.portal.catalog.scim.resources import (
    NAME_ATTRIBUTES,
    BadResource,
    chosen,
    etag_of,
    is_active,
    kept_of,
    representation,
)
from towpath.capabilities.portal.catalog.scim.schemas import COUNT_MAX, Json, listing, refusal
from towpath.capabilities.portal.catalog.sources.place import Refused
from towpath.capabilities.portal.catalog.sources.secrets import secret_of
from towpath.engines.identity.port import ACCOUNTS
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi
from towpath.hooks.outbound import data_of
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject
from towpath.machinery.references import DEFAULT_NAMESPACE, catalogue_name
from towpath.records.contract import AuditEntry
from towpath.records.provisioned_contract import NameTaken, Provisioned, StaleVersion

PATH = "/scim/v2"
CONTENT_TYPE = "application/scim+json"
BODY_BYTES_MAX = 4 * 2**20
TOKEN_LENGTH_MIN = 32
COUNT = 100
KINDS = {"Users": "User", "Groups": "Group"}
_FOUND_BY = {"externalid": "external", "id": "id"}


def apis(platform: Platform) -> Sequence[ForeignApi]:
    server = ScimServer(platform)
    return (ForeignApi(PATH, server.answer, _refusal, BODY_BYTES_MAX, knows_callers=True),)


class _Refusal(Exception):
    def __init__(self, status: int, detail: str, kind: str = "") -> None:
        super().__init__(detail)
        self.status, self.kind = status, kind


def _refusal(_: ApiRequest | None, error: StatusError) -> ApiAnswer:
    return _answer(refusal(error.code, error.message), error.code)


def _answer(told: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> ApiAnswer:
    return ApiAnswer(orjson.dumps(told), status, CONTENT_TYPE, headers or {})


@dataclass(frozen=True, slots=True)
class ScimServer:
    platform: Platform

    async def answer(self, request: ApiRequest) -> ApiAnswer:
        try:
            source = await self._source(request.headers.get("authorization", ""))
            asked = _Asked.of(request)
            name = f"{SYSTEM_NAMESPACE}/{source['metadata']['name']}"
            namespace = source["spec"][SCIM].get("namespace") or DEFAULT_NAMESPACE
            base = self.platform.addresses.portal(PATH)
            call = Call(self.platform, name, namespace, base, asked)
            return await call.answer()
        except _Refusal as error:
            return _answer(refusal(error.status, str(error), error.kind), error.status)
        except (BadResource, BadPatch, BadFilter) as error:
            kind = getattr(error, "kind", "")
            kind = kind or ("invalidFilter" if isinstance(error, BadFilter) else "invalidValue")
            return _answer(refusal(400, str(error), kind), 400)
        except NameTaken:
            detail = "there is somebody of that userName already"
            return _answer(refusal(409, detail, "uniqueness"), 409)
        except StaleVersion:
            return _answer(refusal(412, "it has changed since that version"), 412)

    async def _source(self, authorization: str) -> RawObject:
        """Whose token it is. Raises _Refusal."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _Refusal(401, "send the token of a CatalogSource of type scim as bearer token")
        listed = await self.platform.api.list(
            CATALOG_SOURCE, SYSTEM_NAMESPACE, fields=f"spec.type={SCIM}"
        )
        found: RawObject | None = None
        for source in listed.items:
            known = await self._token(source)
            # All are compared, so that the time tells nothing.
            if known and hmac.compare_digest(known.encode(), token.strip().encode()):
                found = source
        if found is None:
            raise _Refusal(401, "no CatalogSource of type scim has that token")
        return found

    async def _token(self, source: RawObject) -> str:
        try:
            secret = await secret_of(self.platform.api, source, source["spec"]["scim"]["secret"])
        except Refused:
            return ""
        token = data_of(secret).get("token", "")
        return token if len(token) >= TOKEN_LENGTH_MIN else ""


@dataclass(frozen=True, slots=True)
class _Asked:
    method: str
    parts: Sequence[str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    @classmethod
    def of(cls, request: ApiRequest) -> "_Asked":
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        body: Any = None
        if request.body:
            try:
                body = orjson.loads(request.body)
            except orjson.JSONDecodeError as error:
                raise _Refusal(400, f"the body is no JSON: {error}", "invalidSyntax") from error
        method = request.method
        if method == "POST" and parts[-1] == ".search" and isinstance(body, dict):
            # The same question as a GET, for filters that are nobody else's business.
            told = {name: body[name] for name in body if name != "schemas"}
            query = {
                name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
                for name, value in told.items()
            }
            method, parts = "GET", parts[:-1]
        return cls(method, parts, query, request.headers, body)

    @property
    def seen(self) -> int | None:
        """The version that a writer wants to change."""
        told = self.headers.get("if-match", "").strip()
        if not told or told == "*":
            return None
        digits = told.removeprefix("W/").strip('"')
        return int(digits) if digits.isdecimal() and len(digits) < 18 else -1

    def number(self, name: str, otherwise: int) -> int:
        text = self.query.get(name, "")
        if not text:
            return otherwise
        try:
            return int(text[:18])
        except ValueError:
            raise _Refusal(400, f"{name}: {text[:40]!r} is no number", "invalidValue") from None


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one source."""

    platform: Platform
    source: str
    namespace: str
    """Of its people in the catalogue."""
    base: str
    asked: _Asked

    async def answer(self) -> ApiAnswer:
        first, *rest = self.asked.parts
        if first in KINDS and len(rest) <= 1:
            kind = KINDS[first]
            return await (self._one(kind, rest[0]) if rest else self._all(kind))
        if self.asked.method == "GET" and len(rest) <= 1:
            return _answer(_about(first, rest))
        raise _Refusal(404, f"{PATH} has {', '.join(KINDS)}, and what it says of itself")

    async def _all(self, kind: str) -> ApiAnswer:
        if self.asked.method == "GET":
            return _answer(await self._listed(kind))
        if self.asked.method != "POST":
            raise _Refusal(405, "a list is asked for with GET and added to with POST")
        made = await self.platform.provisioned.add(self.source, kept_of(kind, self.asked.body))
        await self._record("create", made)
        if not is_active(made):
            await self._sign_out(made)
        told = await self._told(made)
        headers = {"location": told["meta"]["location"], "etag": etag_of(made)}
        return _answer(told, 201, headers)

    async def _one(self, kind: str, id: str) -> ApiAnswer:
        known = await self.platform.provisioned.get(self.source, kind, id)
        if known is None:
            raise _Refusal(404, f"there is no {kind} {id}")
        method = self.asked.method
        if method == "GET":
            if self.asked.headers.get("if-none-match") == etag_of(known):
                return ApiAnswer(status=304, headers={"etag": etag_of(known)})
            told = await self._told(known)
            return _answer(self._chosen(told), 200, {"etag": etag_of(known)})
        if method == "DELETE":
            # Before: a removal that is tried again finds nobody, and so whom to sign out is lost.
            await self._sign_out(known)
            await self.platform.provisioned.remove(self.source, kind, id, seen=self.asked.seen)
            await self._record("delete", known)
            return ApiAnswer(status=204)
        if method not in ("PUT", "PATCH"):
            raise _Refusal(405, "a resource knows GET, PUT, PATCH and DELETE")
        if method == "PUT":
            new = kept_of(kind, self.asked.body)
        else:
            # A thousand operations on a large group take their time.
            new = await asyncio.to_thread(self._patched, known)
        wanted = replace(new, id=id)
        # Between the reading and the writing nobody else's change is lost.
        seen = self.asked.seen if self.asked.seen is not None else known.version
        changed = await self.platform.provisioned.change(self.source, wanted, seen=seen)
        if changed is None:
            raise _Refusal(404, f"there is no {kind} {id}")
        if changed.version != known.version:
            await self._record("update", changed)
        if not is_active(changed):
            await self._sign_out(changed)
        told = self._chosen(await self._told(changed))
        return _answer(told, 200, {"etag": etag_of(changed)})

    def _patched(self, known: Provisioned) -> Provisioned:
        body = self.asked.body
        if not isinstance(body, dict):
            raise BadPatch("the body is an object with Operations", "invalidSyntax")
        operations = next((body[key] for key in body if key.lower() == "operations"), None)
        before: Json = dict(known.content)
        if known.kind == "Group":
            before["members"] = [{"value": id} for id in sorted(known.members)]
        return kept_of(known.kind, patched(before, operations))

    async def _listed(self, kind: str) -> Json:
        start = max(self.asked.number("startIndex", 1), 1)
        count = min(max(self.asked.number("count", COUNT), 0), COUNT_MAX)
        text = self.asked.query.get("filter", "")
        sort = self.asked.query.get("sortBy", "")
        store = self.platform.provisioned
        if not text and not sort:
            found, total = await store.page(self.source, kind, offset=start - 1, limit=count)
        else:
            some = await self._some(kind, parse_filter(text) if text else None)
            if sort:
                falling = self.asked.query.get("sortOrder", "").lower() == "descending"
                some.sort(key=lambda one: _sorted_by(one, sort), reverse=falling)
            found, total = some[start - 1 : start - 1 + count], len(some)
        told = [self._chosen(await self._told(one)) for one in found]
        return listing(told, total, start)

    async def _some(self, kind: str, wanted: Filter | None) -> list[Provisioned]:
        """Those for which a filter holds. What is asked before every push needs no look at all."""
        store = self.platform.provisioned
        if isinstance(wanted, Compared) and wanted.by == "eq" and isinstance(wanted.value, str):
            asked = ".".join(wanted.path).lower()
            by = "name" if asked == NAME_ATTRIBUTES[kind].lower() else _FOUND_BY.get(asked)
            if by:
                return await store.find(self.source, kind, by, wanted.value)
        every = await store.all(self.source, kind)
        if wanted is None:
            return every
        return await asyncio.to_thread(
            lambda: [one for one in every if wanted.holds(_asked_of(one))]
        )

    async def _told(self, one: Provisioned) -> Json:
        store = self.platform.provisioned
        if one.kind == "Group":
            wants = "members" not in self.asked.query.get("excludedAttributes", "")
            members = await store.names(self.source, sorted(one.members)) if wants else {}
            return representation(one, self.base, members, [])
        return representation(one, self.base, {}, await store.holders(self.source, one.id))

    def _chosen(self, told: Json) -> Json:
        query = self.asked.query
        return chosen(told, query.get("attributes", ""), query.get("excludedAttributes", ""))

    async def _sign_out(self, one: Provisioned) -> None:
        """Whoever has left holds nothing more of the account that is theirs by its name."""
        if one.kind == "User" and self.namespace == DEFAULT_NAMESPACE:
            name = catalogue_name(one.name).lower()
            if await self.platform.sign_out(name):
                await self._append("revoke", ACCOUNTS, "", name, one.id)

    async def _record(self, verb: str, one: Provisioned) -> None:
        resource = f"scim{one.kind.lower()}s"
        await self._append(verb, resource, SYSTEM_NAMESPACE, one.name, one.id)

    async def _append(self, verb: str, resource: str, namespace: str, name: str, id: str) -> None:
        entry = AuditEntry(
            id=uuid.uuid4().hex,
            time_s=time.time(),
            cluster="",
            user=f"system:scim:{self.source}",
            verb=verb,
            resource=resource,
            namespace=namespace,
            name=name,
            project="",
            detail={"id": id},
        )
        await self.platform.audit.append([entry])


def _about(first: str, rest: Sequence[str]) -> Json:
    if first == "ServiceProviderConfig" and not rest:
        return schemas.SERVICE_PROVIDER
    tables = {"Schemas": schemas.SCHEMAS, "ResourceTypes": schemas.RESOURCE_TYPES}
    if first not in tables or (rest and rest[0] not in tables[first]):
        raise _Refusal(404, f"{PATH}/{'/'.join((first, *rest))[:100]} is nothing")
    table = tables[first]
    return table[rest[0]] if rest else listing(list(table.values()), len(table))


def _asked_of(one: Provisioned) -> Json:
    """What a filter sees of it."""
    seen: Json = {**one.content, "id": one.id}
    if one.kind == "Group":
        seen["members"] = [{"value": id} for id in one.members]
    told = representation(one, "", {}, [])
    return {**told, **seen, "meta": told["meta"]}


def _sorted_by(one: Provisioned, attribute: str) -> tuple[bool, str]:
    """Those without it last."""
    value = next(values_at(_asked_of(one), path_of(attribute)), None)
    return value is None, str(value).lower()
