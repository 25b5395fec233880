"""The plain HTTP port: which application answers is decided by host, then by path.

Service hosts (`<workload>.<env>.<project>.localhost`) go to the gateway; on the portal's own hosts
`/git/` is the Git host, `/v2/` the registry, and everything else the portal.
"""

from dataclasses import dataclass

from towpath.machinery.asgi import Application, Receive, Scope, Send

PORTAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "::1")


@dataclass(frozen=True, slots=True)
class Front:
    portal: Application
    git: Application
    registry: Application
    gateway: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope)(scope, receive, send)

    def _application(self, scope: Scope) -> Application:
        if scope["type"] == "lifespan":
            return _lifespan
        if _is_service(_host(scope)):
            return self.gateway
        path: str = scope["path"]
        if path.startswith("/git/"):
            return self.git
        if path == "/v2" or path.startswith("/v2/"):
            return self.registry
        return self.portal


def _host(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            host, _, port = value.decode("latin-1").rpartition(":")
            name_only: str = host if host and port.isdigit() else value.decode("latin-1")
            return name_only.lower()
    return ""


def _is_service(host: str) -> bool:
    return host.endswith(".localhost")


async def _lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Nothing to start or stop here: the platform does that."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
