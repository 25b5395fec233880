"""What actions ask of other machines: always through the guarded client, never past it."""

from collections.abc import Mapping
from typing import Any

import orjson

from towpath.capabilities.portal.templates.actions.failures import ActionFailed, AddressRefused
from towpath.client.protocols import Reader
from towpath.engines.outbound import (
    OutboundAnswer,
    OutboundFailed,
    OutboundRefused,
    OutboundRequest,
)
from towpath.hooks.outbound import outbound

ARCHIVE_BYTES_MAX = 32 * 2**20


class Web:
    def __init__(self, api: Reader) -> None:
        self._api = api

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        bytes_max: int = ARCHIVE_BYTES_MAX,
    ) -> OutboundAnswer:
        """Raises ActionFailed."""
        given = {"user-agent": "towpath", **(headers or {})}
        request = OutboundRequest(url, method, given, body, bytes_max=bytes_max)
        try:
            return await (await outbound(self._api)).send(request)
        except OutboundRefused as error:
            raise AddressRefused(f"{method} {url.partition('?')[0]}: {error}") from error
        except OutboundFailed as error:
            raise ActionFailed(f"{method} {url.partition('?')[0]}: {error}") from error

    async def json(
        self, method: str, url: str, *, headers: Mapping[str, str], body: Any = None
    ) -> tuple[int, Any]:
        """Status and answer. Raises ActionFailed."""
        sent = b"" if body is None else orjson.dumps(body)
        given = {"accept": "application/json", "content-type": "application/json", **headers}
        answer = await self.ask(method, url, headers=given, body=sent)
        try:
            return answer.status, orjson.loads(answer.body) if answer.body else None
        except orjson.JSONDecodeError:
            return answer.status, None
