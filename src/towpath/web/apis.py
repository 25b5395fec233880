"""The ecosystem's APIs on the portal's port: who asks, how much they may send, and the way back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable

from starlette.requests import Request

from towpath.client.protocols import Client
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi
from towpath.machinery.asgi import Application, Receive, Scope, Send
from towpath.machinery.errors import (
    BadRequest,
    StatusError,
    TooLarge,
    Unauthorized,
    UnsupportedMediaType,
)
from towpath.machinery.users import Authenticate, UserInfo
from towpath.web import session
from towpath.web.guard import SAFE_METHODS
from towpath.web.identity import Identity
from towpath.web.reads import ViewerOf

log = logging.getLogger(__name__)

BODY_S_MAX = 30.0
NOBODY = UserInfo("system:anonymous", ("system:unauthenticated",))
JSON = "application/json"
BROKEN = "This answer broke: a defect of the platform. Its log says where."


class ForeignApis:
    """What is below one of the APIs' paths, answered for whoever asks."""

    def __init__(
        self,
        apis: Iterable[ForeignApi],
        identity: Identity,
        authenticate: Authenticate,
        viewer_of: ViewerOf,
        client_of: Callable[[UserInfo], Client],
    ) -> None:
        self._apis = {api.path: api for api in apis}
        self._identity = identity
        self._authenticate = authenticate
        self._viewer_of = viewer_of
        self._client_of = client_of

    def before(self, portal: Application) -> Application:
        """ASGI: all that is nobody's here goes to the portal."""

        async def choose(scope: Scope, receive: Receive, send: Send) -> None:
            api = self._asked(scope) if scope["type"] == "http" else None
            await (self._answer(api, scope, receive, send) if api else portal(scope, receive, send))

        return choose

    async def _answer(self, api: ForeignApi, scope: Scope, receive: Receive, send: Send) -> None:
        request = None
        try:
            request = await self._request(api, scope, receive)
            answer = await api.answer(request)
        except StatusError as error:
            answer = api.refusal(request, error)
        except Exception:
            log.exception("an API broke", extra={"path": scope["path"]})
            answer = api.refusal(
                request, StatusError("a defect of the platform; its log says where")
            )
        if answer.stream is not None and scope["method"] != "HEAD":
            await _send_stream(answer, answer.stream, receive, send)
        else:
            await _send(answer, scope["method"], send)

    def _asked(self, scope: Scope) -> ForeignApi | None:
        """By the first two parts of the path, which every such API has."""
        parts = scope["path"].split("/", 3)
        return self._apis.get("/".join(parts[:3]))

    async def _request(self, api: ForeignApi, scope: Scope, receive: Receive) -> ApiRequest:
        headers = {name.decode("latin-1"): one.decode("latin-1") for name, one in scope["headers"]}
        user = await self._user(scope, headers, api)
        return ApiRequest(
            method=scope["method"],
            path=_below(api.path, scope),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=await _body(receive, api.body_bytes_max),
            user=user,
            viewer=await self._viewer_of(user),
            api=self._client_of(user),
        )

    async def _user(self, scope: Scope, headers: dict[str, str], api: ForeignApi) -> UserInfo:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        with_token = scheme.lower() == "bearer"
        if with_token:
            user = await self._authenticate(token.strip())
        else:
            user = await session.visitor(Request(scope), self._identity)
        if user is None and api.knows_callers:
            return NOBODY
        if user is None:
            raise Unauthorized("Unauthorized")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if not with_token and scope["method"] not in SAFE_METHODS and kind != JSON:
            # A form of another site can send no JSON without asking first.
            raise UnsupportedMediaType(f"with a session, send {JSON}; or use a token")
        return user


def _below(path: str, scope: Scope) -> str:
    """Still encoded: a slash in a name arrives as %2F, and must not become one of the path's."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1").partition("?")[0].removeprefix(path)


async def _body(receive: Receive, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise BadRequest("the request ended before its body")
                part = message.get("body", b"")
                size += len(part)
                if size > bytes_max:
                    raise TooLarge(f"the body is larger than {bytes_max} bytes")
                if part:
                    parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError as error:
        raise BadRequest(f"the body did not arrive within {BODY_S_MAX:.0f} s") from error


async def _send(answer: ApiAnswer, method: str, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    if answer.body:
        headers.append((b"content-type", answer.content_type.encode()))
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})


async def _send_stream(
    answer: ApiAnswer, stream: AsyncIterator[bytes], receive: Receive, send: Send
) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    headers.append((b"content-type", answer.content_type.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})

    async def pass_on() -> None:
        async for piece in stream:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            """The body has been read already."""

    tasks = [asyncio.create_task(pass_on()), asyncio.create_task(gone())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
