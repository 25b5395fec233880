"""Docs in the portal: what there is to read, one page, and nothing of somebody else's."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest
from tests.portal import ALICE, RunningPortal, running_portal

from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA
from towpath.records.contract import Entity

REPOSITORY = RepositoryName("demo", "orders")
AUTHOR = Signature("Ada", "ada@example.com")
HERE = "/docs/demo/component/orders"
FILES = {
    "mkdocs.yml": b"site_name: Orders\nnav: [index.md, {Run it: ops.md}]\n",
    "docs/index.md": b"# All about orders\n\n[how](ops.md)\n\n<script>alert(1)</script>\n",
    "docs/ops.md": b"Words without a heading.\n",
}


def described(name: str, project: str, place: str = "dir:.", repository: str = "") -> Entity:
    return entity_of(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {
                "name": name,
                "namespace": project,
                "annotations": {
                    "backstage.io/techdocs-ref": place,
                    "backstage.io/managed-by-location": "towpath-git:"
                    f"{repository or f'{project}/{name}'}/catalog-info.yaml",
                },
            },
            "spec": {"type": "service", "lifecycle": "production"},
        }
    )


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        await portal.git.create(REPOSITORY, owner_uid="u")
        await push(portal, FILES)
        ours = [described("orders", "demo"), described("plain", "demo", "url:https://a.example")]
        ours.append(described("stolen", "demo", repository="other/secrets"))
        await portal.records.catalog.ingest("a", ours, project="demo", version="1")
        theirs = [described("secrets", "other")]
        await portal.records.catalog.ingest("b", theirs, project="other", version="1")
        yield portal


async def push(
    portal: RunningPortal, files: dict[str, bytes | None] | dict[str, bytes]
) -> CommitSHA:
    changes = {path: None if text is None else File(text) for path, text in files.items()}
    return await portal.git.write(
        REPOSITORY,
        changes,
        message="Write docs\n",
        author=AUTHOR,
        expected=await portal.git.head(REPOSITORY),
    )


async def test_what_has_docs_is_listed_for_who_may_see_it(portal: RunningPortal) -> None:
    shown = await portal.open("/docs")
    assert f'href="{HERE}"' in shown.html
    assert "/docs/demo/component/plain" not in shown.html
    assert "secrets" not in (await portal.open("/docs?q=secrets")).text.partition("Filter")[2]


async def test_where_few_of_many_have_docs_one_looks_further(portal: RunningPortal) -> None:
    many = [described(f"a-{number:03}", "demo", "url:x") for number in range(300)]
    await portal.records.catalog.ingest("many", many, project="demo", version="1")
    shown = await portal.open("/docs")
    assert "None of these has docs" in shown.text
    further = re.search(r'href="(/docs\?continue=[^"]+)"', shown.html)
    assert further is not None
    assert f'href="{HERE}"' in (await portal.open(unescape(further[1]))).html


async def test_a_page_says_what_is_written_and_where_it_comes_from(portal: RunningPortal) -> None:
    shown = await portal.open(HERE)
    assert "<h1" in shown.html
    assert shown.html.count("All about orders</h1>") == 1
    assert f'<a href="{HERE}/ops" rel="noopener noreferrer">how</a>' in shown.html
    assert "alert(1)" not in shown.html
    assert "docs/index.md" in shown.text
    assert 'aria-current="page">All about orders' in shown.html
    second = await portal.open(f"{HERE}/ops")
    assert "Run it</h1>" in second.html
    assert 'rel="prev"' in second.html


async def test_addresses_of_mkdocs_lead_to_the_page(portal: RunningPortal) -> None:
    for asked in ("ops.md", "ops.html", "ops/"):
        found = await portal.open(f"{HERE}/{asked}")
        assert found.leads_to == f"{HERE}/ops" or "Run it</h1>" in found.html
    assert (await portal.open(f"{HERE}/index.md")).leads_to == HERE


async def test_a_push_is_shown_at_once(portal: RunningPortal) -> None:
    await portal.open(HERE)
    await push(portal, {"docs/index.md": b"# Anew\n"})
    assert "Anew</h1>" in (await portal.open(HERE)).html


async def test_docs_without_a_page_say_how_to_begin(portal: RunningPortal) -> None:
    await push(portal, dict.fromkeys(FILES))
    assert "Push docs/index.md to demo/orders" in (await portal.open(HERE)).text


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (f"{HERE}/gone", "have no page 'gone'"),
        (f"{HERE}/../../../mkdocs.yml", "no page"),
        ("/docs/demo/component/nobody", "has no component demo/nobody"),
        ("/docs/demo/component/plain", "names no docs"),
        ("/docs/other/component/secrets", "has no component other/secrets"),
        ("/docs/demo/component/stolen", "other/secrets"),
    ],
)
async def test_what_is_not_there_is_said_by_name(
    portal: RunningPortal, address: str, why: str
) -> None:
    with pytest.raises(NotFound, match=why):
        await portal.open(address, user=ALICE)
