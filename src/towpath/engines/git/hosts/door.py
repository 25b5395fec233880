"""The one way to speak with a Git host of others: its API and its Git, with one credential.

Who opens it brings `send`, the guarded client. No answer, address or error that leaves here holds
the credential.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from towpath.engines.git import wire
from towpath.engines.git.hosts.port import (
    JSON,
    Answered,
    Credential,
    HostMissing,
    HostRefused,
    HostUnread,
    Place,
    ProposingHost,
)
from towpath.engines.git.wire import RefOrder
from towpath.engines.outbound import (
    OutboundAnswer,
    OutboundFailed,
    OutboundRefused,
    OutboundRequest,
)
from towpath.machinery.objects import CommitSHA

Send = Callable[[OutboundRequest], Awaitable[OutboundAnswer]]

API_BYTES_MAX = 8 * 2**20
REPOSITORY_BYTES_MAX = 256 * 2**20
_GONE = (404, 410)
_WHY_MAX = 300
# Gerrit's answers begin with this line, so that no browser takes them for a script.
_GERRIT_GUARD = b")]}'"


@dataclass(frozen=True, slots=True)
class Door:
    send: Send
    host: ProposingHost
    credential: Credential

    async def call(self, method: str, url: str, body: Any = None) -> Any:
        """The host's `Call`."""
        headers = {"accept": JSON, "authorization": self.host.api_credential(self.credential)}
        sent = b""
        if body is not None:
            headers["content-type"] = JSON
            sent = orjson.dumps(body)
        request = OutboundRequest(url, method, headers, sent, bytes_max=API_BYTES_MAX)
        answer = await self._sent(request)
        content = answer.body.removeprefix(_GERRIT_GUARD).strip()
        return Answered(content, answer.headers).json() if content else None

    async def refs(self, place: Place) -> dict[str, CommitSHA]:
        """Its branches and what else it shows, by their full names."""
        return wire.refs_of(await self._git(place, "GET", wire.REFS, {}, b""))

    async def fetch(
        self,
        place: Place,
        wants: Sequence[CommitSHA],
        haves: Sequence[CommitSHA] = (),
        *,
        depth: int = 0,
    ) -> bytes:
        """A pack of what those commits need beside what is here already."""
        request = wire.fetch_request(wants, haves, depth=depth)
        headers = {"content-type": wire.FETCH_TYPE}
        return wire.pack_of(await self._git(place, "POST", wire.FETCH, headers, request))

    async def push(self, place: Place, orders: Sequence[RefOrder], pack: bytes) -> None:
        await self.send_push(place, wire.push_request(orders, pack))

    async def send_push(self, place: Place, body: bytes) -> None:
        headers = {"content-type": wire.PUSH_TYPE}
        answer = await self._git(place, "POST", wire.PUSH, headers, body)
        if refused := wire.refusal_of(answer):
            raise HostRefused(f"{self._name(place)} did not take the push: {refused}")

    async def _git(
        self, place: Place, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> bytes:
        url = f"{self.host.remote(place)}/{path}"
        sent = {**headers, "authorization": self.host.git_credential(self.credential)}
        request = OutboundRequest(url, method, sent, body, bytes_max=REPOSITORY_BYTES_MAX)
        return (await self._sent(request)).body

    async def _sent(self, request: OutboundRequest) -> OutboundAnswer:
        where = f"{request.method} {request.url.partition('?')[0]}"
        given = {"user-agent": "towpath", **request.headers}
        asked = OutboundRequest(
            request.url, request.method, given, request.body, bytes_max=request.bytes_max
        )
        try:
            answer = await self.send(asked)
        except OutboundRefused as error:
            raise HostRefused(f"{where}: {error}") from error
        except OutboundFailed as error:
            raise HostUnread(f"{where}: {error}") from error
        if answer.status < 300:
            return answer
        host = urlsplit(request.url).netloc
        told = f"{host} answered {answer.status} to {where}: {_why(answer.body)}"
        if answer.status in _GONE:
            raise HostMissing(told)
        if answer.status == 429 or answer.status >= 500:
            raise HostUnread(told)
        raise HostRefused(told, answer.status)

    def _name(self, place: Place) -> str:
        return f"{urlsplit(self.host.remote(place)).netloc} ({place})"


def _why(body: bytes) -> str:
    """In the host's words: each has another place for them."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return " ".join(body[:_WHY_MAX].decode("utf-8", "replace").split()) or "no reason"
    for key in ("message", "error", "errors"):
        if isinstance(told, dict) and told.get(key):
            told = told[key]
            break
    if isinstance(told, list) and told:
        told = told[0]
    if isinstance(told, dict):
        told = told.get("message") or told
    return str(told or "no reason")[:_WHY_MAX]
