"""A raw ASGI app behind a real socket, for tests that speak to it with real clients."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from towpath.machinery.asgi import Application


@asynccontextmanager
async def served(app: Application) -> AsyncIterator[str]:
    """The app's base URL while the block runs."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.shutdown()
