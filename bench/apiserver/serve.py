"""Our API server as a process of its own: `python -m bench.apiserver.serve FOLDER PORT`.

As `towpath up` has it: a store on disk, TLS, RBAC, admission and its controllers, and nothing of
the platform around it.
"""

import asyncio
import signal
import sys
from pathlib import Path

from towpath.apiserver.authn.pki import open_pki
from towpath.apiserver.front import Front
from towpath.apiserver.http.listener import Listener
from towpath.runtime import heap
from towpath.store.sqlite import SqliteStore


async def serve(folder: Path, port: int) -> None:
    pki = open_pki(folder / "pki")
    store = await SqliteStore.open(folder / "store.db")
    front = await Front.open(store, pki, name="bench")
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    running = [asyncio.create_task(front.run()), asyncio.create_task(heap.set_aside())]
    async with Listener(front.application, port=port, tls=pki.server_context(), websockets=True):
        await stopped.wait()
        front.application.end_streams()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
