"""What tests of every room stand on: a running API server and its client, in one line.

async with running_api_server() as api:
    client = api.client()            # the platform's own rights; api.client(user) for others
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from towpath.apiserver.core import allow_all
from towpath.apiserver.inprocess import InProcessClient
from towpath.apiserver.server import ApiServer
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM, Authorize, UserInfo
from towpath.store.contract import Store
from towpath.store.memory import MemoryStore
from towpath.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class RunningApi:
    server: ApiServer
    store: Store

    def client(self, user: UserInfo = PLATFORM) -> InProcessClient:
        return InProcessClient(self.server, self.server.core.registry, user)


@asynccontextmanager
async def running_api_server(
    path: Path | None = None,
    *,
    authorize: Authorize = allow_all,
    kinds: list[RawObject] | None = None,
) -> AsyncIterator[RunningApi]:
    """An API server with its controllers running; in memory, or in SQLite at `path`.

    `kinds` are CustomResourceDefinitions to create first.
    """
    store: Store = MemoryStore() if path is None else await SqliteStore.open(path)
    try:
        server = await ApiServer.start(store, authorize=authorize)
        api = RunningApi(server, store)
        running = asyncio.create_task(server.run())
        try:
            client = api.client()
            for definition in kinds or ():
                resource = await client.resolve(
                    "apiextensions.k8s.io/v1", "CustomResourceDefinition"
                )
                await client.create(resource, definition)
            yield api
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    finally:
        await store.close()


def wait_until(check: Callable[[], bool], *, deadline_s: float, every_s: float = 0.05) -> bool:
    """The same for tests without a loop, such as fixtures of a session; whether it came true."""
    deadline = time.monotonic() + deadline_s
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


async def eventually(
    check: Callable[[], Awaitable[bool]], *, deadline_s: float = 5.0, every_s: float = 0.01
) -> None:
    """Wait until `check` is true; TimeoutError when it is not within the deadline."""
    async with asyncio.timeout(deadline_s):
        while not await check():  # noqa: ASYNC110 - any condition of the world
            await asyncio.sleep(every_s)
