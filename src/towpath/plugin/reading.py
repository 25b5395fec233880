"""towpath.plugin.Api over a client of ours: reading, with the built-in exceptions it promises."""

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from towpath.client.protocols import Client
from towpath.machinery.errors import Forbidden, NotFound, StatusError
from towpath.plugin.declaration import Object

OBJECTS_MAX = 500
"""Of one list."""

T = TypeVar("T")


class ClientApi:
    """`namespace` is meant where none is named."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    async def get(
        self, api_version: str, kind: str, name: str, *, namespace: str | None = None
    ) -> Object:
        async def read() -> Object:
            resource = await self._client.resolve(api_version, kind)
            return await self._client.get(resource, name, self._in(namespace))

        return await _translated(read())

    async def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
    ) -> Sequence[Object]:
        async def read() -> Sequence[Object]:
            resource = await self._client.resolve(api_version, kind)
            found = await self._client.list(
                resource,
                self._in(namespace),
                labels=labels,
                fields=fields,
                limit=min(limit, OBJECTS_MAX) if limit > 0 else OBJECTS_MAX,
            )
            return found.items

        return await _translated(read())

    def _in(self, asked: str | None) -> str:
        return self._namespace if asked is None else asked


async def _translated(reading: Awaitable[T]) -> T:
    try:
        return await reading
    except NotFound as error:
        raise LookupError(error.message) from error
    except Forbidden as error:
        raise PermissionError(error.message) from error
    except StatusError as error:
        raise RuntimeError(error.message) from error
