"""Controllers over a real API: every object is seen, failures come again, deletions are noticed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support import eventually, running_api_server

from towpath.machinery.core_kinds import CONFIG_MAP, EVENT
from towpath.machinery.objects import Key
from towpath.runtime.controller import Controller
from towpath.runtime.events import EventRecorder
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Watch


@asynccontextmanager
async def _running(controller: Controller) -> AsyncIterator[None]:
    task = asyncio.create_task(controller.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_objects_from_before_and_after_the_start_are_reconciled() -> None:
    seen: set[Key] = set()

    async def reconcile(key: Key) -> None:
        seen.add(key)

    async with running_api_server() as api:
        client = api.client()
        await client.create(CONFIG_MAP, CONFIG_MAP.object("before", "default"))
        controller = Controller("test", reconcile, [Watch(client, CONFIG_MAP)])
        async with _running(controller):
            await client.create(CONFIG_MAP, CONFIG_MAP.object("after", "default"))
            wanted = {Key("default", "before"), Key("default", "after")}
            await eventually(lambda: _is(wanted <= seen))


async def test_a_failing_key_is_tried_again_and_does_not_hold_up_the_others() -> None:
    attempts: list[str] = []

    async def reconcile(key: Key) -> None:
        attempts.append(key.name)
        if key.name == "bad" and attempts.count("bad") < 3:
            raise RuntimeError("not yet")

    async with running_api_server() as api:
        client = api.client()
        for name in ("bad", "good"):
            await client.create(CONFIG_MAP, CONFIG_MAP.object(name, "default"))
        controller = Controller("test", reconcile, [Watch(client, CONFIG_MAP)], concurrency=1)
        async with _running(controller):
            await eventually(lambda: _is(attempts.count("bad") == 3 and "good" in attempts))


async def test_an_informer_knows_what_is_there_and_forgets_what_is_deleted() -> None:
    async with running_api_server() as api:
        client = api.client()
        informer = Informer(client, CONFIG_MAP, "default")
        task = asyncio.create_task(informer.run())
        await informer.synced.wait()
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default", data={"k": "v"}))
        key = Key("default", "a")
        await eventually(lambda: _is(informer.get(key) is not None))
        await client.delete(CONFIG_MAP, "a", "default")
        await eventually(lambda: _is(informer.get(key) is None))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_same_event_twice_is_one_event_that_counts_two() -> None:
    async with running_api_server() as api:
        client = api.client()
        thing = await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
        recorder = EventRecorder(client, "tester")
        for _ in range(2):
            await recorder.normal(thing, "Painted", "Painted it teal.")
        events = (await client.list(EVENT, "default")).items
        assert [(e["reason"], e["count"], e["involvedObject"]["name"]) for e in events] == [
            ("Painted", 2, "a")
        ]


async def _is(truth: bool) -> bool:
    return truth
