"""The plain HTTP port: which application answers is decided by host, then by path.

Service hosts (`<workload>.<env>.<project>.localhost`) go to the gateway; on the portal's own hosts
`/git/` is the Git host, `/v2/` the registry, and everything else the portal. Any other name is
refused here, whatever is asked: a page of another site that makes its own name mean this machine
(DNS rebinding) reaches nothing.

A service is other people's program: what the portal keeps in a browser is not passed to it. What
Git host and registry answer was pushed by somebody: a browser shows none of it as a page of ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from towpath.machinery.asgi import Application, Message, Receive, Scope, Send

PORTAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "::1")
OWN_COOKIES = b"towpath_"
PUSHED = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class Front:
    portal: Application
    git: Application
    registry: Application
    gateway: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(scope, receive, send)
            return
        names = [value for name, value in scope["headers"] if name == b"host"]
        host = _without_port(names[0]) if len(names) == 1 else ""
        if host.endswith(".localhost"):
            await self.gateway({**scope, "headers": list(_for_services(scope))}, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "reason": "only services have WebSockets"})
        elif host not in PORTAL_HOSTS:
            await _refuse(host, send)
        elif scope["path"].startswith("/git/"):
            await self.git(scope, receive, _marked(send))
        elif scope["path"] == "/v2" or scope["path"].startswith("/v2/"):
            await self.registry(scope, receive, _marked(send))
        else:
            await self.portal(scope, receive, send)


def _without_port(value: bytes) -> str:
    host, _, port = value.decode("latin-1").rpartition(":")
    return (host if host and port.isdigit() else value.decode("latin-1")).lower()


def _for_services(scope: Scope) -> Iterator[tuple[bytes, bytes]]:
    """The request's headers without the portal's cookies."""
    for name, value in scope["headers"]:
        if name != b"cookie":
            yield name, value
            continue
        cookies = [one.strip() for one in value.split(b";")]
        if kept := [one for one in cookies if one and not one.startswith(OWN_COOKIES)]:
            yield name, b"; ".join(kept)


def _marked(send: Send) -> Send:
    async def send_marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *PUSHED]}
        await send(message)

    return send_marked


async def _refuse(host: str, send: Send) -> None:
    known = ", ".join(PORTAL_HOSTS[:2])
    shown = repr(host[:100])
    body = f"Nothing here answers to the name {shown}; use one of: {known}.\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Nothing to start or stop here: the platform does that."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
