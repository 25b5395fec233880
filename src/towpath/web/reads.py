"""The read API below /api/v1/: who asks is decided here, what they may see by each read's query."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from inspect import isawaitable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from towpath.hooks.reads import Read
from towpath.machinery.errors import StatusError, Unauthorized
from towpath.machinery.users import Authenticate, UserInfo
from towpath.records.contract import Viewer
from towpath.web import session
from towpath.web.identity import Identity

JSON = "application/json"
LINES = "application/x-ndjson"

ViewerOf = Callable[[UserInfo], Awaitable[Viewer]]


def build_reads(
    reads: Iterable[Read], identity: Identity, authenticate: Authenticate, viewer_of: ViewerOf
) -> list[Route]:
    """One route a read. Errors are Status objects, as everywhere in the API."""

    def route(read: Read) -> Route:
        async def answer(request: Request) -> Response:
            try:
                user = await _user(request, identity, authenticate)
                parameters = {**request.query_params, **request.path_params}
                answered = read.answer(await viewer_of(user), parameters)
                if isawaitable(answered):
                    return Response(orjson.dumps(await answered), media_type=JSON)
                return StreamingResponse(_lines(answered), media_type=LINES)
            except StatusError as error:
                return Response(orjson.dumps(error.to_status()), error.code, media_type=JSON)

        path = f"/api/v1/{read.path.lstrip('/')}".replace("...}", ":path}")
        return Route(path, answer, methods=["GET"])

    return [route(read) for read in reads]


async def _user(request: Request, identity: Identity, authenticate: Authenticate) -> UserInfo:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        user = await authenticate(token.strip())
    else:
        user = await session.visitor(request, identity)
    if user is None:
        raise Unauthorized("Unauthorized")
    return user


async def _lines(items: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    async for item in items:
        yield orjson.dumps(item) + b"\n"
