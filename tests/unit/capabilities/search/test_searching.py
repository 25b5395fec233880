"""The search box: what is found for whom, how it is narrowed down, and what a page of it says."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.portal import ALICE, RunningPortal, running_portal

from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.search.asked import Asked, asked_of
from towpath.machinery.objects import RawObject
from towpath.records.contract import Entity
from towpath.records.search import Passage


def entity(kind: str, name: str, project: str, owner: str, type_: str = "openapi") -> Entity:
    descriptor: RawObject = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": project, "description": f"All about {name}."},
        "spec": {"type": type_, "lifecycle": "production", "owner": owner, "definition": "x"},
    }
    return entity_of(descriptor)


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        catalog, passages = portal.records.catalog, portal.records.passages
        ours = [
            entity("Component", "payments", "demo", "group:default/team-a", "service"),
            entity("API", "payments-api", "demo", "group:default/team-a"),
            entity("API", "orders-api", "demo", "group:default/team-b"),
        ]
        await catalog.ingest("a", ours, project="demo", version="1")
        theirs = [entity("API", "payments-secret", "other", "group:default/team-a")]
        await catalog.ingest("b", theirs, project="other", version="1")
        page = Passage(
            "docs", "/docs/x#doc-a", "Paying <b>", "Payments: Paying", "Refund payments."
        )
        await passages.put("docs:a", {"p": [page]}, entity="component:demo/x", project="demo")
        operation = Passage("api", "/apis/y#op", "POST /payments", "Payments", "Pay now.")
        await passages.put("api:a", {"": [operation]}, entity="api:demo/y", project="demo")
        secret = Passage("docs", "/docs/secret", "Payments of others", "Secret", "payments")
        await passages.put("docs:b", {"p": [secret]}, entity="component:other/x", project="other")
        yield portal


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("two words", Asked("two words")),
        ("kind:api pay", Asked("pay", {"kind": ("api", "Api", "API")})),
        ("in:docs pay", Asked("pay", sort="docs")),
        ("kind:docs pay", Asked("pay", sort="docs")),
        ("owner:me", Asked("", {"owner": ("user:default/alice", "group:default/team-a")})),
        ("owner:x", Asked("", {"owner": ("group:default/x", "user:default/x")})),
        ("owner:none", Asked("", {"owner": ("",)})),
        ("tag:a,b", Asked("", {"tag": ("a", "b")})),
        ("http://x:80 a: :b", Asked("http://x:80 a: :b")),
        ("in:nowhere x", Asked("in:nowhere x")),
    ],
)
def test_what_is_typed_is_words_and_filters(text: str, asked: Asked) -> None:
    assert asked_of(text, ALICE) == asked


async def test_everything_that_fits_is_on_the_page(portal: RunningPortal) -> None:
    shown = await portal.open("/search?q=payments")
    for href in ("/catalog/component/demo/payments", "/docs/x#doc-a", "/apis/y#op"):
        assert f'href="{href}"' in shown.html
    assert "Paying &lt;b&gt;" in shown.html
    assert "<mark>payments</mark>" in shown.html
    assert "secret" not in shown.text
    assert "others" not in shown.text


async def test_filters_narrow_it_down(portal: RunningPortal) -> None:
    mine = await portal.open("/search?q=kind:api+owner:me")
    assert "payments-api" in mine.text
    assert "orders-api" not in mine.text
    docs = await portal.open("/search?q=payments&in=docs")
    assert "/docs/x#doc-a" in docs.html
    assert "payments-api" not in docs.text


async def test_nothing_found_and_nothing_asked_say_what_to_do(portal: RunningPortal) -> None:
    assert "Nothing that you may see fits" in (await portal.open("/search?q=zzzzzz")).text
    assert "What are you looking for?" in (await portal.open("/search")).text


async def test_whatever_is_typed_is_answered(portal: RunningPortal) -> None:
    for text in ('"', "'", "*", "(", "kind:", "a" * 400, "\\", "ä", "🚢", ":"):
        assert (await portal.open(f"/search?q={quote(text)}")).status == 200
