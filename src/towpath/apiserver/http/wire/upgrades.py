"""A connection that becomes a WebSocket: from there on it is uvicorn's protocol.

Loaded with the first of them, for most processes never see one.
"""

import logging
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from towpath.apiserver.http.wire.connection import Serving
from towpath.apiserver.http.wire.http1 import Http1Connection

MESSAGE_BYTES_MAX = 1024 * 1024


class _WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's; the application alone looks at the subprotocols.

    The one for port-forward, `SPDY/3.1+portforward.k8s.io`, is no token of RFC 6455.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.conn.process_subprotocol = lambda headers: None  # type: ignore[method-assign]


def upgrade(connection: Http1Connection, head: bytes, serving: Serving) -> None:
    """Hand the connection over; `head` is what the client asked with."""
    config = Config(
        cast(Any, serving.application),
        http=cast(Any, Http1Connection),
        ws=_WebSocketProtocol,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,
        log_level="warning",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    state = ServerState()
    state.connections, state.tasks = serving.connections, serving.tasks
    logging.getLogger("uvicorn.error").addFilter(_is_no_refusal)
    protocol = _WebSocketProtocol(config, state, connection.state)
    protocol.connection_made(connection.transport)
    protocol.data_received(head)
    connection.transport.set_protocol(protocol)


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """A WebSocket refused by an HTTP answer is complete; uvicorn takes it for a fault of ours."""
    return record.msg != "ASGI callable returned without completing handshake."
