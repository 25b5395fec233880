"""Our API server as a process: `python -m tests.durability.serve FOLDER PORT`.

A store on disk, TLS, RBAC, admission and the server's own controllers, as `towpath up` has them,
and nothing of the platform around it. The benches measure it too.
"""

import asyncio
import logging
import signal
import sys
from pathlib import Path

from towpath.apiserver.authn.pki import open_pki
from towpath.apiserver.front import Front
from towpath.apiserver.http.wire.listener import Listener
from towpath.runtime import heap
from towpath.store.sqlite import SqliteStore


async def serve(folder: Path, port: int) -> None:
    logging.basicConfig(level=logging.WARNING)
    pki = open_pki(folder / "pki")
    with heap.undisturbed():
        store = await SqliteStore.open(folder / "store.db")
        front = await Front.open(store, pki, name="test")
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    running = [asyncio.create_task(front.run()), asyncio.create_task(heap.set_aside())]
    tls = pki.server_context(client_certificates=True)
    async with Listener(front.application, port=port, tls=tls, websockets=True):
        await stopped.wait()
        front.application.end_streams()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
