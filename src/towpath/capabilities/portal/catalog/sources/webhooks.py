"""`/api/catalog-hooks/<project>/<source>`: a Git host says that somebody pushed.

What it says is not believed, only that something has happened: the source is read again, as if
somebody had pressed *Read again*. Each host proves who it is in its own way, by the key `webhook`
of the source's Secret.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import orjson

from towpath.capabilities.portal.catalog.deciding import REFRESH, decide
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, ORGANISATION
from towpath.capabilities.portal.catalog.sources.place import Refused
from towpath.capabilities.portal.catalog.sources.secrets import secret_of
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi
from towpath.hooks.outbound import data_of
from towpath.hooks.platform import Platform
from towpath.machinery.errors import MethodNotAllowed, NotFound, StatusError, Unauthorized
from towpath.machinery.objects import RawObject

PATH = "/api/catalog-hooks"
BODY_BYTES_MAX = 4 * 2**20
"""Hosts send more of a push of thousands of files, which the next look finds as well; until it is
read to its end nobody knows who sends it."""
SECRET_KEY = "webhook"  # noqa: S105 - where it is, not what it is
_NOBODYS = secrets.token_urlsafe(32)
_UNKNOWN = "there is no such source, or that is not its signature"
_SIGNATURES = ("x-hub-signature-256", "x-gitea-signature", "x-hub-signature")


def apis(platform: Platform) -> Sequence[ForeignApi]:
    async def answer(request: ApiRequest) -> ApiAnswer:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if len(parts) != 2:
            raise NotFound(f"{PATH}/<project>/<source>")
        if request.method != "POST":
            raise MethodNotAllowed("webhooks are sent with POST")
        source = await _source(platform, *parts)
        secret = await _webhook_secret(platform, source) if source else ""
        # Of a source that is not there too, so that the time of a large body does not tell.
        signed = is_signed(secret or _NOBODYS, request.headers, request.body)
        if source is None or not secret or not signed:
            raise Unauthorized(_UNKNOWN)
        await decide(platform.api, source, REFRESH)
        return ApiAnswer(b"{}", 202)

    return (ForeignApi(PATH, answer, _refusal, BODY_BYTES_MAX, knows_callers=True),)


def _refusal(_: ApiRequest | None, error: StatusError) -> ApiAnswer:
    return ApiAnswer(orjson.dumps({"error": error.message}), error.code)


async def _source(platform: Platform, project: str, name: str) -> RawObject | None:
    try:
        found = await platform.api.get(CATALOG_SOURCE, name, project)
    except NotFound:
        return None
    return found if found["spec"]["type"] == ORGANISATION else None


async def _webhook_secret(platform: Platform, source: RawObject) -> str:
    name = source["spec"][ORGANISATION].get("secret")
    if not name:
        return ""
    try:
        return data_of(await secret_of(platform.api, source, name)).get(SECRET_KEY, "")
    except Refused:
        return ""


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """As GitHub, Gitea and Bitbucket sign; as GitLab and Azure DevOps say a word that they know."""
    key = secret.encode()
    digest = hmac.new(key, body, hashlib.sha256).hexdigest()
    for name in _SIGNATURES:
        if told := headers.get(name):
            return hmac.compare_digest(told.removeprefix("sha256=").encode(), digest.encode())
    if told := headers.get("x-gitlab-token"):
        return hmac.compare_digest(told.encode(), key)
    scheme, _, told = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(told, validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(pair.partition(b":")[2], key)
    return False
