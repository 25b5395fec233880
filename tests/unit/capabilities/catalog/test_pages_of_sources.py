"""Pages of sources, of an entity's history, and of kinds that the platform added."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.portal import ALICE, RunningPortal, running_portal

from towpath.capabilities.portal.catalog.custom_kinds import properties_of
from towpath.capabilities.portal.catalog.descriptors import entity_of, with_annotations
from towpath.capabilities.portal.catalog.facts import LOCATION
from towpath.capabilities.portal.catalog.kinds import (
    CATALOG_EDIT,
    CATALOG_SOURCE,
    ENTITY_KIND,
    REFRESH_ANNOTATION,
)
from towpath.engines.git.port import RepositoryName
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.objects import RawObject
from towpath.records.contract import Cause, written

EVIL = "<script>alert(1)</script>"
COMMIT = "c" * 40
HELD: RawObject = {
    "part": "repository:demo/shop",
    "version": "v2",
    "removed": 30,
    "of": 40,
    "examples": ["component:default/a"],
}
CONDITIONS = [
    {
        "type": "Quarantined",
        "status": "True",
        "reason": "LossTooGreat",
        "message": "30 of 40",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
]
ENTITY: RawObject = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "shop", "namespace": "demo", "description": EVIL},
    "spec": {"type": "service", "lifecycle": "production", "owner": "team-a"},
}
GADGET: RawObject = {
    "kind": "Gadget",
    "title": "Gadget",
    "schema": {
        "required": ["volts"],
        "properties": {"volts": {"type": "integer"}},
    },
    "computed": [{"name": "power", "calculation": {"expression": "entity.spec.volts * 2"}}],
}


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        api = portal.client
        spec = {"type": "git", "repository": "shop"}
        await api.create(CATALOG_SOURCE, CATALOG_SOURCE.object("shop", "demo", spec=spec))
        status = {
            "status": {
                "conditions": CONDITIONS,
                "quarantine": [HELD],
                "count": 40,
                "version": "v1",
                "errors": [{"entity": "component:default/x", "field": "spec", "message": EVIL}],
            }
        }
        await api.patch(CATALOG_SOURCE, "shop", "demo", status, subresource="status")
        where = {LOCATION: "towpath-git:demo/shop/catalog-info.yaml"}
        for number, owner in enumerate(("team-a", "team-b")):
            entity = with_annotations(
                entity_of({**ENTITY, "spec": {**ENTITY["spec"], "owner": owner}}), where
            )
            await portal.records.catalog.ingest(
                "repository:demo/shop",
                [entity],
                project="demo",
                version=str(number),
                cause=Cause("bob", f"{owner} owns {EVIL} ({COMMIT})"),
            )
        await api.create(ENTITY_KIND, ENTITY_KIND.object("gadget", spec=GADGET))
        yield portal


async def test_sources_are_listed_with_what_is_held_back(portal: RunningPortal) -> None:
    page = await portal.open("/catalog/sources")
    assert "1 hold back" in page.text
    assert "catalog-info.yaml in shop" in page.text
    source = await portal.open("/catalog/sources/demo/shop")
    assert "30 of 40 entities would go" in source.text
    assert EVIL not in source.html
    with pytest.raises(NotFound):
        await portal.open("/catalog/sources/other/secret")


async def test_a_loss_is_accepted_undone_and_read_again(portal: RunningPortal) -> None:
    here, api = "/catalog/sources/demo/shop", portal.client
    await portal.post(here, {"do": "accept", "version": "v2"})
    assert (await api.get(CATALOG_SOURCE, "shop", "demo"))["spec"]["accepted"] == ["v2"]
    await portal.post(here, {"do": "undo", "version": "v2"})
    spec = (await api.get(CATALOG_SOURCE, "shop", "demo"))["spec"]
    assert (spec["accepted"], spec["undone"]) == ([], ["v2"])
    await portal.post(here, {"do": "accept"})
    spec = (await api.get(CATALOG_SOURCE, "shop", "demo"))["spec"]
    assert (spec["accepted"], spec["undone"]) == (["v2"], [])
    await portal.post(here, {"do": "refresh"})
    metadata = (await api.get(CATALOG_SOURCE, "shop", "demo"))["metadata"]
    assert REFRESH_ANNOTATION in metadata["annotations"]
    with pytest.raises(BadRequest):
        await portal.post(here, {"do": "explode"})


async def test_the_history_says_who_why_and_what_and_leads_back(portal: RunningPortal) -> None:
    here = "/catalog/component/demo/shop/history"
    page = await portal.open(here)
    assert "Changed" in page.text
    assert "bob" in page.text
    assert COMMIT[:10] in page.text
    assert EVIL not in page.html
    await portal.post(here, {"before": COMMIT})
    (edit,) = (await portal.client.list(CATALOG_EDIT, "demo")).items
    assert edit["spec"]["before"] == COMMIT
    with pytest.raises(BadRequest):
        await portal.post(here, {"before": "d" * 40})
    with pytest.raises(NotFound):
        await portal.open("/catalog/component/other/secret/history")


async def test_a_kind_of_the_platforms_own_has_form_page_and_list(portal: RunningPortal) -> None:
    shop = RepositoryName("demo", "shop")
    await portal.git.create(shop, owner_uid="u")
    assert "New Gadget" in (await portal.open("/catalog?kind=Gadget")).text
    form = await portal.open("/catalog/new/gadget")
    assert 'name="spec.volts"' in form.html
    wrong = await portal.post("/catalog/new/gadget", {"name": "a b", "repository": "demo/shop"})
    assert wrong.status == 422
    assert "This is required." in wrong.text
    posted = {
        "name": "lamp",
        "repository": "demo/shop",
        "spec.volts": "12",
        "spec.owner": "team-a",
    }
    await portal.post("/catalog/new/gadget", posted)
    (edit,) = (await portal.client.list(CATALOG_EDIT, "demo")).items
    descriptor: Any = edit["spec"]["put"]["descriptor"]
    assert descriptor["spec"] == {"volts": 12, "owner": "team-a"}
    assert await portal.client.get(CATALOG_SOURCE, "shop-catalog", "demo")
    with pytest.raises(NotFound):
        await portal.open("/catalog/new/nothing")


async def test_its_properties_are_on_the_entitys_page(portal: RunningPortal) -> None:
    gadget = {**ENTITY, "kind": "Gadget", "apiVersion": "towpath.dev/v1alpha1"}
    gadget["spec"] = {"volts": 12}
    model_entity = entity_of({**ENTITY, "metadata": {**ENTITY["metadata"], "name": "lamp"}})
    lamp = replace(model_entity, kind="Gadget", ref="gadget:demo/lamp", written=written(gadget))
    await portal.records.catalog.ingest("g", [lamp], project="demo", version="1")
    objects = (await portal.client.list(ENTITY_KIND)).items
    await portal.records.catalog.compute(properties_of(objects))
    await portal.records.catalog.settled()
    page = await portal.open("/catalog/gadget/demo/lamp", user=ALICE)
    assert "power 24" in page.text
    here = "/catalog?kind=Gadget&computed.power"
    assert "lamp" in (await portal.open(f"{here}=24&sort=-computed.power", user=ALICE)).text
    assert "Nothing fits this filter" in (await portal.open(f"{here}=25", user=ALICE)).text
    listed = await portal.open("/catalog?kind=Gadget&columns=computed.power", user=ALICE)
    assert listed.text.count("power") == 3, "as a facet, a column and a choice of columns"


async def test_a_kind_without_entities_is_in_the_list_of_kinds(portal: RunningPortal) -> None:
    page = await portal.open("/catalog")
    assert "Gadget 0" in page.text
    assert 'href="/catalog?kind=Gadget"' in page.html
