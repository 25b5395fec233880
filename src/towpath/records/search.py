"""What is searched besides the catalogue's entities, and docs as they were rendered.

A passage is a piece of text that people look for by its words: what stands under a heading of docs,
an operation of an API. Who writes one says whose it is; the viewer's projects go into the query.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from towpath.records.contract import Viewer

MARK_BEGINS, MARK_ENDS = "\x02", "\x03"
"""Around what fits, in what is found: neither is ever part of a text."""


@dataclass(frozen=True, slots=True)
class Passage:
    sort: str
    """What it is part of: `docs` or `api`."""
    href: str
    title: str
    page: str
    """What it stands on: the title of the page, the name of the API."""
    text: str


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage that fits, its title and a piece of its text with marks around what does."""

    passage: Passage
    entity: str
    title: str
    snippet: str


class Seen(Protocol):
    """Which version of each source of the catalogue a reader has worked through."""

    async def seen(self, reader: str) -> dict[str, str]: ...

    async def see(self, reader: str, source: str, version: str | None) -> None:
        """None: the source is gone."""
        ...


class Passages(Protocol):
    """Texts by their words. A source is an entity's docs or definition; its parts are pages."""

    async def put(
        self,
        source: str,
        parts: Mapping[str, Sequence[Passage]],
        *,
        entity: str,
        project: str,
        keeping: Collection[str] = (),
    ) -> None:
        """Make these the passages of those parts; all other parts go, but for `keeping`."""
        ...

    async def forget(self, source: str) -> None: ...

    async def sources(self, prefix: str) -> list[str]:
        """Those that have passages and begin so."""
        ...

    async def find(
        self,
        viewer: Viewer,
        text: str,
        *,
        sorts: Collection[str] = (),
        entity: str = "",
        limit: int = 10,
        skip: int = 0,
        meant: bool = True,
    ) -> list[FoundPassage]:
        """The best first: all words, of each the beginning is enough.

        When something else may be `meant`, a word that begins none is taken for one that differs
        in a letter. No `sorts` are all.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeptSite:
    """Docs as they were rendered last; what they hold is the docs' own affair."""

    entity: str
    source: str
    """Of the catalogue, which delivers the entity."""
    project: str
    repository: str
    state: str
    """What they were rendered from: the same for the same."""
    data: bytes


class DocsShelf(Protocol):
    """Rendered docs, ready to be sent; whatever is lost is rendered again."""

    async def sites(self) -> list[tuple[str, str, str, str]]:
        """Entity, source, repository and state of all docs there are."""
        ...

    async def site(self, viewer: Viewer, entity: str) -> KeptSite | None: ...

    async def page(self, viewer: Viewer, entity: str, path: str) -> bytes | None: ...

    async def digests(self, entity: str) -> dict[str, str]:
        """What each page was rendered from, by its path."""
        ...

    async def put(
        self, site: KeptSite, pages: Mapping[str, tuple[str, bytes]], paths: Collection[str]
    ) -> None:
        """Replace the site and these pages, by path: what each was rendered from, and itself.

        `paths` are all there are now; other pages go.
        """
        ...

    async def forget(self, entity: str) -> None: ...
