"""What every answer of the portal passes: the name it was asked by, and the headers it leaves with.

Host is checked against DNS rebinding, Origin against requests forged by other sites; the policy
allows no inline script and nothing from elsewhere.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), usb=()",
    "Cache-Control": "no-store",
}
"""Of every answer, refusals too; what may be kept in a cache says so itself."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = ("same-origin", "none")
"""What a browser says of a form on our own page, and of what a person asked it for themselves.
Another port of this machine is `same-site`: the same cookies, and somebody else's pages."""


class Guard:
    """ASGI middleware around the portal."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        refused = refusal and PlainTextResponse(refusal, status_code=403)
        await (refused or self._app)(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> str | None:
        host, port = name_and_port(headers.get("host", ""))
        if host not in self._hosts:
            return (
                f"The portal does not answer to the name {host!r}; "
                f"use one of: {', '.join(sorted(self._hosts))}."
            )
        if method in SAFE_METHODS or "authorization" in headers:
            return None
        origin = headers.get("origin")
        own = origin is None or name_and_port(origin.partition("://")[2]) == (host, port)
        if not own or headers.get("sec-fetch-site", "same-origin") not in OWN_SITES:
            return "This request came from another site and is refused."
        return None


def name_and_port(authority: str) -> tuple[str, int | None]:
    """("localhost", 8080) of `localhost:8080`; no name where it is none."""
    try:
        parts = urlsplit(f"//{authority}")
        return (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "", None
