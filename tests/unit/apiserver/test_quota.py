"""ResourceQuota: refused when exceeded, also by writes at the same moment; status follows."""

import asyncio

import pytest
from tests.support import RunningApi, eventually, running_api_server

from towpath.machinery.core_kinds import CONFIG_MAP, POD
from towpath.machinery.errors import Forbidden
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

QUOTA = Resource("", "v1", "ResourceQuota", "resourcequotas")


async def limit(api: RunningApi, **hard: str) -> None:
    limits = {name.replace("__", "/").replace("_", "."): value for name, value in hard.items()}
    await api.client().create(QUOTA, QUOTA.object("q", "default", spec={"hard": limits}))


def pod(name: str, cpu: str = "") -> RawObject:
    container: RawObject = {"name": "c", "image": "i"}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu}}
    return POD.object(name, "default", spec={"containers": [container]})


async def used(api: RunningApi) -> RawObject:
    quota = await api.client().get(QUOTA, "q", "default")
    found: RawObject = (quota.get("status") or {}).get("used") or {}
    return found


async def test_objects_are_counted_and_the_one_too_many_is_refused() -> None:
    async with running_api_server() as api:
        client = api.client()
        await limit(api, count__configmaps="2")
        for name in ("a", "b"):
            await client.create(CONFIG_MAP, CONFIG_MAP.object(name, "default"))
        with pytest.raises(Forbidden) as caught:
            await client.create(CONFIG_MAP, CONFIG_MAP.object("c", "default"))
        assert caught.value.message.endswith(
            "exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=2, "
            "limited: count/configmaps=2"
        )

        async def status_follows() -> bool:
            return await used(api) == {"count/configmaps": "2"}

        await eventually(status_follows)
        await client.delete(CONFIG_MAP, "a", "default")
        await client.create(CONFIG_MAP, CONFIG_MAP.object("c", "default"))


async def test_writes_at_the_same_moment_cannot_exceed_it_together() -> None:
    async with running_api_server() as api:
        client = api.client()
        await limit(api, configmaps="5")
        results = await asyncio.gather(
            *(client.create(CONFIG_MAP, CONFIG_MAP.object(f"c{n}", "default")) for n in range(20)),
            return_exceptions=True,
        )
        refused = [result for result in results if isinstance(result, Forbidden)]
        assert len(results) - len(refused) == 5
        assert api.store.count("core/configmaps", "default/") == 5


async def test_processor_time_is_summed_and_must_be_stated() -> None:
    async with running_api_server() as api:
        client = api.client()
        await limit(api, requests_cpu="1", pods="10")
        with pytest.raises(Forbidden) as caught:
            await client.create(POD, pod("silent"))
        assert "must specify requests.cpu for: c" in caught.value.message
        await client.create(POD, pod("half", "500m"))
        with pytest.raises(Forbidden):
            await client.create(POD, pod("more", "0.6"))
        await client.create(POD, pod("rest", "500m"))

        async def status_follows() -> bool:
            return await used(api) == {"requests.cpu": "1", "pods": "2"}

        await eventually(status_follows)


async def test_a_pod_that_has_ended_uses_nothing() -> None:
    async with running_api_server() as api:
        client = api.client()
        await limit(api, pods="1")
        await client.create(POD, pod("first"))
        with pytest.raises(Forbidden):
            await client.create(POD, pod("second"))
        status = {"status": {"phase": "Succeeded"}}
        await client.patch(POD, "first", "default", status, subresource="status")
        await client.create(POD, pod("second"))


async def test_a_limit_range_speaks_for_containers_that_say_nothing_and_bounds_the_others() -> None:
    limits = {
        "type": "Container",
        "default": {"cpu": "200m"},
        "defaultRequest": {"cpu": "100m"},
        "max": {"cpu": "1"},
    }
    ranges = Resource("", "v1", "LimitRange", "limitranges")
    async with running_api_server() as api:
        client = api.client()
        await client.create(ranges, ranges.object("r", "default", spec={"limits": [limits]}))
        made = await client.create(POD, pod("silent"))
        assert made["spec"]["containers"][0]["resources"] == {
            "limits": {"cpu": "200m"},
            "requests": {"cpu": "100m"},
        }
        greedy = pod("greedy", "2")
        greedy["spec"]["containers"][0]["resources"]["limits"] = {"cpu": "2"}
        with pytest.raises(Forbidden):
            await client.create(POD, greedy)
