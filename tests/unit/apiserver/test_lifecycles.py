"""What happens after a deletion: finalizers, owners, namespaces, definitions."""

import asyncio

import pytest
from tests.support import RunningApi, eventually, running_api_server

from towpath.client.protocols import Client, Propagation
from towpath.machinery.core_kinds import CONFIG_MAP, NAMESPACE
from towpath.machinery.errors import Forbidden, MethodNotAllowed, NotFound
from towpath.machinery.kinds import Resource, custom_resource_definition, towpath_resource
from towpath.machinery.objects import RawObject, owner_reference

CRD = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
WIDGET = towpath_resource("Widget", "widgets")
WIDGET_CRD = custom_resource_definition(WIDGET, spec={"type": "object"})


async def exists(client: Client, resource: Resource, name: str, namespace: str = "default") -> bool:
    try:
        await client.get(resource, name, namespace)
    except NotFound:
        return False
    return True


async def make(client: Client, name: str, owner: RawObject | None = None) -> RawObject:
    obj = CONFIG_MAP.object(name, "default")
    if owner is not None:
        obj["metadata"]["ownerReferences"] = [owner_reference(owner)]
    return await client.create(CONFIG_MAP, obj)


async def gone(api: RunningApi, *names: str) -> None:
    async def none_is_left() -> bool:
        return not any([await exists(api.client(), CONFIG_MAP, name) for name in names])

    await eventually(none_is_left)


async def test_a_finalizer_holds_the_object_until_it_is_removed() -> None:
    async with running_api_server() as api:
        client = api.client()
        obj = CONFIG_MAP.object("a", "default")
        obj["metadata"]["finalizers"] = ["example.com/hold"]
        await client.create(CONFIG_MAP, obj)
        await client.delete(CONFIG_MAP, "a", "default")
        held = await client.get(CONFIG_MAP, "a", "default")
        assert held["metadata"]["deletionTimestamp"]
        await client.patch(CONFIG_MAP, "a", "default", {"metadata": {"finalizers": None}})
        assert not await exists(client, CONFIG_MAP, "a")


async def test_what_is_owned_follows_its_owner_in_the_background_down_the_tree() -> None:
    async with running_api_server() as api:
        client = api.client()
        root = await make(client, "root")
        child = await make(client, "child", root)
        await make(client, "grandchild", child)
        await client.delete(CONFIG_MAP, "root", "default")
        await gone(api, "root", "child", "grandchild")


async def test_in_the_foreground_the_owner_waits_for_what_it_owns() -> None:
    async with running_api_server() as api:
        client = api.client()
        root = await make(client, "root")
        child = CONFIG_MAP.object("child", "default")
        child["metadata"] |= {
            "ownerReferences": [owner_reference(root)],
            "finalizers": ["example.com/hold"],
        }
        await client.create(CONFIG_MAP, child)
        await client.delete(CONFIG_MAP, "root", "default", propagation=Propagation.FOREGROUND)

        async def child_is_deleting() -> bool:
            metadata = (await client.get(CONFIG_MAP, "child", "default"))["metadata"]
            return "deletionTimestamp" in metadata

        await eventually(child_is_deleting)
        assert await exists(client, CONFIG_MAP, "root")
        await client.patch(CONFIG_MAP, "child", "default", {"metadata": {"finalizers": None}})
        await gone(api, "root", "child")


async def test_orphaning_leaves_what_was_owned_without_the_reference() -> None:
    async with running_api_server() as api:
        client = api.client()
        root = await make(client, "root")
        await make(client, "child", root)
        await client.delete(CONFIG_MAP, "root", "default", propagation=Propagation.ORPHAN)
        await gone(api, "root")
        child = await client.get(CONFIG_MAP, "child", "default")
        assert "ownerReferences" not in child["metadata"]


