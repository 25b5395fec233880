"""A watch that is silent about status."""

import asyncio

from tests.support import eventually, running_api_server

from towpath.capabilities.governance.projects.kinds import PROJECT, PROJECT_CRD
from towpath.machinery.objects import Key
from towpath.runtime.sources import SpecWatch


async def test_status_is_no_news_and_spec_and_departure_are() -> None:
    async with running_api_server(kinds=[PROJECT_CRD]) as api:
        client = api.client()
        heard: list[Key] = []
        watching = asyncio.create_task(SpecWatch(client, PROJECT).run(heard.append))
        try:
            made = await client.create(PROJECT, PROJECT.object("one", spec={}))

            async def times(count: int) -> bool:
                return len(heard) == count

            await eventually(lambda: times(1))
            made["status"] = {"namespace": "one"}
            await client.update(PROJECT, made, subresource="status")
            patch = {"spec": {"description": "changed"}}
            await client.patch(PROJECT, "one", "", patch)
            await eventually(lambda: times(2))
            await client.delete(PROJECT, "one")
            await eventually(lambda: times(3))
            assert heard == [Key("", "one")] * 3
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
