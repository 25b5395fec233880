"""APIs of the ecosystem that a capability speaks beside our own: Backstage's catalogue, for one.

Their clients come with paths, bodies and errors of their own; who asks is found out here as
everywhere. Raw on purpose: bytes in, bytes out, so that an answer can be made ready beforehand.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from towpath.client.protocols import Client
from towpath.machinery.errors import StatusError
from towpath.machinery.users import UserInfo
from towpath.records.contract import Viewer


@dataclass(frozen=True, slots=True)
class ApiRequest:
    method: str
    path: str
    """Below the API's own, still encoded: `/entities/by-query`."""
    query: str
    """As it was sent, still encoded: a name may come several times."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    user: UserInfo
    viewer: Viewer
    api: Client
    """The platform's API with the visitor's own rights."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None
    """Instead of the body: pieces that are sent as they come, until the client goes."""


@dataclass(frozen=True, slots=True)
class ForeignApi:
    """Everything below `path`: one answer for all of it."""

    path: str
    """`/api/catalog`"""
    answer: Callable[[ApiRequest], Awaitable[ApiAnswer]]
    """Raises the StatusError family."""
    refusal: Callable[[ApiRequest | None, StatusError], ApiAnswer]
    """The error in that API's own words; no request when nobody is signed in."""
    body_bytes_max: int = 1024 * 1024
    knows_callers: bool = False
    """It has tokens or signatures of its own: whoever the platform does not know is passed on as
    nobody, who may see nothing, and the API looks at the headers itself."""


_BACKSTAGE_NAMES = {
    400: "InputError",
    401: "AuthenticationError",
    403: "NotAllowedError",
    404: "NotFoundError",
    409: "ConflictError",
    503: "ServiceUnavailableError",
}


def backstage_refusal(request: ApiRequest | None, error: StatusError) -> ApiAnswer:
    """An error as Backstage's backends say it."""
    named = {"name": _BACKSTAGE_NAMES.get(error.code, "Error"), "message": error.message}
    said: dict[str, Any] = {"error": named, "response": {"statusCode": error.code}}
    if request is not None:
        asked = f"?{request.query}" if request.query else ""
        said["request"] = {"method": request.method, "url": f"{request.path}{asked}"}
    return ApiAnswer(orjson.dumps(said), error.code, "application/json; charset=utf-8")
