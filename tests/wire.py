"""An API server behind TLS on a real socket, as `towpath up` has it, for tests from outside."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from towpath.apiserver.auditing.events import Auditing
from towpath.apiserver.authn.pki import Pki, open_pki
from towpath.apiserver.front import Front
from towpath.apiserver.http.wire.listener import Listener
from towpath.apiserver.pods import Pods
from towpath.client.kubeconfig import Connection, write_kubeconfig
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.users import Authenticate
from towpath.store.contract import Store
from towpath.store.memory import MemoryStore


@dataclass(frozen=True, slots=True)
class WiredApi:
    front: Front
    store: Store
    pki: Pki
    listener: Listener
    kubeconfig: Path

    @property
    def server(self) -> str:
        return f"https://localhost:{self.listener.port}"

    def connection(self, token: str | None = None) -> Connection:
        chosen = self.pki.admin_token if token is None else token
        return Connection(server=self.server, token=chosen, ca_pem=self.pki.ca_pem.decode())

    def client(self, token: str | None = None) -> KubernetesClient:
        """Close it."""
        return KubernetesClient(self.connection(token))


@asynccontextmanager
async def wired_api_server(
    folder: Path,
    *,
    pods: Pods | None = None,
    bearer: Sequence[Authenticate] = (),
    anonymous_at: Callable[[str], bool] = lambda _path: True,
    audit: Auditing | None = None,
) -> AsyncIterator[WiredApi]:
    pki = open_pki(folder / "pki")
    store = MemoryStore()
    front = await Front.open(
        store,
        pki,
        name="test",
        pods=pods,
        bearer=bearer,
        anonymous_at=anonymous_at,
        audit=audit,
        signs_certificates=True,
    )
    running = asyncio.create_task(front.run())
    try:
        listener = Listener(
            front.application,
            port=0,
            tls=pki.server_context(client_certificates=True),
            websockets=True,
        )
        async with listener:
            kubeconfig = folder / "kubeconfig"
            write_kubeconfig(
                kubeconfig,
                server=f"https://localhost:{listener.port}",
                clusters=[],
                token=pki.admin_token,
                ca_pem=pki.ca_pem,
            )
            yield WiredApi(front, store, pki, listener, kubeconfig)
            front.application.end_streams()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()
