"""One request and its answer, as an ASGI application takes and gives them: receive and send.

How the answer is written, and what the client is told of its body, is for the protocols to say.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from towpath.apiserver.http.bodies import BODY_IS_HERE
from towpath.apiserver.http.responses import ANSWER_HEADERS, BODY_FOLLOWS
from towpath.machinery.asgi import Application, Message, Scope

if TYPE_CHECKING:
    from towpath.apiserver.http.wire.connection import Connection

WRITE_BYTES = 256 * 1024
"""Large bodies are written in pieces, so that the client reads one while the next is encrypted."""
WITHOUT_BODY = frozenset({204, 304})

log = logging.getLogger(__name__)


class Exchange(ABC):
    """Lives as long as its call of the application."""

    __slots__ = (
        "_arrived",
        "_bodiless",
        "_body",
        "_body_bytes",
        "_complete",
        "_connection",
        "_disconnected",
        "_expects_continue",
        "_handed_out",
        "_more",
        "_scope",
        "started",
        "task",
    )
    _connection: Any
    task: "asyncio.Task[None]"

    def __init__(self, connection: "Connection", scope: Scope, *, expects_continue: bool) -> None:
        self._connection = connection
        self._scope = scope
        # The request.
        self._body: list[bytes] = []
        self._body_bytes = 0
        """As flow control counts them."""
        self._more = True
        self._handed_out = False
        """The application has the last of the body."""
        self._arrived: asyncio.Future[None] | None = None
        self._expects_continue = expects_continue
        self._disconnected = False
        # The answer.
        self.started = False
        self._complete = False
        self._bodiless = scope["method"] == "HEAD"

    async def run(self, application: Application) -> None:
        try:
            await application(self._scope, self.receive, self.send)
            if not self._complete and not self._disconnected:
                raise RuntimeError("the application returned before its answer was complete")
        except asyncio.CancelledError:
            self._cut_off()
            raise
        except Exception:
            log.exception("request failed", extra={"path": self._scope["path"]})
            await self._fail()
        finally:
            self._connection.ended(self)

    @abstractmethod
    def _cut_off(self) -> None:
        """The call was cancelled."""

    @abstractmethod
    async def _fail(self) -> None:
        """The call has failed: say so, if nothing has been said yet."""

    # The request

    def take(self, body: bytes, size: int) -> None:
        if self._complete:
            self._taken(size)
            return
        self._body.append(body)
        self._body_bytes += size
        self._wake()

    def end_body(self) -> None:
        self._more = False
        self._scope[BODY_IS_HERE] = True
        self._wake()

    def disconnect(self) -> None:
        self._disconnected = True
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def receive(self) -> Message:
        if self._expects_continue and not self.started and not self._disconnected:
            self._expects_continue = False
            self._continue()
        while not (self._disconnected or self._complete):
            if self._body or not (self._more or self._handed_out):
                return self._request()
            self._wait()
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        return {"type": "http.disconnect"}

    @abstractmethod
    def _continue(self) -> None:
        """The client waits to hear that its body is wanted."""

    @abstractmethod
    def _wait(self) -> None:
        """More of the body is wanted than has come."""

    def _request(self) -> Message:
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        size, self._body_bytes = self._body_bytes, 0
        self._handed_out = not self._more
        self._taken(size)
        return {"type": "http.request", "body": body, "more_body": self._more}

    @abstractmethod
    def _taken(self, size: int) -> None:
        """The application has this much of the body, or will never read it."""

    # The answer

    async def send(self, message: Message) -> None:
        connection = self._connection
        if connection.write_paused:
            await connection.writable()
        if self._disconnected or connection.transport.is_closing():
            self._disconnected = True
        elif message["type"] == "http.response.start":
            if self.started:
                raise RuntimeError("an answer begins once")
            headers = message.get("headers", ())
            if more := self._scope.get(ANSWER_HEADERS):
                headers = [*more, *headers]
            follows = BODY_FOLLOWS in message
            self._begin(message["status"], headers, body_follows=follows)
        elif not self.started or self._complete:
            raise RuntimeError(f"{message['type']} comes at no time of an answer")
        else:
            body = b"" if self._bodiless else message.get("body", b"")
            await self._write(body, bool(message.get("more_body", False)))

    @abstractmethod
    def _begin(self, status: int, headers: Any, *, body_follows: bool) -> None:
        """`body_follows` at once: nobody has to see to it that the head leaves alone."""

    @abstractmethod
    async def _write(self, body: bytes, more: bool) -> None: ...
