"""An API server behind TLS on a real socket, as `towpath up` has it, for tests from outside."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from towpath.apiserver.authn.pki import Pki, open_pki
from towpath.apiserver.http.application import ApiApplication
from towpath.apiserver.http.listener import Listener
from towpath.apiserver.http.podstreams import PodLogs
from towpath.app.planes import Plane, open_plane
from towpath.client.kubeconfig import Connection, write_kubeconfig
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.users import Authenticate


@dataclass(frozen=True, slots=True)
class WiredApi:
    plane: Plane
    application: ApiApplication
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
    folder: Path, *, pod_logs: PodLogs | None = None, bearer: Sequence[Authenticate] = ()
) -> AsyncIterator[WiredApi]:
    pki = open_pki(folder / "pki")
    async with open_plane("", folder / "platform", pki, bearer=bearer) as plane:
        application = plane.application(pod_logs)
        running = asyncio.create_task(plane.run())
        try:
            async with Listener(application, port=0, tls=pki.server_context()) as listener:
                kubeconfig = folder / "kubeconfig"
                write_kubeconfig(
                    kubeconfig,
                    server=f"https://localhost:{listener.port}",
                    clusters=[],
                    token=pki.admin_token,
                    ca_pem=pki.ca_pem,
                )
                yield WiredApi(plane, application, pki, listener, kubeconfig)
                application.end_streams()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
