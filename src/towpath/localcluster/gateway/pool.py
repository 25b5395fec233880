"""Connections to pods, kept alive between requests; dropped when idle or when the pod leaves."""

import asyncio
from collections import defaultdict, deque

from towpath.localcluster.gateway.backends import Endpoint
from towpath.localcluster.gateway.connection import Connection

IDLE_MAX = 32
"""Per endpoint."""
IDLE_S_MAX = 4.0
"""Shorter than the five seconds after which common servers close an idle connection themselves."""
CONNECT_S_MAX = 5.0


class Pool:
    def __init__(self) -> None:
        self._idle: defaultdict[Endpoint, deque[tuple[Connection, float]]] = defaultdict(deque)

    async def connection(self, endpoint: Endpoint, *, fresh: bool = False) -> Connection:
        """Raises OSError, TimeoutError among them."""
        loop = asyncio.get_running_loop()
        idle = self._idle.get(endpoint)
        while idle and not fresh:
            connection, since_s = idle.pop()
            if connection.is_reusable and loop.time() - since_s < IDLE_S_MAX:
                connection.reused = True
                return connection
            connection.close()
        async with asyncio.timeout(CONNECT_S_MAX):
            _, made = await loop.create_connection(Connection, endpoint.address, endpoint.port)
        return made

    def give_back(self, endpoint: Endpoint, connection: Connection) -> None:
        idle = self._idle[endpoint]
        if connection.is_reusable and len(idle) < IDLE_MAX:
            idle.append((connection, asyncio.get_running_loop().time()))
        else:
            connection.close()

    def sweep(self) -> None:
        """Close what has been idle for too long; called now and then."""
        now_s = asyncio.get_running_loop().time()
        for endpoint in list(self._idle):
            idle = self._idle[endpoint]
            while idle and (now_s - idle[0][1] > IDLE_S_MAX or not idle[0][0].is_reusable):
                idle.popleft()[0].close()
            if not idle:
                del self._idle[endpoint]

    def close(self) -> None:
        for idle in self._idle.values():
            for connection, _ in idle:
                connection.close()
        self._idle.clear()
