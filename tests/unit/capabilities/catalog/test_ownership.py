"""Ownership: who answers for what, why nobody does, and what the evidence proposes instead."""

import html
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.portal import ALICE, RunningPortal, running_portal

from towpath.capabilities.portal.catalog.descriptors import entity_of, with_annotations
from towpath.capabilities.portal.catalog.facts import LOCATION
from towpath.capabilities.portal.catalog.kinds import CATALOG_EDIT, UNSEEN_ANNOTATION
from towpath.capabilities.portal.catalog.ownership import (
    AMBIGUOUS,
    DANGLING,
    DEPARTED,
    EMPTY,
    FINE,
    NOBODY,
    Deeds,
    Judge,
    proposal,
)
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.machinery.errors import BadRequest
from towpath.records.contract import AuditEntry, Entity, Viewer

SHOP = RepositoryName("demo", "shop")
EVERYTHING = Viewer(ALICE, None)


def entity(kind: str, name: str, namespace: str = "default", **spec: Any) -> Entity:
    title = spec.pop("title", "")
    metadata = {"name": name, "namespace": namespace, **({"title": title} if title else {})}
    usual = {"Group": {"type": "team", "children": []}, "User": {}}.get(
        kind, {"type": "service", "lifecycle": "production"}
    )
    return entity_of(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": kind,
            "metadata": metadata,
            "spec": {**usual, **spec},
        }
    )


PEOPLE = [
    entity("User", "alice", memberOf=["team-a"]),
    entity("User", "bob"),
    with_annotations(entity("User", "ghost", memberOf=["team-c"]), {UNSEEN_ANNOTATION: "true"}),
    entity("Group", "team-a"),
    entity("Group", "team-b", members=["bob", "nobody-here"]),
    entity("Group", "team-c"),
    entity("Group", "above", children=["team-a"]),
    entity("Group", "twins", title="Payments", members=["bob"]),
    entity("Group", "twins2", title="payments", members=["bob"]),
]
OWNERS = {
    "": NOBODY,
    "group:default/team-a": FINE,
    "group:default/team-b": FINE,
    "group:default/above": FINE,
    "user:default/alice": FINE,
    "group:default/team-c": EMPTY,
    "group:default/nothing": DANGLING,
    "user:default/ghost": DEPARTED,
    "user:default/left": DEPARTED,
    "group:default/twins": AMBIGUOUS,
}


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        catalog = portal.records.catalog
        left = entity("User", "left")
        await catalog.ingest("people", [*PEOPLE, left], project="", version="1")
        await catalog.ingest("people", PEOPLE, project="", version="2")
        owned = [
            entity("Component", f"c{number}", "demo", owner=owner) if owner else _of_nobody(number)
            for number, owner in enumerate(OWNERS)
        ]
        where = {LOCATION: "towpath-git:demo/shop/catalog-info.yaml"}
        owned[0] = with_annotations(owned[0], where)
        await catalog.ingest("repository:demo/shop", owned, project="demo", version="1")
        yield portal


def _of_nobody(number: int) -> Entity:
    return entity("Component", f"c{number}", "demo")


@pytest.mark.parametrize(
    ("owner", "problem"), OWNERS.items(), ids=[owner or "nobody" for owner in OWNERS]
)
async def test_each_owner_is_judged(portal: RunningPortal, owner: str, problem: str) -> None:
    judge = Judge(portal.records.catalog, EVERYTHING)
    await judge.begin([owner])
    assert judge.verdict(owner).problem == problem


async def test_the_page_counts_what_is_wrong_and_narrows(portal: RunningPortal) -> None:
    page = await portal.open("/catalog/ownership")
    assert "4 of 10 entities have an owner who is here" in page.text
    assert "Owner has left 2" in page.text
    assert "Unknown owner 1" in page.text
    only = await portal.open("/catalog/ownership?problem=empty")
    assert "c5" in only.text
    assert "c6" not in only.text.partition("Who could own it")[2]
    nothing = await portal.open("/catalog/ownership?problem=empty&owner=group:default/nothing")
    assert "Nothing of that is wrong" in nothing.text


