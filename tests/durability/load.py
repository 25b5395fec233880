"""A mixed load whose every answer is kept, so that what the disk holds can be held against it.

A worker has objects of its own: what it was answered last is what must be there. A write that was
cut off may have happened or not, and nothing in between. Each value is written twice into an
object, so that half a write shows.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson

from tests.apis import definition

Json = Any

GROUP = "durable.towpath.dev"
NAMESPACE = "default"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
THINGS = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/things"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
OBJECTS_EACH = 6
CUT_OFF = (httpx2.TransportError, OSError, asyncio.TimeoutError)

_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
DEFINITION = definition(GROUP, "Thing", {"data": _TEXTS, "status": _TEXTS})


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a worker was told: this object, as of this revision; `body` None when it was deleted."""

    collection: str
    key: str
    revision: int
    body: bytes | None


@dataclass(slots=True)
class Kept:
    """One object as its worker knows it: the last answer, and whether a write was cut off since."""

    revision: int = 0
    content: Json = None
    """data and status; None: it does not exist."""
    maybe: list[Json] = field(default_factory=list)
    """What the cut off write would have made of it."""


class Wrong(AssertionError):
    """The server broke a promise."""


@dataclass(slots=True)
class Worker:
    number: int
    choose: random.Random
    acknowledged: list[Acknowledged] = field(default_factory=list)
    objects: dict[str, Kept] = field(default_factory=dict)
    written: int = 0
    newest: int = 0
    """The highest revision that this worker has been told of."""

    @property
    def path(self) -> str:
        return THINGS if self.number % 2 else MAPS

    @property
    def label(self) -> str:
        return f"worker-{self.number}"

    async def run(self, client: httpx2.AsyncClient) -> None:
        """Write until the server is gone."""
        with suppress(*CUT_OFF):
            await self.look(client)
            while True:
                await self._step(client)

    async def _step(self, client: httpx2.AsyncClient) -> None:
        name = f"{self.label}-{self.choose.randrange(OBJECTS_EACH)}"
        kept = self.objects.setdefault(name, Kept())
        if self.choose.random() < 0.02:
            await self._delete_all(client)
        elif kept.content is None:
            await self._write(client, name, kept, self._create)
        else:
            ways = [self._update, self._merge, self._apply, self._delete]
            if self.number % 2:
                ways.append(self._status)
            await self._write(client, name, kept, self.choose.choice(ways))

    async def look(self, client: httpx2.AsyncClient) -> None:
        """After a start: every object must be what was acknowledged, or what was under way."""
        answered = await client.get(self.path, params={"labelSelector": f"worker={self.label}"})
        listed = answered.json()
        if int(listed["metadata"]["resourceVersion"]) < self.newest:
            raise Wrong(f"the list is older than what was told: {self.newest}")
        there = {item["metadata"]["name"]: item for item in listed["items"]}
        for name, kept in self.objects.items():
            self._compare(name, kept, there.pop(name, None))
        if there:
            raise Wrong(f"objects that nobody made: {sorted(there)}")

    def _compare(self, name: str, kept: Kept, found: Json) -> None:
        content = content_of(found)
        possible = [kept.content, *kept.maybe]
        if content not in possible:
            raise Wrong(f"{name} is {content}; it could be {possible}")
        if found is not None:
            revision = int(found["metadata"]["resourceVersion"])
            if revision < kept.revision or (not kept.maybe and revision != kept.revision):
                raise Wrong(f"{name} is of revision {revision} instead of {kept.revision}")
            kept.revision = revision
        kept.content, kept.maybe = content, []

    async def _write(
        self, client: httpx2.AsyncClient, name: str, kept: Kept, way: Callable[..., Awaitable[None]]
    ) -> None:
        self.written += 1
        await way(client, name, kept, f"{self.label}/{self.written}")

    async def _create(self, client: httpx2.AsyncClient, name: str, kept: Kept, text: str) -> None:
        kept.maybe = [{"data": pair(text), "status": {}}]
        await self._told(kept, name, await client.post(self.path, json=self._object(name, text)))

    async def _update(self, client: httpx2.AsyncClient, name: str, kept: Kept, text: str) -> None:
        kept.maybe = [{**kept.content, "data": pair(text)}]
        obj = self._object(name, text)
        obj["metadata"]["resourceVersion"] = str(kept.revision)
        await self._told(kept, name, await client.put(f"{self.path}/{name}", json=obj))

    async def _merge(self, client: httpx2.AsyncClient, name: str, kept: Kept, text: str) -> None:
        kept.maybe = [{**kept.content, "data": pair(text)}]
        answer = await self._patch(client, name, {"data": pair(text)}, MERGE)
        await self._told(kept, name, answer)

    async def _apply(self, client: httpx2.AsyncClient, name: str, kept: Kept, text: str) -> None:
        kept.maybe = [{**kept.content, "data": pair(text)}]
        body = self._object(name, text)
        query = "?fieldManager=load&force=true"
        await self._told(kept, name, await self._patch(client, name + query, body, APPLY))

    async def _status(self, client: httpx2.AsyncClient, name: str, kept: Kept, text: str) -> None:
        kept.maybe = [{**kept.content, "status": pair(text)}]
        answer = await self._patch(client, f"{name}/status", {"status": pair(text)}, MERGE)
        await self._told(kept, name, answer)

    async def _patch(
        self, client: httpx2.AsyncClient, where: str, body: Json, content_type: str
    ) -> httpx2.Response:
        headers = {"content-type": content_type}
        content = orjson.dumps(body)
        return await client.patch(f"{self.path}/{where}", content=content, headers=headers)

    async def _delete(self, client: httpx2.AsyncClient, name: str, kept: Kept, text: str) -> None:
        kept.maybe = [None]
        answer = await client.delete(f"{self.path}/{name}")
        if answer.status_code != 200:
            raise Wrong(f"{name}: {answer.status_code} {answer.text[:300]}")
        self._gone(name)

    async def _delete_all(self, client: httpx2.AsyncClient) -> None:
        for kept in self.objects.values():
            kept.maybe = [None]
        query = {"labelSelector": f"worker={self.label}"}
        answer = await client.delete(self.path, params=query)
        if answer.status_code != 200:
            raise Wrong(f"deletecollection: {answer.status_code} {answer.text[:300]}")
        for name in self.objects:
            self._gone(name)

    def _gone(self, name: str) -> None:
        kept = self.objects[name]
        key = f"{NAMESPACE}/{name}"
        if kept.content is not None:
            self.acknowledged.append(Acknowledged(self._collection, key, kept.revision, None))
        self.objects[name] = Kept()

    async def _told(self, kept: Kept, name: str, answer: httpx2.Response) -> None:
        if answer.status_code not in (200, 201):
            raise Wrong(f"{name}: {answer.status_code} {answer.text[:300]}")
        obj = answer.json()
        revision = int(obj["metadata"]["resourceVersion"])
        if revision <= self.newest:
            raise Wrong(f"{name} has revision {revision} after {self.newest}")
        if content_of(obj) not in kept.maybe:
            raise Wrong(f"{name} became {content_of(obj)} instead of {kept.maybe}")
        self.newest = kept.revision = revision
        kept.content, kept.maybe = content_of(obj), []
        key = f"{NAMESPACE}/{name}"
        told = Acknowledged(self._collection, key, revision, answer.content)
        self.acknowledged.append(told)

    @property
    def _collection(self) -> str:
        return f"{GROUP}/things" if self.number % 2 else "core/configmaps"

    def _object(self, name: str, text: str) -> Json:
        kind, version = ("Thing", f"{GROUP}/v1") if self.number % 2 else ("ConfigMap", "v1")
        metadata = {"name": name, "labels": {"worker": self.label}}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "data": pair(text)}


