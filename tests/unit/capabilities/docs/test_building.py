"""Docs are rendered as they are pushed: what changed, and what a change reaches; then searched."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.portal import ALICE, RunningPortal, running_portal
from tests.support import eventually
from tests.unit.capabilities.docs.test_pages_of_docs import (
    AUTHOR,
    FILES,
    HERE,
    described,
    push,
)

from towpath.capabilities.portal.docs import prose
from towpath.capabilities.portal.docs.build import READER, Builder, controllers
from towpath.capabilities.portal.docs.prose import Prose
from towpath.capabilities.portal.docs.rendering import Work
from towpath.capabilities.portal.docs.site import Site
from towpath.engines.git.port import File, RepositoryName
from towpath.hooks.platform import Platform
from towpath.machinery.objects import Key
from towpath.records.contract import Viewer
from towpath.runtime.catalogsources import CatalogSources

OURS = Viewer(ALICE, frozenset({"demo"}))
REF = "component:demo/orders"


def platform_of(portal: RunningPortal) -> Platform:
    """Of all that a platform has, what docs and search are made of."""
    records = portal.records
    unused: dict[str, Any] = dict.fromkeys(one.name for one in fields(Platform))
    given = {
        "api": portal.client,
        "git": portal.git,
        "catalog": records.catalog,
        "passages": records.passages,
        "docs": records.docs,
        "seen": records.seen,
        "changes": records.changes,
        "authorize": portal.front.authorize,
    }
    return Platform(**{**unused, **given})


class Building:
    """A builder whose pages are rendered here, and counted."""

    def __init__(self, portal: RunningPortal) -> None:
        records = portal.records
        sources = CatalogSources(READER, records.catalog, records.seen, records.changes)
        self.rendered: list[str] = []
        self.builder = Builder(platform_of(portal), sources, render=self._render)

    def _render(self, work: Work, pages: Mapping[str, str]) -> dict[str, Prose]:
        self.rendered += pages
        site = Site("", dict.fromkeys(work.files, b""), (), begins=work.first)
        return {path: prose.rendered(site, path, text, work.bases) for path, text in pages.items()}

    async def again(self, source: str = "a") -> list[str]:
        """Which pages were rendered now."""
        self.rendered.clear()
        await self.builder(Key("", source))
        return sorted(self.rendered)


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        await portal.git.create(RepositoryName("demo", "orders"), owner_uid="u")
        await push(portal, FILES)
        entities = [described("orders", "demo")]
        await portal.records.catalog.ingest("a", entities, project="demo", version="1")
        yield portal


async def found(portal: RunningPortal, text: str) -> list[str]:
    passages = await portal.records.passages.find(OURS, text)
    return [one.passage.href for one in passages]


async def test_a_push_renders_what_it_changed_and_no_more(portal: RunningPortal) -> None:
    building = Building(portal)
    assert await building.again() == ["index.md", "ops.md"]
    assert await building.again() == []
    await push(portal, {"docs/ops.md": b"## Restart\n\nType restart.\n"})
    assert await building.again() == ["ops.md"]
    await push(portal, {"src/main.py": b"print()"})
    assert await building.again() == []
    assert await portal.records.seen.seen(READER) == {"a": "1"}


async def test_a_page_whose_link_leads_elsewhere_is_rendered_again(portal: RunningPortal) -> None:
    building = Building(portal)
    await building.again()
    await push(portal, {"docs/ops.md": None, "docs/ops/README.md": b"# Operate\n"})
    assert await building.again() == ["index.md", "ops/README.md"]
    await push(portal, {"docs/ops/README.md": None})
    assert await building.again() == ["index.md"]
    assert '<a rel="noopener noreferrer">how</a>' in (await portal.open(HERE)).html


async def test_a_page_whose_snippet_changed_is_rendered_again(portal: RunningPortal) -> None:
    building = Building(portal)
    await push(portal, {"parts/a.md": b"one", "docs/s.md": b'--8<-- "parts/a.md"\n'})
    await building.again()
    await push(portal, {"parts/a.md": b"two"})
    assert await building.again() == ["s.md"]


async def test_what_is_written_is_found_by_its_heading(portal: RunningPortal) -> None:
    building = Building(portal)
    await building.again()
    assert await found(portal, "words") == [f"{HERE}/ops"]
    await push(portal, {"docs/ops.md": b"# Ops\n\n## Restart it\n\nPatience.\n"})
    await building.again()
    assert await found(portal, "patience") == [f"{HERE}/ops#doc-restart-it"]
    assert await found(portal, "words") == []
    shown = await portal.open("/docs?q=patience")
    assert "<mark>Patience</mark>" in shown.html
    here = await portal.open(f"{HERE}?q=patience")
    assert f'href="{HERE}/ops#doc-restart-it"' in here.html


async def test_a_page_says_who_changed_it_last(portal: RunningPortal) -> None:
    building = Building(portal)
    await building.again()
    first = await portal.git.head(RepositoryName("demo", "orders"))
    await push(portal, {"docs/ops.md": b"new"})
    await building.again()
    assert first is not None
    shown = await portal.open(HERE)
    assert "changed by Ada" in shown.text
    assert first[:8] in shown.text


async def test_docs_of_other_repositories_are_not_kept(portal: RunningPortal) -> None:
    """Whoever may see an entity might read there what they may not read."""
    theirs = described("orders", "demo", "url:http://localhost:8080/git/demo/secrets.git")
    await portal.git.create(RepositoryName("demo", "secrets"), owner_uid="u")
    await portal.records.catalog.ingest("a", [theirs], project="demo", version="2")
    assert await Building(portal).again() == []
    stolen = described("orders", "demo", repository="other/orders")
    await portal.records.catalog.ingest("a", [stolen], project="demo", version="3")
    assert await Building(portal).again() == []


async def test_pushes_and_new_entities_are_followed(portal: RunningPortal) -> None:
    (controller,) = controllers(platform_of(portal))
    running = asyncio.create_task(controller.run())

    async def is_found(text: str) -> bool:
        return bool(await found(portal, text))

    try:
        await eventually(partial(is_found, "words"), deadline_s=30)
        await push(portal, {"docs/ops.md": b"Patience.\n"})
        await eventually(partial(is_found, "patience"), deadline_s=30)
        entities = [described("orders", "demo"), described("others", "demo")]
        await portal.git.create(RepositoryName("demo", "others"), owner_uid="u")
        changes = {"README.md": File(b"# Others\n\nQuiet.\n")}
        name = RepositoryName("demo", "others")
        await portal.git.write(name, changes, message="x", author=AUTHOR, expected=None)
        await portal.records.catalog.ingest("a", entities, project="demo", version="2")
        await eventually(partial(is_found, "quiet"), deadline_s=30)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_docs_that_are_no_more_are_found_no_more(portal: RunningPortal) -> None:
    building = Building(portal)
    await building.again()
    await portal.records.catalog.ingest("a", [], project="demo", version="2")
    await building.again()
    assert await found(portal, "words") == []
    assert await portal.records.docs.sites() == []
