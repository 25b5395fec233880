"""Docs are rendered when they are pushed: of each site, the pages whose text or links are new.

A key is a source of the catalogue: what it describes may have docs, and a push to a repository is a
key for the sources whose docs lie there. Only docs of the very repository that describes an entity
are kept and searched, for only these may everybody read who may see the entity; others are rendered
when somebody opens them, with that person's rights.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.portal.docs import book
from towpath.capabilities.portal.docs.prose import Bases, Prose
from towpath.capabilities.portal.docs.reading import (
    Docs,
    Place,
    Reader,
    home_of,
    last_commits,
    place_of,
)
from towpath.capabilities.portal.docs.rendering import RENDERER, Work
from towpath.capabilities.portal.docs.site import Site, address
from towpath.capabilities.portal.docs.snippets import with_snippets
from towpath.engines.git.port import MAIN, PathNotFound, RepositoryName, RepositoryNotFound
from towpath.hooks.platform import Platform
from towpath.hooks.showing import DOCS_FILES, docs_page
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key
from towpath.records.contract import Entity, EntityFilter
from towpath.records.search import KeptSite, Passage
from towpath.runtime.catalogsources import EVERYTHING, CatalogSources
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Stream

READER = "docs"
SORT = "docs"
ENTITIES_READ = 500


def controllers(platform: Platform) -> Sequence[Controller]:
    sources = CatalogSources(READER, platform.catalog, platform.seen, platform.changes)
    builder = Builder(platform, sources)
    pushes = Stream(lambda: _pushed(platform))
    return (Controller("docs", builder, [sources, pushes], concurrency=2),)


async def _pushed(platform: Platform) -> AsyncIterator[Key]:
    """The sources whose docs have moved; at first, those that moved while nobody looked."""
    pushes = platform.git.pushes()
    for _, source, repository, state in await platform.docs.sites():
        project, _, name = repository.partition("/")
        try:
            head = await platform.git.head(RepositoryName(project, name))
        except RepositoryNotFound:
            head = None
        if not state.startswith(f"{head} "):
            yield Key("", source)
    async for push in pushes:
        if push.ref == MAIN:
            for _, source, repository, _ in await platform.docs.sites():
                if repository == str(push.repository):
                    yield Key("", source)


@dataclass(frozen=True, slots=True)
class Builder:
    platform: Platform
    sources: CatalogSources
    reader: Reader = field(default_factory=Reader)
    render: Callable[[Work, Mapping[str, str]], dict[str, Prose]] = RENDERER.render
    """Blocks: it is called in a thread."""

    async def __call__(self, key: Key) -> None:
        """Everything that one source's entities have docs of."""
        source = key.name
        version = await self.sources.saw(source)
        described = set[str]()
        async for entity in self._entities(source):
            place = place_of(entity)
            if place and place.repository == home_of(entity) and _is_theirs(entity, place):
                described.add(entity.ref)
                await self._build(source, entity, place)
        for entity_ref, known, _, _ in await self.platform.docs.sites():
            if known == source and entity_ref not in described:
                await self._forget(entity_ref)
        await self.platform.seen.see(READER, source, version)

    async def _entities(self, source: str) -> AsyncIterator[Entity]:
        token = ""
        while True:
            page = await self.platform.catalog.query(
                EVERYTHING,
                EntityFilter({"source": (source,)}),
                limit=ENTITIES_READ,
                continue_token=token,
            )
            for entity in page.entities:
                yield entity
            token = page.continue_token
            if not token:
                return

    async def _forget(self, entity_ref: str) -> None:
        await self.platform.passages.forget(f"{SORT}:{entity_ref}")
        await self.platform.docs.forget(entity_ref)

    async def _build(self, source: str, entity: Entity, place: Place) -> None:
        try:
            docs = await self._read(entity, place)
        except NotFound:
            # Whoever opens them is told why.
            await self._forget(entity.ref)
            return
        kept = await self.platform.docs.site(EVERYTHING, entity.ref)
        state = book.state_of(docs)
        if kept is not None and (kept.state, kept.source) == (state, source):
            return
        texts = {path: source_of(docs.site, path) for path in docs.site.pages}
        digests = {path: book.digest_of(text) for path, text in texts.items()}
        before = book.docs_of(kept.data) if kept is not None else None
        changed = await self._changed(entity, docs.site, digests, before)
        base = docs_page(entity.kind, entity.namespace, entity.name)
        work = work_of(docs.site, Bases(base, files_base(entity)))
        proses = await asyncio.to_thread(self.render, work, {path: texts[path] for path in changed})
        since = before.commit if before is not None and before.place == place else None
        commits = await last_commits(self.platform.git, docs, changed, since)
        pages = {}
        for path, prose in proses.items():
            title = prose.title or docs.site.title_of(path)
            pages[path] = (digests[path], book.page_bytes(title, prose, commits.get(path)))
        data = book.site_bytes(docs, time.time())
        site = KeptSite(entity.ref, source, entity.project, str(place.repository), state, data)
        await self.platform.passages.put(
            f"{SORT}:{entity.ref}",
            {path: passages_of(docs.site, path, base, prose) for path, prose in proses.items()},
            entity=entity.ref,
            project=entity.project,
            keeping=digests.keys(),
        )
        # Last: as long as the site is not the new one, all of this is done again.
        await self.platform.docs.put(site, pages, digests.keys())

    async def _read(self, entity: Entity, place: Place) -> Docs:
        try:
            head = await self.platform.git.head(place.repository)
            if head is None:
                raise NotFound(f"{place.repository} has no commit yet")
            return await self.reader.read(self.platform.git, place, head, entity)
        except (RepositoryNotFound, PathNotFound) as error:
            raise NotFound(str(error)) from error

    async def _changed(
        self, entity: Entity, site: Site, digests: dict[str, str], before: Docs | None
    ) -> Collection[str]:
        """Pages that say something else, and those whose links lead elsewhere now."""
        if before is None:
            return list(digests)
        known = await self.platform.docs.digests(entity.ref)
        changed = [path for path, digest in digests.items() if known.get(path) != digest]
        if set(before.site.files) == set(site.files):
            return changed
        for path in digests.keys() - set(changed):
            data = await self.platform.docs.page(EVERYTHING, entity.ref, path)
            uses = book.page_of(data).prose.uses if data else {}
            if data is None or any(site.target(path, link) != to for link, to in uses.items()):
                changed.append(path)
        return changed


def _is_theirs(entity: Entity, place: Place) -> bool:
    return bool(entity.project) and entity.project == place.repository.project


def source_of(site: Site, path: str) -> str:
    """A page's text with the snippets that it names."""
    return with_snippets(site.files[path].decode("utf-8", "replace"), site.around)


def work_of(site: Site, bases: Bases) -> Work:
    return Work(sorted(site.files), site.first() or "", bases)


def files_base(entity: Entity) -> str:
    """Where pictures of an entity's docs are served."""
    return docs_page(entity.kind, entity.namespace, entity.name).replace("/docs", DOCS_FILES, 1)


def passages_of(site: Site, path: str, base: str, prose: Prose) -> list[Passage]:
    page = "/".join(filter(None, (base, address(path))))
    title = prose.title or site.title_of(path)
    return [
        Passage(
            SORT,
            f"{page}#{section.id}" if section.id else page,
            section.title or title,
            f"{site.name}: {title}" if title != site.name else title,
            section.text,
        )
        for section in prose.sections
    ]
