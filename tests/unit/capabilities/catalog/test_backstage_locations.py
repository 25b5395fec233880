"""Locations of Backstage's API: what clients register becomes CatalogSources with their rights."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.portal import RunningPortal, running_portal

from towpath.capabilities.portal.catalog.backstage.api import CatalogApi
from towpath.capabilities.portal.catalog.descriptors import entity_of, with_annotations
from towpath.capabilities.portal.catalog.facts import locations
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, REFRESH_ANNOTATION
from towpath.capabilities.portal.catalog.sources.web import Web
from towpath.engines.outbound import OutboundAnswer, OutboundRequest
from towpath.hooks.apis import ApiRequest
from towpath.machinery.errors import BadRequest, Conflict, Forbidden, NotFound
from towpath.machinery.objects import annotations_of
from towpath.machinery.users import MASTERS, UserInfo
from towpath.records.contract import Viewer

STRANGER = UserInfo("eve", ("system:authenticated",))
ADMIN = UserInfo("admin", (MASTERS, "system:authenticated"))
TARGET = "https://git.example/acme/shop/catalog-info.yaml"
LOCATION = {"type": "url", "target": TARGET}


DESCRIPTOR = b"""
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop}
spec: {type: service, lifecycle: production, owner: a}
"""


async def fetched(request: OutboundRequest) -> OutboundAnswer:
    return OutboundAnswer(200, DESCRIPTOR) if request.url == TARGET else OutboundAnswer(404, b"")


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        yield portal


async def sent(
    portal: RunningPortal,
    method: str,
    address: str,
    body: Any = None,
    *,
    user: UserInfo = ADMIN,
    projects: frozenset[str] | None = frozenset({"demo"}),
) -> Any:
    path, _, query = address.partition("?")
    request = ApiRequest(
        method,
        path,
        query,
        {"content-type": "application/json"},
        orjson.dumps(body),
        user=user,
        viewer=Viewer(user, projects),
        api=portal.front.client(user),
    )
    answer = await CatalogApi(portal.records.catalog, portal.front.authorize, Web(fetched)).answer(
        request
    )
    return orjson.loads(answer.body) if answer.body else answer.status


async def test_a_location_is_registered_found_and_removed(portal: RunningPortal) -> None:
    dry = await sent(portal, "POST", "/locations?dryRun=true", LOCATION)
    assert not dry["exists"]
    assert [one["kind"] for one in dry["entities"]] == ["Location", "Component"]
    with pytest.raises(BadRequest, match="answers 404"):
        await sent(portal, "POST", "/locations?dryRun=true", {**LOCATION, "target": f"{TARGET}x"})
    with pytest.raises(Forbidden):
        await sent(portal, "POST", "/locations?dryRun=true", LOCATION, user=STRANGER)
    assert await sent(portal, "GET", "/locations") == []
    made = (await sent(portal, "POST", "/locations", LOCATION))["location"]
    assert {name: made[name] for name in LOCATION} == LOCATION
    assert await sent(portal, "GET", "/locations") == [{"data": made}]
    assert await sent(portal, "GET", f"/locations/{made['id']}") == made
    (source,) = (await portal.client.list(CATALOG_SOURCE, "demo")).items
    assert source["spec"]["url"]["targets"] == [TARGET]
    with pytest.raises(Conflict):
        await sent(portal, "POST", "/locations", LOCATION)
    assert await sent(portal, "DELETE", f"/locations/{made['id']}") == 204
    assert (await portal.client.list(CATALOG_SOURCE, "demo")).items == []
    with pytest.raises(NotFound):
        await sent(portal, "DELETE", f"/locations/{made['id']}")


async def test_one_target_of_several_is_removed_alone(portal: RunningPortal) -> None:
    source = {
        "apiVersion": "towpath.dev/v1alpha1",
        "kind": "CatalogSource",
        "metadata": {"name": "two", "namespace": "demo"},
        "spec": {"type": "url", "url": {"targets": [TARGET, f"{TARGET}?2"]}},
    }
    await portal.client.create(CATALOG_SOURCE, source)
    _, second = await sent(portal, "GET", "/locations")
    assert await sent(portal, "DELETE", f"/locations/{second['data']['id']}") == 204
    known = await portal.client.get(CATALOG_SOURCE, "two", "demo")
    assert known["spec"]["url"]["targets"] == [TARGET]


async def test_an_entity_knows_its_location_and_is_refreshed(portal: RunningPortal) -> None:
    made = (await sent(portal, "POST", "/locations", LOCATION))["location"]
    described = entity_of(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": "shop"},
            "spec": {"type": "service", "lifecycle": "production", "owner": "a"},
        }
    )
    placed = with_annotations(described, locations(f"url:{TARGET}"))
    await portal.records.catalog.ingest("x", [placed], project="demo", version="1")
    by_entity = "/locations/by-entity/component/default/shop"
    assert await sent(portal, "GET", by_entity) == made
    assert await sent(portal, "POST", "/refresh", {"entityRef": "component:default/shop"}) == 200
    (source,) = (await portal.client.list(CATALOG_SOURCE, "demo")).items
    assert annotations_of(source)[REFRESH_ANNOTATION]
    with pytest.raises(NotFound):
        await sent(portal, "POST", "/refresh", {"entityRef": "component:default/none"})
    with pytest.raises(NotFound):
        await sent(portal, "GET", by_entity, projects=frozenset())


async def test_a_location_is_made_with_the_visitors_own_rights(portal: RunningPortal) -> None:
    with pytest.raises(Forbidden):
        await sent(portal, "POST", "/locations", LOCATION, user=STRANGER)
    with pytest.raises(BadRequest):
        await sent(portal, "POST", "/locations", LOCATION, projects=frozenset({"demo", "other"}))
    assert (await portal.client.list(CATALOG_SOURCE)).items == []


async def test_locations_that_are_removed_at_once_all_go(portal: RunningPortal) -> None:
    targets = [f"{TARGET}?{number}" for number in range(4)]
    spec = {"type": "url", "url": {"targets": targets}}
    await portal.client.create(CATALOG_SOURCE, CATALOG_SOURCE.object("many", "demo", spec=spec))
    ids = [one["data"]["id"] for one in await sent(portal, "GET", "/locations")]
    gone = [sent(portal, "DELETE", f"/locations/{one}") for one in ids[1:]]
    assert await asyncio.gather(*gone) == [204] * 3
    (left,) = await sent(portal, "GET", "/locations")
    assert left["data"]["target"] == targets[0]
