"""The OCI distribution API v1.1 as an ASGI app, for every path below /v2/.

Everybody signs in, pulls included: any user name with a token as password, or the token as Bearer.
Rights are asked per image as `images` of registry.towpath.dev: `get` pulls, `update` pushes and
deletes. What a user may not see does not exist for them.
"""

import logging
import re
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import orjson

from towpath.engines.asgi import ClientLeft, answer, body_chunks, header, token_of
from towpath.engines.registry.answers import (
    API_VERSION,
    RegistryError,
    as_answer,
    invalid,
    send_error,
)
from towpath.engines.registry.blobs import parse_digest
from towpath.engines.registry.images import Images, check_name
from towpath.engines.registry.manifests import MANIFEST_BYTES_MAX, OCI_INDEX, parse_manifest
from towpath.engines.registry.port import ImageError, ImageInvalid, ImageNotFound
from towpath.engines.registry.transfers import Transfers
from towpath.machinery.asgi import Receive, Scope, Send
from towpath.machinery.users import AccessRequest, Authenticate, Authorize, UserInfo

log = logging.getLogger(__name__)

_PATH = re.compile(
    r"/v2/(?P<name>.+?)/(?P<what>blobs/uploads|blobs|manifests|tags|referrers)/(?P<rest>[^/]*)"
)
_PULLS = ("GET", "HEAD")
_TAGS_MAX = 1000


