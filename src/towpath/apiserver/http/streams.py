"""Answers without an end of their own, such as watches and followed logs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio import CancelScope

from towpath.machinery.asgi import Receive
from towpath.machinery.errors import Unavailable


class OpenStreams:
    """Every open stream of one kind, so that they can be ended together."""

    def __init__(self) -> None:
        self._open: set[CancelScope] = set()
        self._ended = False

    def __len__(self) -> int:
        return len(self._open)

    def end_all(self) -> None:
        """For good: a client that comes back at once must not keep the server from stopping."""
        self._ended = True
        for scope in self._open:
            scope.cancel()

    def refuse_when_ended(self) -> None:
        if self._ended:
            raise Unavailable("the server is shutting down", retry_after_s=1)

    @asynccontextmanager
    async def lasting(
        self, receive: Receive | None = None, *, at_most_s: float
    ) -> AsyncIterator[None]:
        """What is inside is left when the client leaves, after `at_most_s`, and by `end_all`.

        Without `receive` who is inside must notice that the client leaves.
        """
        async with anyio.create_task_group() as tasks:
            scope = tasks.cancel_scope
            scope.deadline = anyio.current_time() + at_most_s
            self._open.add(scope)
            if receive is not None:
                tasks.start_soon(_cancel_on_disconnect, receive, scope)
            try:
                yield
            finally:
                self._open.discard(scope)
            scope.cancel()


async def _cancel_on_disconnect(receive: Receive, scope: CancelScope) -> None:
    """`receive` first gives the request itself; only a disconnect ends the wait."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
