"""TechDocs' API, as Backstage's clients ask it: files of a rendered site, and what is known of it.

Authority: Backstage's techdocs-backend. A site has `techdocs_metadata.json`, a page for each
address (`ops/index.html`), `search/search_index.json` as MkDocs writes it, and what lies beside the
pages. A page here is the text and its navigation: the reader brings the look. What somebody wrote
is sent so that a browser does nothing with it but show it.
"""

import asyncio
import html
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import orjson

from towpath.capabilities.portal.docs import book
from towpath.capabilities.portal.docs.reading import LOCATION, Docs, annotations_of
from towpath.capabilities.portal.docs.site import Entry, address
from towpath.capabilities.portal.docs.versions import commit_of
from towpath.engines.git.port import GitError, RepositoryName
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi, backstage_refusal
from towpath.hooks.platform import Platform
from towpath.hooks.showing import docs_page
from towpath.machinery.errors import MethodNotAllowed, NotFound
from towpath.machinery.objects import CommitSHA
from towpath.machinery.references import EntityRef
from towpath.machinery.users import AccessRequest
from towpath.records.contract import Entity

API = "/api/techdocs"
METADATA = "techdocs_metadata.json"
SEARCH_INDEX = "search/search_index.json"
MEDIA = {
    "css": "text/css",
    "gif": "image/gif",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webp": "image/webp",
}
"""Everything else is sent as bytes to keep."""
HARMLESS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=60",
}


def apis(platform: Platform) -> Sequence[ForeignApi]:
    return (ForeignApi(API, _TechDocs(platform).answer, backstage_refusal),)


@dataclass(frozen=True, slots=True)
class _Asked:
    request: ApiRequest
    entity: Entity
    docs: Docs
    state: str
    built_s: float


class _TechDocs:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def answer(self, request: ApiRequest) -> ApiAnswer:
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{request.method} is not answered here; GET is")
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        match parts:
            case ["metadata", "techdocs", namespace, kind, name]:
                asked = await self._asked(request, EntityRef(kind, namespace, name))
                return _json(_metadata(asked))
            case ["metadata", "entity", namespace, kind, name]:
                return _json(await self._described(request, EntityRef(kind, namespace, name)))
            case ["sync", namespace, kind, name]:
                await self._entity(request, EntityRef(kind, namespace, name))
                # What is pushed is rendered by itself: there is nothing to wait for.
                said = b'event: finish\ndata: {"updated":false}\n\n'
                return ApiAnswer(said, content_type="text/event-stream")
            case ["static", "docs", namespace, kind, name, *path]:
                asked = await self._asked(request, EntityRef(kind, namespace, name))
                return await self._file(asked, "/".join(path))
        raise NotFound(f"{API}{request.path} is not known here")

    async def _entity(self, request: ApiRequest, ref: EntityRef) -> Entity:
        entity = await self._platform.catalog.get(request.viewer, ref.key)
        if entity is None:
            raise NotFound(f"Unable to get metadata for '{ref.key}'")
        return entity

    async def _described(self, request: ApiRequest, ref: EntityRef) -> Mapping[str, Any]:
        """As the catalogue answers it, and where its docs are written."""
        entity = await self._entity(request, ref)
        (answer,) = await self._platform.catalog.named(request.viewer, [entity.ref])
        kind, _, target = str(annotations_of(entity).get(LOCATION, "")).partition(":")
        place = {"type": kind, "target": target}
        return {**orjson.loads(answer or b"{}"), "locationMetadata": place}

    async def _asked(self, request: ApiRequest, ref: EntityRef) -> _Asked:
        entity = await self._entity(request, ref)
        kept = await self._platform.docs.site(request.viewer, entity.ref)
        if kept is None:
            raise NotFound(f"Unable to get metadata for '{entity.ref}': it has no docs here")
        docs = book.docs_of(kept.data)
        if not await self._may_read(request, docs.place.repository):
            raise NotFound(f"Unable to get metadata for '{entity.ref}'")
        return _Asked(request, entity, docs, kept.state, book.built_at(kept.data))

    async def _may_read(self, request: ApiRequest, repository: RepositoryName) -> bool:
        """The question that a clone asks."""
        question = AccessRequest(
            verb="get",
            group="git.towpath.dev",
            resource="repositories",
            namespace=repository.project,
            name=repository.name,
        )
        return await self._platform.authorize(request.user, question)

    async def _file(self, asked: _Asked, path: str) -> ApiAnswer:
        site = asked.docs.site
        if path == METADATA:
            return _json(_metadata(asked))
        if path == SEARCH_INDEX:
            return _json(await self._search_index(asked))
        if path in site.files:
            if not path.endswith(".md"):
                return await self._beside(asked, path)
        elif page := site.page_at(path.removesuffix("index.html")):
            return await self._page(asked, page)
        raise NotFound(f"the docs of {asked.entity.ref} have no file {path!r}")

    async def _page(self, asked: _Asked, path: str) -> ApiAnswer:
        data = await self._platform.docs.page(asked.request.viewer, asked.entity.ref, path)
        if data is None:
            raise NotFound(f"{path} is being rendered; ask again in a moment")
        text = await asyncio.to_thread(_document, asked, path, book.page_of(data))
        return ApiAnswer(text.encode(), content_type="text/html; charset=utf-8", headers=HARMLESS)

    async def _beside(self, asked: _Asked, path: str) -> ApiAnswer:
        """A picture, of the newest docs or of a release's."""
        place, site = asked.docs.place, asked.docs.site
        release = parse_qs(asked.request.query).get("version", [""])[0]
        commit = asked.docs.commit
        if release:
            commit = CommitSHA(await commit_of(asked.request.api, asked.entity, release))
        folder = "/".join(filter(None, (place.folder, site.folder, posixpath.dirname(path))))
        try:
            files = await self._platform.git.files(place.repository, commit, folder)
        except GitError as error:
            raise NotFound(str(error)) from error
        file = files.get(posixpath.basename(path))
        if file is None:
            raise NotFound(f"{path} is not there at {commit[:8]}")
        kind = MEDIA.get(path.rpartition(".")[2].lower(), "application/octet-stream")
        return ApiAnswer(file.content, content_type=kind, headers=HARMLESS)

    async def _search_index(self, asked: _Asked) -> Any:
        """As MkDocs' search plug-in writes it: an entry for each page and for each heading."""
        entries = []
        for path in asked.docs.site.pages:
            data = await self._platform.docs.page(asked.request.viewer, asked.entity.ref, path)
            if data is None:
                continue
            page = book.page_of(data)
            where = f"{address(path)}/" if address(path) else ""
            for section in page.prose.sections:
                at = f"{where}#{section.id}" if section.id else where
                title = section.title or page.title
                entries.append({"location": at, "title": title, "text": section.text})
        config = {"lang": ["en"], "separator": "[\\s\\-]+", "pipeline": ["stopWordFilter"]}
        return {"config": config, "docs": entries}


