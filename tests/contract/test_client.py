"""One suite for every client of the API: in process on the verbs, and over a real TLS socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.wire import WiredApi, wired_api_server

from towpath.client.protocols import Client, EventType, PatchType, WatchEvent
from towpath.machinery.errors import AlreadyExists, Conflict, Forbidden, Gone, Invalid, NotFound
from towpath.machinery.kinds import Resource, custom_resource_definition

CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps")
NAMESPACES = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
DEFINITIONS = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
WIDGETS = Resource("example.dev", "v1", "Widget", "widgets")
WIDGET_DEFINITION = custom_resource_definition(
    WIDGETS,
    spec={"type": "object", "properties": {"size": {"type": "integer", "minimum": 0}}},
    status={"type": "object", "properties": {"ready": {"type": "boolean"}}},
)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WiredApi]:
    async with wired_api_server(tmp_path) as wired:
        yield wired


@pytest.fixture(params=["in process", "over TLS"])
async def client(request: pytest.FixtureRequest, api: WiredApi) -> AsyncIterator[Client]:
    if request.param == "in process":
        yield api.front.client()
    else:
        async with api.client() as remote:
            yield remote


@pytest.fixture
async def widgets(client: Client) -> Client:
    await client.create(DEFINITIONS, WIDGET_DEFINITION)
    return client


def config_map(name: str, **data: str) -> dict[str, object]:
    return CONFIG_MAPS.object(name, "default", data=data)


async def test_a_table_is_what_the_server_shows_of_objects(client: Client) -> None:
    for name in ("a", "b", "c"):
        await client.create(CONFIG_MAPS, config_map(name, greeting="hello"))
    first = await client.table(CONFIG_MAPS, "default", limit=2)
    assert [column.name for column in first.columns] == ["Name", "Data", "Age"]
    assert [row.cells[:2] for row in first.rows] == [["a", 1], ["b", 1]]
    assert "data" not in first.rows[0].object
    following = await client.table(
        CONFIG_MAPS, "default", limit=2, continue_token=first.continue_token
    )
    assert "c" in [row.object["metadata"]["name"] for row in following.rows]


async def test_a_table_of_one_object_has_all_of_it(client: Client) -> None:
    await client.create(CONFIG_MAPS, config_map("a", greeting="hello"))
    (row,) = (await client.table(CONFIG_MAPS, "default", name="a")).rows
    assert row.object["data"] == {"greeting": "hello"}
    with pytest.raises(NotFound):
        await client.table(CONFIG_MAPS, "default", name="b")


async def test_an_object_comes_back_as_it_was_written(client: Client) -> None:
    created = await client.create(CONFIG_MAPS, config_map("a", greeting="hello"))
    assert created["data"] == {"greeting": "hello"}
    assert await client.get(CONFIG_MAPS, "a", "default") == created


async def test_a_dry_run_writes_nothing(client: Client) -> None:
    answered = await client.create(CONFIG_MAPS, config_map("a"), dry_run=True)
    assert answered["metadata"]["name"] == "a"
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAPS, "a", "default")


async def test_a_name_is_taken_once(client: Client) -> None:
    await client.create(CONFIG_MAPS, config_map("a"))
    with pytest.raises(AlreadyExists):
        await client.create(CONFIG_MAPS, config_map("a"))


async def test_what_is_missing_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound) as caught:
        await client.get(CONFIG_MAPS, "absent", "default")
    assert caught.value.details["name"] == "absent"


async def test_an_object_against_its_schema_is_invalid_with_the_field(widgets: Client) -> None:
    with pytest.raises(Invalid) as caught:
        await widgets.create(WIDGETS, WIDGETS.object("w", "default", spec={"size": -1}))
    assert [cause.field for cause in caught.value.causes] == ["spec.size"]


async def test_lists_are_selected_and_come_in_pages(client: Client) -> None:
    for name, tier in (("a", "web"), ("b", "web"), ("c", "data")):
        obj = config_map(name)
        obj["metadata"] = {**obj["metadata"], "labels": {"tier": tier}}  # type: ignore[dict-item]
        await client.create(CONFIG_MAPS, obj)
    web = await client.list(CONFIG_MAPS, "default", labels="tier=web")
    assert [item["metadata"]["name"] for item in web.items] == ["a", "b"]
    named = await client.list(CONFIG_MAPS, fields="metadata.name=c")
    assert [item["metadata"]["name"] for item in named.items] == ["c"]
    first = await client.list(CONFIG_MAPS, "default", limit=2)
    rest = await client.list(CONFIG_MAPS, "default", limit=2, continue_token=first.continue_token)
    names = [item["metadata"]["name"] for item in (*first.items, *rest.items)]
    assert names == ["a", "b", "c"]
    assert rest.continue_token == ""


async def test_an_update_of_an_old_version_conflicts(client: Client) -> None:
    old = await client.create(CONFIG_MAPS, config_map("a", x="1"))
    await client.update(CONFIG_MAPS, {**old, "data": {"x": "2"}})
    with pytest.raises(Conflict):
        await client.update(CONFIG_MAPS, {**old, "data": {"x": "3"}})


async def test_an_update_that_names_no_version_replaces_what_is_there(widgets: Client) -> None:
    await widgets.create(WIDGETS, WIDGETS.object("w", "default", spec={"size": 1}))
    updated = await widgets.update(WIDGETS, WIDGETS.object("w", "default", spec={"size": 2}))
    assert updated["spec"] == {"size": 2}


async def test_status_is_written_apart_from_the_rest(widgets: Client) -> None:
    created = await widgets.create(WIDGETS, WIDGETS.object("w", "default", spec={"size": 1}))
    changed = {**created, "spec": {"size": 9}, "status": {"ready": True}}
    updated = await widgets.update(WIDGETS, changed, subresource="status")
    assert (updated["spec"], updated["status"]) == ({"size": 1}, {"ready": True})


@pytest.mark.parametrize(
    ("patch_type", "patch"),
    [
        pytest.param(PatchType.MERGE, {"data": {"y": "2"}}, id="a merge patch adds a key"),
        pytest.param(
            PatchType.JSON,
            [{"op": "add", "path": "/data/y", "value": "2"}],
            id="a JSON patch adds a key",
        ),
        pytest.param(
            PatchType.STRATEGIC, {"data": {"y": "2"}}, id="a strategic merge patch adds a key"
        ),
    ],
)
async def test_patches(
    client: Client, patch_type: PatchType, patch: dict[str, object] | list[dict[str, object]]
) -> None:
    await client.create(CONFIG_MAPS, config_map("a", x="1"))
    patched = await client.patch(CONFIG_MAPS, "a", "default", patch, patch_type=patch_type)
    assert patched["data"] == {"x": "1", "y": "2"}


async def test_applying_owns_fields_and_another_manager_has_to_force(widgets: Client) -> None:
    small = WIDGETS.object("w", "default", spec={"size": 1})
    large = WIDGETS.object("w", "default", spec={"size": 2})
    await widgets.apply(WIDGETS, small, manager="one")
    with pytest.raises(Conflict):
        await widgets.apply(WIDGETS, large, manager="two")
    forced = await widgets.apply(WIDGETS, large, manager="two", force=True)
    assert forced["spec"] == {"size": 2}


async def test_a_deleted_object_is_gone(client: Client) -> None:
    await client.create(CONFIG_MAPS, config_map("a"))
    await client.delete(CONFIG_MAPS, "a", "default")
    with pytest.raises(NotFound):
        await client.delete(CONFIG_MAPS, "a", "default")


async def test_deleting_by_uid_spares_a_successor(client: Client) -> None:
    created = await client.create(CONFIG_MAPS, config_map("a"))
    with pytest.raises(Conflict):
        await client.delete(CONFIG_MAPS, "a", "default", uid="00000000-0000")
    await client.delete(CONFIG_MAPS, "a", "default", uid=created["metadata"]["uid"])


async def test_a_watch_replays_from_a_version_and_goes_on(client: Client) -> None:
    since = (await client.list(CONFIG_MAPS, "default")).resource_version
    await client.create(CONFIG_MAPS, config_map("a", x="1"))
    seen: list[WatchEvent] = []
    async with (
        asyncio.timeout(5),
        aclosing(client.watch(CONFIG_MAPS, "default", since=since)) as events,
    ):
        async for event in events:
            seen.append(event)
            if len(seen) == 1:
                await client.patch(CONFIG_MAPS, "a", "default", {"data": {"x": "2"}})
            elif len(seen) == 2:
                await client.delete(CONFIG_MAPS, "a", "default")
            else:
                break
    assert [event.type for event in seen] == [
        EventType.ADDED,
        EventType.MODIFIED,
        EventType.DELETED,
    ]
    assert seen[1].object["data"] == {"x": "2"}


async def test_a_watch_from_a_forgotten_version_is_gone(client: Client, api: WiredApi) -> None:
    await client.create(CONFIG_MAPS, config_map("a", x="1"))
    await client.patch(CONFIG_MAPS, "a", "default", {"data": {"x": "2"}})
    await api.store.compact(api.store.revision)
    with pytest.raises(Gone):
        async with (
            asyncio.timeout(5),
            aclosing(client.watch(CONFIG_MAPS, "default", since="1")) as events,
        ):
            async for _ in events:
                pass


async def test_discovery_finds_kinds_as_they_come_and_go(client: Client) -> None:
    with pytest.raises(NotFound):
        await client.resolve("example.dev/v1", "Widget")
    await client.create(DEFINITIONS, WIDGET_DEFINITION)
    assert await client.resolve("example.dev/v1", "Widget") == WIDGETS
    found = await client.resources()
    assert WIDGETS in found
    assert NAMESPACES in found


async def test_acting_as_another_user_has_only_that_users_rights(client: Client) -> None:
    bob = client.acting_as("bob", ("developers",))
    with pytest.raises(Forbidden):
        await bob.list(CONFIG_MAPS, "default")
    binding = Resource("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
    await client.create(
        binding,
        binding.object(
            "developers-view",
            "default",
            roleRef={
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "view",
            },
            subjects=[
                {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "Group",
                    "name": "developers",
                }
            ],
        ),
    )
    assert (await bob.list(CONFIG_MAPS, "default")).items == []
    with pytest.raises(Forbidden):
        await bob.create(CONFIG_MAPS, config_map("a"))
    with pytest.raises(Forbidden):
        await bob.list(CONFIG_MAPS)
