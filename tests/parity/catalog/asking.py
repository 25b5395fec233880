"""Ask a catalogue, and tell what it answered without what must differ: uids, etags and cursors."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from tests.parity.catalog.asked import Asked

PAGES_MAX = 50
WHOLE_MAX = 10
_OF_UID = re.compile(r"\{uid:([^}]+)\}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_IN_WORDS_OF_A_LIBRARY = re.compile(
    r"^(Invalid query string|Invalid query|request/query/pageLimit|Malformed cursor"
    r"|Malformed request|Expected property name).*",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


Send = Callable[[str, str, bytes, Mapping[str, str]], Awaitable[Said]]
"""Method, address from the root, body and headers."""


async def answered(send: Send, asked: Asked) -> Any:
    """What is compared: status, what headers say, and the body; of a walk, each page."""
    address, body = asked.address, asked.body
    for ref in _OF_UID.findall(address):
        kind, _, rest = ref.partition(":")
        found = await _sent(send, replace(asked, method="GET"), f"/entities/by-name/{kind}/{rest}")
        address = address.replace(f"{{uid:{ref}}}", json.loads(found.body)["metadata"]["uid"])
    if "{location}" in address:
        found = await _sent(send, replace(asked, method="GET"), "/locations")
        address = address.replace("{location}", json.loads(found.body)[0]["data"]["id"])
    if asked.walks:
        pages = await _walked(send, asked, address, body)
        if not asked.is_sorted:
            # Which entity is on which page is another each time.
            for page in pages:
                page["body"]["items"] = len(page["body"]["items"])
        return pages
    return _told(asked, await _sent(send, asked, address, body))


async def _walked(send: Send, asked: Asked, address: str, body: Any) -> list[Any]:
    pages = []
    way = "nextCursor"
    said = await _sent(send, asked, address, body)
    for _ in range(PAGES_MAX):
        pages.append(_told(asked, said))
        if said.status != 200:
            return pages
        cursors = json.loads(said.body)["pageInfo"]
        if way not in cursors:
            if way == "prevCursor":
                return pages
            way = "prevCursor"
            if way not in cursors:
                return pages
        if asked.method == "POST":
            again = {**body, "cursor": cursors[way]}
            said = await _sent(send, asked, address, again)
        else:
            said = await _sent(send, asked, f"{address}&cursor={quote(cursors[way], safe='')}")
    raise AssertionError(f"{asked.name}: more than {PAGES_MAX} pages")


async def _sent(send: Send, asked: Asked, address: str, body: Any = None) -> Said:
    headers = {}
    content = b""
    if asked.method not in ("GET", "DELETE"):
        if asked.content_type:
            headers["content-type"] = asked.content_type.partition("; raw")[0]
        if body is not None or asked.content_type == "application/json":
            is_text = asked.content_type != "application/json"
            content = body.encode() if is_text else json.dumps(body).encode()
    return await send(asked.method, f"{asked.api}{address}", content, headers)


def _told(asked: Asked, said: Said) -> dict[str, Any]:
    told: dict[str, Any] = {"status": said.status}
    if "link" in said.headers:
        told["link"] = said.headers["link"]
    if said.body:
        told["type"] = said.headers.get("content-type", "").replace("; charset=utf-8", "")
        try:
            body = json.loads(said.body)
        except ValueError:
            body = said.body.decode()
        told["body"] = _comparable(body, is_sorted=asked.is_sorted)
    if asked.api == "/api/search" and said.body:
        told["body"] = _of_search(told["body"])
    if asked.address != "/entities":
        # Once they are compared in whole; more would only be long.
        _shorten(told.get("body"))
    if "dryRun" in asked.address and said.status == 400:
        told["body"]["error"]["message"] = "in our own words"
    if asked.address == "/validate-entity" and said.status == 400:
        # What is wrong is said in our own words: with the field, and what to do.
        assert all(one["message"] for one in body.get("errors", [body.get("error")]))
        told["body"] = sorted(body)
    return told


def _of_search(body: dict[str, Any]) -> dict[str, Any]:
    """The documents that were found; how they are ranked and marked is another engine's."""
    if "results" not in body:
        return body
    documents = [{"of": one["type"], **one["document"]} for one in body["results"]]
    documents.sort(key=lambda one: str(one["location"]))
    cursors = {
        name: body[name] for name in ("nextPageCursor", "previousPageCursor") if name in body
    }
    return {"documents": documents, **cursors}


def _shorten(body: Any) -> None:
    items = body.get("items", []) if isinstance(body, dict) else body
    if isinstance(items, list) and len(items) > WHOLE_MAX:
        for one in items:
            if isinstance(one, dict):
                one.pop("spec", None)
                one.pop("relations", None)
                one.get("metadata", {}).pop("annotations", None)


def _comparable(value: Any, *, is_sorted: bool) -> Any:
    if isinstance(value, list):
        items = [_comparable(one, is_sorted=is_sorted) for one in value]
        if not is_sorted and all(_is_entity(one) for one in items):
            items.sort(key=_place)
        return items
    if isinstance(value, dict):
        return {
            key: _named(key, one) or _comparable(one, is_sorted=is_sorted)
            for key, one in value.items()
            if key != "stack"
        }
    if isinstance(value, str):
        return _UUID.sub("UUID", value)
    return value


def _named(key: str, value: Any) -> str:
    """What is another each time, by its name."""
    if key in ("nextCursor", "prevCursor") and value:
        return "a cursor"
    if key == "message" and isinstance(value, str):
        return _IN_WORDS_OF_A_LIBRARY.sub(r"\1: in a library's words", _UUID.sub("UUID", value))
    if key == "etag" and isinstance(value, str) and len(value) >= 27:
        return "an etag"
    return ""


def _place(entity: Any) -> str:
    metadata = entity.get("metadata", {})
    names = (entity.get("kind"), metadata.get("namespace"), metadata.get("name"))
    return json.dumps([*names, entity], sort_keys=True)


def _is_entity(value: Any) -> bool:
    return isinstance(value, dict) and bool({"kind", "metadata", "entity"} & {*value})