class Request:
    """One parsed call on one image."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, user: UserInfo) -> None:
        found = _PATH.fullmatch(scope["path"])
        if found is None:
            raise RegistryError(404, "NAME_UNKNOWN", f"{scope['path'][:200]} is no registry path")
        self.name, self.what, self.rest = found["name"], found["what"], found["rest"]
        self.method: str = scope["method"]
        self.scope, self.receive, self.send, self.user = scope, receive, send, user
        self._query: dict[str, list[str]] = parse_qs(scope["query_string"].decode("latin-1"))
        try:
            check_name(self.name)
        except ImageInvalid as error:
            raise invalid("NAME_INVALID", error) from error

    def query(self, key: str) -> str:
        return self._query.get(key, [""])[0]

    @property
    def head(self) -> bool:
        return self.method == "HEAD"


class Distribution:
    """The ASGI app."""

    def __init__(
        self, images: Images, transfers: Transfers, authenticate: Authenticate, authorize: Authorize
    ) -> None:
        self._images = images
        self._transfers = transfers
        self._authenticate = authenticate
        self._authorize = authorize

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        try:
            user = await self._sign_in(scope)
            if scope["path"] in ("/v2/", "/v2"):
                headers = [("Content-Type", "application/json"), API_VERSION]
                await answer(send, 200, b"{}", headers)
                return
            request = Request(scope, receive, send, user)
            await self._check_rights(request)
            await self._dispatch(request)
        except ClientLeft:
            log.info("registry client left", extra={"path": scope["path"]})
        except (RegistryError, ImageError, OSError) as error:
            refusal = as_answer(error)
            if refusal.status >= 500:
                log.warning("registry failed", extra={"path": scope["path"], "why": str(error)})
            await send_error(send, refusal, head=scope["method"] == "HEAD")

    async def _sign_in(self, scope: Scope) -> UserInfo:
        token = token_of(scope)
        user = await self._authenticate(token) if token else None
        if user is None:
            raise RegistryError(
                401, "UNAUTHORIZED", "Sign in with any user name and a Towpath token as password"
            )
        return user

    async def _check_rights(self, request: Request) -> None:
        may_pull = await self._may(request.user, "get", request.name)
        if request.method in _PULLS:
            if not may_pull:
                raise RegistryError(
                    404, "NAME_UNKNOWN", f"There is no image {request.name}, or you may not see it"
                )
        elif not await self._may(request.user, "update", request.name):
            raise RegistryError(
                403, "DENIED", f"{request.user.name} may not push to {request.name}"
            )

    async def _may(self, user: UserInfo, verb: str, name: str) -> bool:
        project, _, image = name.partition("/")
        question = AccessRequest(
            verb=verb,
            group="registry.towpath.dev",
            resource="images",
            namespace=project,
            name=image,
        )
        return await self._authorize(user, question)

    async def _dispatch(self, request: Request) -> None:
        handler = {
            "blobs": self._blob,
            "blobs/uploads": self._upload,
            "manifests": self._manifest,
            "tags": self._tags,
            "referrers": self._referrers,
        }[request.what]
        await handler(request)

    async def _blob(self, request: Request) -> None:
        if request.method in _PULLS:
            await self._transfers.download(
                request.name,
                request.rest,
                header(request.scope, "range"),
                request.send,
                head=request.head,
            )
        elif request.method == "DELETE":
            digest = parse_digest(request.rest)
            name = request.name
            if not await self._transfers.in_thread(self._images.unlink, name, digest):
                raise RegistryError(404, "BLOB_UNKNOWN", f"{name} has no blob {digest}")
            await answer(request.send, 202, headers=[API_VERSION])
        else:
            raise _unsupported(request)

    async def _upload(self, request: Request) -> None:
        transfers, name, upload_id = self._transfers, request.name, request.rest
        receive, send = request.receive, request.send
        content_range = header(request.scope, "content-range")
        match request.method:
            case "POST" if not upload_id:
                if not await self._mounted(request):
                    await transfers.begin(name, receive, send, request.query("digest"))
            case "PATCH":
                await transfers.chunk(name, upload_id, content_range, receive, send)
            case "PUT":
                digest = request.query("digest")
                await transfers.complete(name, upload_id, digest, content_range, receive, send)
            case "GET":
                await transfers.status(name, upload_id, send)
            case "DELETE":
                await transfers.cancel(name, upload_id, send)
            case _:
                raise _unsupported(request)

    async def _mounted(self, request: Request) -> bool:
        digest = request.query("mount")
        if not digest:
            return False

        async def may_read(source: str) -> bool:
            return await self._may(request.user, "get", source)

        return await self._transfers.mount(
            request.name, digest, request.query("from"), may_read, request.send
        )

    async def _manifest(self, request: Request) -> None:
        name, reference, send = request.name, request.rest, request.send
        match request.method:
            case "GET" | "HEAD":
                manifest = await self._transfers.in_thread(self._images.get, name, reference)
                headers = [
                    ("Content-Type", manifest.media_type),
                    ("Content-Length", str(len(manifest.body))),
                    ("Docker-Content-Digest", manifest.digest),
                    ("ETag", f'"{manifest.digest}"'),
                    API_VERSION,
                ]
                await answer(send, 200, b"" if request.head else manifest.body, headers)
            case "PUT":
                await self._put_manifest(request)
            case "DELETE":
                await self._transfers.in_thread(self._images.delete, name, reference)
                await answer(send, 202, headers=[API_VERSION])
            case _:
                raise _unsupported(request)

    async def _put_manifest(self, request: Request) -> None:
        body = await _small_body(request.receive, MANIFEST_BYTES_MAX)
        manifest = parse_manifest(body, header(request.scope, "content-type"))
        digest = await self._transfers.in_thread(
            self._images.put, request.name, request.rest, manifest
        )
        headers = [
            ("Location", f"/v2/{quote(request.name)}/manifests/{digest}"),
            ("Docker-Content-Digest", digest),
            API_VERSION,
        ]
        if subject := manifest.subject:
            headers.append(("OCI-Subject", subject))
        await answer(request.send, 201, headers=headers)

    async def _tags(self, request: Request) -> None:
        if request.method not in _PULLS or request.rest != "list":
            raise _unsupported(request)
        name, last = request.name, request.query("last")
        limit = _page_size(request.query("n"))
        try:
            tags = await self._transfers.in_thread(self._images.tags, name)
        except ImageNotFound as error:
            raise RegistryError(404, "NAME_UNKNOWN", str(error)) from error
        tags = [tag for tag in tags if tag > last]
        headers = [("Content-Type", "application/json"), API_VERSION]
        if len(tags) > limit > 0:
            query = urlencode({"n": limit, "last": tags[limit - 1]})
            headers.append(("Link", f'</v2/{quote(name)}/tags/list?{query}>; rel="next"'))
        body = orjson.dumps({"name": name, "tags": tags[:limit]})
        await answer(request.send, 200, body, headers)

    async def _referrers(self, request: Request) -> None:
        if request.method not in _PULLS:
            raise _unsupported(request)
        subject = parse_digest(request.rest)
        wanted = request.query("artifactType")
        found = await self._transfers.in_thread(self._images.referrers, request.name, subject)
        descriptors = [
            manifest.descriptor()
            for manifest in found
            if not wanted or manifest.artifact_type == wanted
        ]
        index: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": descriptors,
        }
        headers = [("Content-Type", OCI_INDEX), API_VERSION]
        if wanted:
            headers.append(("OCI-Filters-Applied", "artifactType"))
        await answer(request.send, 200, orjson.dumps(index), headers)


def _unsupported(request: Request) -> RegistryError:
    return RegistryError(
        405, "UNSUPPORTED", f"{request.method} of {request.what} is not done by this registry"
    )


def _page_size(text: str) -> int:
    if not text:
        return _TAGS_MAX
    if not text.isdecimal():
        raise RegistryError(400, "UNSUPPORTED", f"n={text[:20]} is not a number of tags")
    return min(int(text), _TAGS_MAX)


async def _small_body(receive: Receive, bytes_max: int) -> bytes:
    body = b""
    async for chunk in body_chunks(receive):
        body += chunk
        if len(body) > bytes_max:
            raise RegistryError(
                413, "MANIFEST_INVALID", f"A manifest may have at most {bytes_max} bytes"
            )
    return body