def _json(said: Any) -> ApiAnswer:
    return ApiAnswer(orjson.dumps(said), headers={"Cache-Control": "private, max-age=60"})


def _metadata(asked: _Asked) -> Mapping[str, Any]:
    site = asked.docs.site
    pages = [f"{address(path)}/index.html".lstrip("/") for path in site.pages]
    others = [path for path in site.files if not path.endswith(".md")]
    return {
        "site_name": site.name,
        "site_description": site.description,
        "etag": asked.docs.commit,
        "build_timestamp": int(asked.built_s * 1000),
        "files": sorted((*pages, *others, METADATA, SEARCH_INDEX)),
    }


def _document(asked: _Asked, path: str, page: book.KeptPage) -> str:
    """A page whose links are relative to its place among the files of the site."""
    site, entity = asked.docs.site, asked.entity
    depth = len([part for part in address(path).split("/") if part])
    root = "../" * depth or "./"
    base = docs_page(entity.kind, entity.namespace, entity.name)
    text = page.prose.html.text
    for kind in ("href", "src"):
        text = text.replace(f'{kind}="{API}/static{base}/', f'{kind}="{root}')
        text = _relative(text, f'{kind}="{base}', root)
    title = html.escape(f"{page.title} - {site.name}")
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        '<body><div class="md-container"><div class="md-sidebar md-sidebar--primary">'
        f'<nav class="md-nav md-nav--primary">{_nav(site.nav, root)}</nav></div>\n'
        '<main class="md-main"><div class="md-content">'
        '<article class="md-content__inner md-typeset">\n'
        f"<h1>{html.escape(page.title)}</h1>\n{text}\n</article></div></main></div></body></html>\n"
    )


def _relative(text: str, begins: str, root: str) -> str:
    """Addresses of our pages, as those of files."""
    before, *others = text.split(begins)
    parts = [before]
    for other in others:
        link, quoted, rest = other.partition('"')
        where, sign, fragment = link.partition("#")
        where = where.partition("?")[0].strip("/")
        folder = f"{where}/" if where else ""
        parts.append(f'href="{root}{folder}{sign}{fragment}{quoted}{rest}')
    return "".join(parts)


def _nav(entries: Sequence[Entry], root: str) -> str:
    if not entries:
        return ""
    lines = []
    for entry in entries:
        title = html.escape(entry.title)
        href = entry.url or root + "".join(f"{quote(part)}/" for part in _parts(entry.path))
        line = f'<a class="md-nav__link" href="{html.escape(href)}">{title}</a>'
        label = line if entry.path or entry.url else f'<span class="md-nav__link">{title}</span>'
        lines.append(f'<li class="md-nav__item">{label}{_nav(entry.children, root)}</li>')
    return f'<ul class="md-nav__list">{"".join(lines)}</ul>'


def _parts(path: str) -> list[str]:
    return [part for part in address(path).split("/") if part] if path else []
