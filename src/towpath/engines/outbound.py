"""The one client for addresses that somebody wrote down: webhooks of actions, and others to come.

Whoever can write an address must not reach through us what only this machine reaches: loopback,
link-local (where clouds tell secrets) and everything that is no host's own address is refused,
unless an administrator allows that host and port by name. The name is resolved once, each address
is checked, and the connection goes to the one that was checked. No redirect is followed, no proxy
of the environment is used, and an answer has a largest size and a deadline.
"""

import asyncio
import functools
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

ANSWER_BYTES_MAX = 1024 * 1024
TIMEOUT_S = 20.0
_METADATA = frozenset(
    {ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("168.63.129.16")}
)
"""Where clouds tell secrets beside the link-local addresses."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]


class OutboundRefused(Exception):
    """This address must not be called; `str()` says why and who can allow it."""


class OutboundFailed(Exception):
    """It could not be asked, or did not answer in time; trying again may help."""


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    bytes_max: int = ANSWER_BYTES_MAX
    """Of the answer."""


async def _resolved(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def is_open_address(text: str) -> bool:
    """A host's own address, on the internet or in a private network."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        # What is inside decides: ::ffff:127.0.0.1, 64:ff9b::a9fe:a9fe and 2002:7f00:1:: lead there.
        inner = address.ipv4_mapped or address.sixtofour or _of_nat64(address)
        if inner is not None:
            return is_open_address(str(inner))
    return not (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or address in _METADATA
        or str(address) == "255.255.255.255"
        or (isinstance(address, ipaddress.IPv4Address) and str(address).startswith("0."))
    )


def _of_nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


@dataclass(frozen=True, slots=True)
class Outbound:
    """`allowed` are `host:port` names that are open whatever their address is."""

    allowed: frozenset[str] = frozenset()
    resolve: Resolve = _resolved
    timeout_s: float = TIMEOUT_S

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        """Raises OutboundRefused and OutboundFailed."""
        parts, port = _parts(request.url)
        host = str(parts.hostname)
        try:
            async with asyncio.timeout(self.timeout_s):
                address = await self.address(host, port)
                return await _exchange(request, parts, host, port, address)
        except TimeoutError:
            why = f"{host}:{port} did not answer within {self.timeout_s:g} s"
            raise OutboundFailed(why) from None

    async def address(self, host: str, port: int) -> str:
        """The checked one to connect to, for what speaks no HTTP. Raises as `send` does."""
        try:
            found = await self.resolve(host, port)
        except OSError as error:
            raise OutboundFailed(f"{host} has no address: {error.strerror or error}") from error
        if not found:
            raise OutboundFailed(f"{host} has no address")
        if f"{host.lower()}:{port}" in self.allowed:
            return found[0]
        closed = [one for one in found if not is_open_address(one)]
        if closed:
            raise OutboundRefused(
                f"{host} leads to {closed[0]}, which only this machine or its network reaches; an "
                f"administrator can allow {host.lower()}:{port} by name"
            )
        return found[0]


def _parts(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise OutboundRefused(f"{url[:200]!r} is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OutboundRefused(f"{url[:200]!r} is no address of the web: https://host/path")
    if parts.username or parts.password:
        raise OutboundRefused("an address holds no name and password")
    return parts, port


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Read once: it takes longer than most answers."""
    import httpx2

    return httpx2.create_ssl_context(trust_env=False)


async def _exchange(
    request: OutboundRequest, parts: SplitResult, host: str, port: int, address: str
) -> OutboundAnswer:
    # With the first call: it is large.
    import httpx2

    shown = f"[{address}]" if ":" in address else address
    where = f"{parts.scheme}://{shown}:{port}{parts.path or '/'}"
    where += f"?{parts.query}" if parts.query else ""
    headers = {**request.headers, "host": parts.netloc}
    try:
        async with (
            httpx2.AsyncClient(
                verify=_authorities(), trust_env=False, timeout=None, follow_redirects=False
            ) as http,
            http.stream(
                request.method,
                where,
                content=request.body,
                headers=headers,
                extensions={"sni_hostname": host},
            ) as response,
        ):
            received = b""
            async for piece in response.aiter_bytes():
                received += piece
                if len(received) > request.bytes_max:
                    raise OutboundFailed(f"{host} answers more than {request.bytes_max} bytes")
            told = {name.lower(): value for name, value in response.headers.items()}
            return OutboundAnswer(response.status_code, received, told)
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise OutboundFailed(f"{host}:{port}: {error or type(error).__name__}") from error
