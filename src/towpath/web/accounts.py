"""What a command line asks of identity: links for others, and a token in exchange for a link.

    POST /-/links   {"user": "alice"}   -> {"link": "http://..."}
    POST /-/tokens  {"link": "..."}     -> {"token": "...", "user": "alice", "server": ...}

Making a link for somebody is signing in as them, so the right that it takes is `impersonate`.
"""

from typing import Any, Protocol, TypeVar

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from towpath.engines.identity.port import IdentityProvider, UnknownPerson
from towpath.hooks.platform import Addresses
from towpath.machinery.errors import BadRequest, Forbidden, NotFound, StatusError, Unauthorized
from towpath.machinery.users import MASTERS, AccessRequest, Authenticate, Authorize, UserInfo

BODY_BYTES_MAX = 4096

T = TypeVar("T")


class LinkRequest(msgspec.Struct):
    user: str


class TokenRequest(msgspec.Struct):
    link: str
    label: str = "command line"


class ApiAccess(msgspec.Struct, frozen=True):
    """What a client needs beside its token."""

    server: str
    clusters: list[str]
    ca: str


class Endpoint(Protocol):
    async def __call__(self, request: Request) -> Any: ...


def build_accounts(
    identity: IdentityProvider,
    authenticate: Authenticate,
    authorize: Authorize,
    addresses: Addresses,
    access: ApiAccess,
) -> list[Route]:
    async def make_link(request: Request) -> Any:
        asked = await _body(request, LinkRequest)
        user = await _bearer(request, authenticate)
        if not await _may_sign_in_as(user, asked.user, authorize):
            raise Forbidden(f"user {user.name!r} may not sign in as {asked.user!r}")
        try:
            secret = await identity.issue_link(asked.user)
        except UnknownPerson as unknown:
            raise NotFound(str(unknown)) from unknown
        return {"link": addresses.portal(f"/sign-in?link={secret}"), "user": asked.user}

    async def make_token(request: Request) -> Any:
        asked = await _body(request, TokenRequest)
        user = await identity.redeem_link(asked.link)
        if user is None:
            raise Unauthorized("this link has been used or has expired; ask for a new one")
        token = await identity.issue_token(user, asked.label)
        return {"token": token, "user": user.name, **msgspec.to_builtins(access)}

    return [
        Route("/-/links", _json(make_link), methods=["POST"]),
        Route("/-/tokens", _json(make_token), methods=["POST"]),
    ]


def _json(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            content, code = await endpoint(request), 201
        except StatusError as error:
            content, code = error.to_status(), error.code
        return Response(orjson.dumps(content), code, media_type="application/json")

    return answer


async def _body(request: Request, shape: type[T]) -> T:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise BadRequest(f"the body is longer than {BODY_BYTES_MAX} bytes")
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise BadRequest(f"the body is not what is asked for: {error}") from error


async def _bearer(request: Request, authenticate: Authenticate) -> UserInfo:
    _, _, token = request.headers.get("authorization", "").partition(" ")
    user = await authenticate(token.strip()) if token else None
    if user is None:
        raise Unauthorized("Unauthorized")
    return user


async def _may_sign_in_as(user: UserInfo, name: str, authorize: Authorize) -> bool:
    if user.name == name or MASTERS in user.groups:
        return True
    return await authorize(user, AccessRequest("impersonate", "", "users", name=name))