async def test_an_object_with_two_owners_goes_with_the_second() -> None:
    async with running_api_server() as api:
        client = api.client()
        first, second = await make(client, "first"), await make(client, "second")
        obj = CONFIG_MAP.object("child", "default")
        obj["metadata"]["ownerReferences"] = [
            owner_reference(first, controller=False),
            owner_reference(second, controller=False),
        ]
        await client.create(CONFIG_MAP, obj)
        await client.delete(CONFIG_MAP, "first", "default")

        async def one_owner_is_left() -> bool:
            child = await client.get(CONFIG_MAP, "child", "default")
            return len(child["metadata"]["ownerReferences"]) == 1

        await eventually(one_owner_is_left)
        await client.delete(CONFIG_MAP, "second", "default")
        await gone(api, "child")


async def test_an_object_born_to_an_owner_that_is_gone_is_collected() -> None:
    async with running_api_server() as api:
        client = api.client()
        root = await make(client, "root")
        await client.delete(CONFIG_MAP, "root", "default")
        await make(client, "late", root)
        await gone(api, "late")


async def test_a_namespace_goes_after_its_content() -> None:
    async with running_api_server(kinds=[WIDGET_CRD]) as api:
        client = api.client()
        made = await client.create(NAMESPACE, NAMESPACE.object("team"))
        assert made["spec"]["finalizers"] == ["kubernetes"]
        assert made["status"]["phase"] == "Active"
        held = WIDGET.object("w", "team", spec={})
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await client.create(WIDGET, held)
        await client.create(CONFIG_MAP, CONFIG_MAP.object("c", "team"))
        await client.delete(NAMESPACE, "team")

        async def only_the_held_object_is_left() -> bool:
            return not await exists(client, CONFIG_MAP, "c", "team")

        await eventually(only_the_held_object_is_left)
        assert (await client.get(NAMESPACE, "team"))["status"]["phase"] == "Terminating"
        with pytest.raises(Forbidden):
            await client.create(CONFIG_MAP, CONFIG_MAP.object("d", "team"))
        await client.patch(WIDGET, "w", "team", {"metadata": {"finalizers": None}})

        async def the_namespace_is_gone() -> bool:
            return not await exists(client, NAMESPACE, "team", "")

        await eventually(the_namespace_is_gone)


async def test_objects_are_refused_in_a_namespace_that_does_not_exist() -> None:
    async with running_api_server() as api:
        with pytest.raises(NotFound):
            await api.client().create(CONFIG_MAP, CONFIG_MAP.object("a", "nowhere"))


async def test_a_definition_takes_its_objects_with_it() -> None:
    async with running_api_server(kinds=[WIDGET_CRD]) as api:
        client = api.client()
        definition = await client.get(CRD, "widgets.towpath.dev")
        assert definition["status"]["storedVersions"] == ["v1alpha1"]
        held = WIDGET.object("w", "default", spec={})
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await client.create(WIDGET, held)
        await client.delete(CRD, "widgets.towpath.dev")
        with pytest.raises(MethodNotAllowed):
            await client.create(WIDGET, WIDGET.object("late", "default", spec={}))
        await client.patch(WIDGET, "w", "default", {"metadata": {"finalizers": None}})

        async def nothing_is_served() -> bool:
            return api.server.core.registry.at("towpath.dev", "v1alpha1", "widgets") is None

        await eventually(nothing_is_served)
        assert api.store.count("towpath.dev/widgets") == 0


async def test_nothing_is_left_in_a_namespace_by_those_who_write_while_it_goes() -> None:
    async with running_api_server() as api:
        client = api.client()

        async def write(number: int) -> None:
            try:
                await client.create(CONFIG_MAP, CONFIG_MAP.object(f"c{number}", "team"))
            except (Forbidden, NotFound):
                return

        for _ in range(10):
            await client.create(NAMESPACE, NAMESPACE.object("team"))
            await asyncio.gather(
                client.delete(NAMESPACE, "team"), *(write(number) for number in range(20))
            )

            async def the_namespace_is_gone() -> bool:
                return not await exists(client, NAMESPACE, "team", "")

            await eventually(the_namespace_is_gone)
            assert api.store.count("core/configmaps", "team/") == 0