async def test_there_are_pages(portal: RunningPortal) -> None:
    many = [entity("Component", f"n{number:02}", "demo") for number in range(12)]
    await portal.records.catalog.ingest("repository:demo/many", many, project="demo", version="1")
    first = await portal.open("/catalog/ownership?problem=nobody")
    assert "8 of 13" in first.text
    (address,) = re.findall(r'href="([^"]*continue=[^"]*)"', first.html)
    second = await portal.open(html.unescape(address))
    assert "5 of 13" in second.text
    names = re.findall(r">(c0|n\d\d)<", first.html + second.html)
    assert sorted(names) == ["c0", *(one.name for one in many)]


async def test_who_deploys_is_proposed(portal: RunningPortal) -> None:
    ours = replace(_of_nobody(99), project="demo", workload="shop")
    await portal.records.catalog.ingest("workload:demo/shop", [ours], project="demo", version="1")
    makers = {"shop-production-1": "bob", "shop-staging-1": "bob", "shop.of-another": "alice"}
    await portal.records.audit.append(
        [
            AuditEntry(
                id=name,
                time_s=time.time(),
                cluster="",
                user=user,
                verb="create",
                resource="promotions.towpath.dev",
                namespace="demo",
                name=name,
                project="demo",
            )
            for name, user in {**makers, "shopping-staging-1": "alice", "shop-old": "alice"}.items()
        ]
    )
    page = await portal.open("/catalog/ownership?problem=nobody")
    assert "2 of the last 3 deployments (bob 2)" in page.text


async def test_who_commits_is_proposed_and_put_in_by_one_click(portal: RunningPortal) -> None:
    await portal.git.create(SHOP, owner_uid="u")
    for number in range(3):
        await portal.git.write(
            SHOP,
            {"a": File(str(number).encode())},
            message="m",
            author=Signature("alice", "a@b"),
            expected=await portal.git.head(SHOP),
        )
    page = await portal.open("/catalog/ownership?problem=nobody")
    assert "3 of the last 3 commits (alice 3)" in page.text
    form = {"entity": "component:demo/c0", "owner": "group:default/team-a"}
    with pytest.raises(BadRequest):
        await portal.post("/catalog/ownership", {**form, "owner": "group:default/nothing"})
    done = await portal.post("/catalog/ownership?problem=nobody", form)
    assert done.leads_to == "/catalog/ownership?problem=nobody"
    (edit,) = (await portal.client.list(CATALOG_EDIT, "demo")).items
    assert edit["spec"]["owner"] == "group:default/team-a"
    # What is described elsewhere is put right there.
    with pytest.raises(BadRequest):
        await portal.post("/catalog/ownership", {**form, "entity": "component:demo/c6"})


def test_the_group_closest_to_the_work_is_proposed() -> None:
    deeds = Deeds({"alice": 5, "bob": 2, "robot": 50}, {"bob": 1})
    groups = {"alice": ["group:default/a", "group:default/all"], "bob": ["group:default/all"]}
    found = proposal(deeds, groups)
    assert found is not None
    assert found.owner == "group:default/all"
    assert "7 of the last 57 commits (alice 5, bob 2)" in found.sentence
    assert proposal(Deeds({"robot": 9}, {}), {}) is None
    alone = proposal(Deeds({"alice": 1}, {}), {"alice": []})
    assert alone is not None
    assert alone.owner == "user:default/alice"


async def test_a_group_of_the_same_name_is_meant_before_all_evidence(
    portal: RunningPortal,
) -> None:
    cart = entity("Component", "cart", "demo", owner="team-b")
    assert cart.owner == "group:demo/team-b"
    await portal.records.catalog.ingest("cart", [cart], project="demo", version="1")
    page = await portal.open("/catalog/ownership?owner=group:demo/team-b")
    assert "No group or person is called team-b in demo." in page.text
    assert "There is a group of that name in default." in page.text