def pair(text: str) -> dict[str, str]:
    return {"first": text, "second": text}


def content_of(obj: Json) -> Json:
    if obj is None:
        return None
    return {"data": obj.get("data") or {}, "status": obj.get("status") or {}}


@dataclass(slots=True)
class Watcher:
    """Follows one collection from its first revision, over any number of connections."""

    path: str
    collection: str
    since: int
    began: int = field(init=False)
    seen: list[tuple[int, str, str]] = field(default_factory=list)
    """Revision, type and name of every event."""
    resumed: int = 0

    def __post_init__(self) -> None:
        self.began = self.since

    async def run(self, client: httpx2.AsyncClient) -> None:
        """Follow until the server is gone."""
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": str(self.since)}
        self.resumed += 1
        with suppress(*CUT_OFF):
            async with client.stream("GET", self.path, params=query, timeout=None) as answer:
                if answer.status_code != 200:
                    raise Wrong(f"watch: {answer.status_code} {await answer.aread()!r}")
                async for line in lines(answer):
                    self._take(orjson.loads(line))

    def _take(self, event: Json) -> None:
        if event["type"] == "ERROR":
            raise Wrong(f"the watch from {self.since} was refused: {event['object']}")
        metadata = event["object"]["metadata"]
        revision = int(metadata["resourceVersion"])
        if event["type"] == "BOOKMARK":
            if revision < self.since:
                raise Wrong(f"a bookmark goes back from {self.since} to {revision}")
        else:
            if revision <= self.since:
                raise Wrong(f"revision {revision} comes after {self.since}")
            self.seen.append((revision, event["type"], metadata["name"]))
        self.since = revision


async def lines(answer: httpx2.Response) -> AsyncIterator[bytes]:
    rest = b""
    async for data in answer.aiter_raw():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line
