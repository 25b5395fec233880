"""The thin path: create, read, change, watch and delete, in process."""

import asyncio
from uuid import UUID

import pytest
from tests.support import running_api_server

from towpath.client.protocols import EventType
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import AlreadyExists, Conflict, NotFound
from towpath.machinery.kinds import custom_resource_definition, towpath_resource

WIDGET = towpath_resource("Widget", "widgets")
WIDGET_CRD = custom_resource_definition(
    WIDGET,
    spec={"type": "object", "properties": {"size": {"type": "integer", "default": 3}}},
    status={"type": "object", "properties": {"phase": {"type": "string"}}},
)


async def test_an_object_lives_and_dies() -> None:
    async with running_api_server() as api:
        client = api.client()
        made = await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default", data={"k": "1"}))
        uid = made["metadata"]["uid"]
        assert str(UUID(uid)) == uid and UUID(uid).version == 4
        with pytest.raises(AlreadyExists):
            await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
        made["data"]["k"] = "2"
        changed = await client.update(CONFIG_MAP, made)
        with pytest.raises(Conflict):
            await client.update(CONFIG_MAP, {**made, "data": {"k": "3"}})
        assert (await client.update(CONFIG_MAP, changed)) == changed
        patched = await client.patch(CONFIG_MAP, "a", "default", {"data": {"k": None, "x": "y"}})
        assert patched["data"] == {"x": "y"}
        await client.delete(CONFIG_MAP, "a", "default")
        with pytest.raises(NotFound):
            await client.get(CONFIG_MAP, "a", "default")


async def test_a_definition_serves_its_kind_at_once() -> None:
    async with running_api_server(kinds=[WIDGET_CRD]) as api:
        client = api.client()
        assert await client.resolve("towpath.dev/v1alpha1", "Widget") == WIDGET
        made = await client.create(WIDGET, WIDGET.object("w", "default", spec={}, status={"x": 1}))
        assert made["spec"] == {"size": 3}
        assert "status" not in made
        made["status"] = {"phase": "Ready"}
        made["spec"] = {"size": 99}
        with_status = await client.update(WIDGET, made, subresource="status")
        assert (with_status["spec"], with_status["status"]) == ({"size": 3}, {"phase": "Ready"})
        assert with_status["metadata"]["generation"] == 1


async def test_a_watch_follows_a_list() -> None:
    async with running_api_server() as api:
        client = api.client()
        listed = await client.list(CONFIG_MAP, "default")
        events = client.watch(CONFIG_MAP, "default", since=listed.resource_version)
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
        await client.delete(CONFIG_MAP, "a", "default")
        async with asyncio.timeout(5):
            seen = [(await anext(events)).type for _ in range(2)]
        assert seen == [EventType.ADDED, EventType.DELETED]
        await events.aclose()
