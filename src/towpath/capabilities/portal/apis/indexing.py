"""Operations and types of APIs as passages, so that an API is found by what it does."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from towpath.capabilities.portal.apis.definition import Definition, Field, flat
from towpath.capabilities.portal.apis.reading import read
from towpath.hooks.platform import Platform
from towpath.hooks.showing import api_page
from towpath.machinery.objects import Key
from towpath.records.contract import Entity, EntityFilter
from towpath.records.search import Passage
from towpath.runtime.catalogsources import EVERYTHING, CatalogSources
from towpath.runtime.controller import Controller

READER = "apis"
SORT = "api"
READ_AT_ONCE = 100


def controllers(platform: Platform) -> Sequence[Controller]:
    sources = CatalogSources(READER, platform.catalog, platform.seen, platform.changes)
    return (Controller("apis", Indexing(platform, sources), [sources], concurrency=2),)


@dataclass(frozen=True, slots=True)
class Indexing:
    """One source of the catalogue: its APIs are the parts of its passages."""

    platform: Platform
    sources: CatalogSources

    async def __call__(self, key: Key) -> None:
        source, token = key.name, ""
        version = await self.sources.saw(source)
        names: list[str] = []
        while True:
            page = await self.platform.catalog.query(
                EVERYTHING,
                EntityFilter({"source": (source,), "kind": ("API",)}),
                limit=READ_AT_ONCE,
                continue_token=token,
            )
            for entity in page.entities:
                await self._put(entity)
                names.append(entity.ref)
            token = page.continue_token
            if not token:
                break
        await self._forget_others(source, names)
        await self.platform.seen.see(READER, source, version)

    async def _put(self, entity: Entity) -> None:
        text = definition_of(entity)
        definition = await asyncio.to_thread(read, entity.type, text) if text else Definition("")
        await self.platform.passages.put(
            f"{SORT}:{entity.source}:{entity.ref}",
            {"": passages_of(entity, definition)},
            entity=entity.ref,
            project=entity.project,
        )

    async def _forget_others(self, source: str, names: Sequence[str]) -> None:
        prefix = f"{SORT}:{source}:"
        for known in await self.platform.passages.sources(prefix):
            if known.removeprefix(prefix) not in names:
                await self.platform.passages.forget(known)


def definition_of(entity: Entity) -> str:
    """The text; of a server that only names where it is, that."""
    spec = entity.descriptor.get("spec") or {}
    found, remotes = spec.get("definition"), spec.get("remotes")
    if isinstance(found, str) or not isinstance(remotes, list):
        return found if isinstance(found, str) else ""
    said = {"name": entity.name, "description": entity.description, "remotes": remotes}
    return orjson.dumps(said, option=orjson.OPT_INDENT_2).decode()


def passages_of(entity: Entity, definition: Definition) -> list[Passage]:
    page = api_page(entity.namespace, entity.name)
    name = definition.title or entity.title or entity.name
    operations = [
        Passage(
            SORT,
            f"{page}#{one.id}",
            f"{one.verb} {one.name}",
            name,
            _text(
                one.summary,
                one.description,
                *(_named(body.fields) for body in (*one.bodies, *one.answers)),
                _named(one.inputs),
            ),
        )
        for one in definition.operations
    ]
    shapes = [
        Passage(
            SORT, f"{page}#{one.id}", one.name, name, _text(one.description, _named(one.fields))
        )
        for one in definition.shapes
    ]
    return [*operations, *shapes]


def _named(fields: Sequence[Field]) -> str:
    return " ".join(one.name for _, one in flat(fields))


def _text(*texts: str) -> str:
    return "\n".join(text for text in texts if text)
