"""What a command line asks of identity: links for others, and a token in exchange for a link.

    POST /-/links   {"user": "alice"}   -> {"link": "http://..."}
    POST /-/tokens  {"link": "..."}     -> {"token": "...", "user": "alice", "server": ...}
    POST /-/people  {"name": "dora", "groups": "team-a"}           -> {"user", "link"}
    POST /-/people/dora  {"action": "groups", "groups": "team-b"}  -> {"user", "groups", ...}
    GET /api/v1/people?q=do             -> [{"user", "groups", ...}]

Making a link for somebody is signing in as them, so the right that it takes is `impersonate`.
"""

from typing import Any, Literal, Protocol, TypeVar

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from towpath.engines.identity.port import (
    Account,
    BadAccount,
    IdentityProvider,
    UnknownPerson,
)
from towpath.hooks.platform import Addresses
from towpath.machinery.errors import (
    BadRequest,
    Forbidden,
    Invalid,
    NotFound,
    StatusError,
    Unauthorized,
)
from towpath.machinery.users import MASTERS, AccessRequest, Authenticate, Authorize, UserInfo
from towpath.web.people import People

BODY_BYTES_MAX = 4096
PEOPLE_MAX = 500

T = TypeVar("T")


class LinkRequest(msgspec.Struct):
    user: str


class TokenRequest(msgspec.Struct):
    link: str
    label: str = "command line"


class PersonRequest(msgspec.Struct):
    name: str
    display_name: str = ""
    email: str = ""
    groups: str = ""
    """With spaces between."""


class PersonChange(msgspec.Struct):
    action: Literal["groups", "deactivate", "activate"]
    groups: str = ""


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


def build_people(people: People, authenticate: Authenticate, addresses: Addresses) -> list[Route]:
    """Looking after people from a command line; the pages are in people_page."""

    async def add(request: Request) -> Any:
        asked = await _body(request, PersonRequest)
        user = await _bearer(request, authenticate)
        account = Account(asked.name, asked.display_name, asked.email, tuple(asked.groups.split()))
        try:
            secret = await people.add(user, account)
        except BadAccount as bad:
            raise Invalid(str(bad)) from bad
        return {"user": account.name, "link": addresses.portal(f"/sign-in?link={secret}")}

    async def change(request: Request) -> Any:
        asked = await _body(request, PersonChange)
        user = await _bearer(request, authenticate)
        name = request.path_params["name"]
        try:
            match asked.action:
                case "groups":
                    await people.set_groups(user, name, asked.groups.split())
                case "deactivate":
                    await people.deactivate(user, name)
                case "activate":
                    await people.activate(user, name)
        except BadAccount as bad:
            raise Invalid(str(bad)) from bad
        except UnknownPerson as unknown:
            raise NotFound(str(unknown)) from unknown
        found = await people.get(user, name)
        return _shown(found) if found else {}

    async def find(request: Request) -> Any:
        user = await _bearer(request, authenticate)
        query = request.query_params
        found = await people.list(
            user, text=query.get("q", ""), after=query.get("after", ""), limit=PEOPLE_MAX
        )
        return [_shown(one) for one in found]

    return [
        Route("/-/people", _json(add), methods=["POST"]),
        Route("/-/people/{name}", _json(change), methods=["POST"]),
        Route("/api/v1/people", _json(find, code=200), methods=["GET"]),
    ]


def _shown(account: Account) -> dict[str, Any]:
    return {
        "user": account.name,
        "displayName": account.display_name,
        "email": account.email,
        "groups": list(account.groups),
        "active": account.is_active,
    }


def _json(endpoint: Endpoint, *, code: int = 201) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            content, status = await endpoint(request), code
        except StatusError as error:
            content, status = error.to_status(), error.code
        return Response(orjson.dumps(content), status, media_type="application/json")

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
