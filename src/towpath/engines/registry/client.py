"""A small client of the OCI distribution API, for the builder: push an image, pull a base.

On http.client and not httpx2, whose import and first request cost 0.25 s: every pipeline waits for
it. Blocking: the command line runs it in a thread. It goes where it is told and follows redirects
of blobs; it never sends credentials to another host.
"""

import base64
import hashlib
import http.client
import io
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode, urljoin, urlsplit

from towpath.engines.registry.port import ImageError, ImageNotFound

_TIMEOUT_S = 60.0
_REDIRECTS_MAX = 5
_ANSWER_MAX = 4 * 2**20
_SMALL = 2**20
_HUB = {"docker.io": "registry-1.docker.io"}
_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)


class RegistryRefused(ImageError):
    """The registry said no, or could not be reached; `str()` says which and why."""


@dataclass(frozen=True, slots=True)
class Credentials:
    username: str
    password: str

    def basic(self) -> str:
        text = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return f"Basic {text}"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to push, from memory or a file."""

    digest: str
    size: int
    media_type: str
    open: Callable[[], IO[bytes]]


def is_local(host: str) -> bool:
    """Registries on this machine are spoken to without TLS."""
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    return name in ("localhost", "127.0.0.1", "[::1]") or name.endswith(".localhost")


@dataclass(slots=True)
class RegistryClient:
    host: str
    credentials: Credentials | None = None
    plain_http: bool = False
    _connections: dict[str, http.client.HTTPConnection] = field(default_factory=dict)
    _authorization: str = ""

    def __post_init__(self) -> None:
        if self.credentials is not None:
            self._authorization = self.credentials.basic()

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def has_blob(self, name: str, digest: str) -> bool:
        answer = self._call("HEAD", f"/v2/{name}/blobs/{digest}")
        if answer.status == 404:
            return False
        self._expect(answer, f"asked for a blob of {name}", 200)
        return True

    def push_blob(self, name: str, content: Content) -> bool:
        """False when the registry had it already."""
        if self.has_blob(name, content.digest):
            return False
        what = f"push to {name}"
        if content.size <= _SMALL:
            path = f"/v2/{name}/blobs/uploads/?{urlencode({'digest': content.digest})}"
            answer = self._call("POST", path, content)
        else:
            # Perhaps another image of ours has it: then nothing is sent.
            path = f"/v2/{name}/blobs/uploads/?{urlencode({'mount': content.digest})}"
            answer = self._call("POST", path)
        if answer.status == 201:
            return True
        self._expect(answer, what, 202)
        place = answer.headers.get("location", "")
        joiner = "&" if "?" in place else "?"
        place = f"{place}{joiner}{urlencode({'digest': content.digest})}"
        self._expect(self._call("PUT", place, content), what, 201)
        return True

    def push_manifest(self, name: str, reference: str, body: bytes, media_type: str) -> None:
        content = Content("", len(body), media_type, lambda: io.BytesIO(body))
        answer = self._call("PUT", f"/v2/{name}/manifests/{reference}", content)
        self._expect(answer, f"push {name}:{reference}", 201)

    def manifest(self, name: str, reference: str) -> tuple[bytes, str]:
        """The bytes and their media type. Raises ImageNotFound."""
        answer = self._call("GET", f"/v2/{name}/manifests/{reference}")
        if answer.status == 404:
            raise ImageNotFound(f"{self.host} has no image {name} {reference}")
        self._expect(answer, f"pull {name}", 200)
        return answer.body, answer.headers.get("content-type", "").partition(";")[0]

    def pull_blob(self, name: str, digest: str, target: Path) -> None:
        """Into a file that appears whole and verified."""
        response, connection = self._blob_response(name, digest)
        draft = target.with_name(f".{target.name}.{time.time_ns()}")
        found = hashlib.sha256()
        try:
            with draft.open("wb") as file:
                while chunk := response.read(2**20):
                    found.update(chunk)
                    file.write(chunk)
            if f"sha256:{found.hexdigest()}" != digest:
                raise RegistryRefused(f"{self.host} sent other content than {digest}")
            draft.replace(target)
        except (OSError, http.client.HTTPException) as error:
            raise RegistryRefused(
                f"{name} could not be pulled from {self.host}: {error}"
            ) from error
        finally:
            draft.unlink(missing_ok=True)
            connection.close()
            self._connections.clear()

    def _blob_response(
        self, name: str, digest: str
    ) -> tuple[http.client.HTTPResponse, http.client.HTTPConnection]:
        url = self._url(f"/v2/{name}/blobs/{digest}")
        for _ in range(_REDIRECTS_MAX):
            response, connection = self._send("GET", url, None)
            if response.status in (301, 302, 303, 307, 308):
                response.read()
                url = urljoin(url, response.headers.get("Location", ""))
                continue
            if response.status != 200:
                answer = _read(response)
                self._expect(answer, f"pull {name}", 200)
            return response, connection
        raise RegistryRefused(f"{self.host} redirects without end")

    def _call(self, method: str, path: str, content: Content | None = None) -> Answer:
        url = self._url(path)
        answer = _read(self._send(method, url, content)[0])
        if answer.status == 401 and self._sign_in(answer.headers.get("www-authenticate", "")):
            answer = _read(self._send(method, url, content)[0])
        return answer

    def _url(self, path: str) -> str:
        scheme = "http" if self.plain_http or is_local(self.host) else "https"
        return urljoin(f"{scheme}://{_HUB.get(self.host, self.host)}/", path)

    def _send(
        self, method: str, url: str, content: Content | None
    ) -> tuple[http.client.HTTPResponse, http.client.HTTPConnection]:
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc}"
        headers = {"Accept": _ACCEPT, "User-Agent": "towpath", "Host": parts.netloc}
        ours = parts.netloc == _HUB.get(self.host, self.host)
        if self._authorization and ours:
            headers["Authorization"] = self._authorization
        headers["Content-Length"] = str(content.size if content else 0)
        if content is not None:
            headers["Content-Type"] = content.media_type
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        for attempt in (1, 2):
            connection = self._connections.get(place) or _connect(parts.scheme, parts.netloc)
            self._connections[place] = connection
            try:
                with _body(content) as body:
                    connection.request(method, target, body, headers)
                    return connection.getresponse(), connection
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._connections.pop(place, None)
                # A kept connection may have been closed meanwhile: one more try on a new one.
                if attempt == 2:
                    raise RegistryRefused(
                        f"The registry {self.host} does not answer: {error}"
                    ) from error
        raise AssertionError("unreachable")

    def _sign_in(self, challenge: str) -> bool:
        """Get the token that a Bearer challenge asks for; False when there is nothing to get."""
        if not challenge.lower().startswith("bearer "):
            return False
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        realm = fields.get("realm", "")
        if urlsplit(realm).scheme not in ("https", "http") or (
            realm.startswith("http:") and not self._url("/").startswith("http:")
        ):
            return False
        query = urlencode({key: fields[key] for key in ("service", "scope") if key in fields})
        parts = urlsplit(f"{realm}?{query}")
        connection = _connect(parts.scheme, parts.netloc)
        headers = {"Authorization": self.credentials.basic()} if self.credentials else {}
        try:
            connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
            answer = _read(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            raise RegistryRefused(f"{parts.netloc} gives no token: {error}") from error
        finally:
            connection.close()
        self._expect(answer, "sign in", 200)
        found = json.loads(answer.body)
        self._authorization = f"Bearer {found.get('token') or found.get('access_token')}"
        return True

    def _expect(self, answer: Answer, what: str, status: int) -> None:
        if answer.status == status:
            return
        if answer.status == 401:
            raise RegistryRefused(
                f"{self.host} does not know who you are (it could not {what}): give it "
                "--username and --password-stdin, or TOWPATH_TOKEN for the platform's registry"
            )
        raise RegistryRefused(f"{self.host} refused to {what}: {_reason(answer)}")


def _reason(answer: Answer) -> str:
    try:
        errors: list[dict[str, Any]] = json.loads(answer.body)["errors"]
        text = "; ".join(f"{error.get('code')} {error.get('message', '')}" for error in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        text = answer.body[:200].decode("utf-8", "replace").strip()
    return f"{answer.status} {text}".strip()


def _connect(scheme: str, netloc: str) -> http.client.HTTPConnection:
    if scheme == "https":
        import ssl

        context = ssl.create_default_context()
        return http.client.HTTPSConnection(netloc, timeout=_TIMEOUT_S, context=context)
    return http.client.HTTPConnection(netloc, timeout=_TIMEOUT_S)


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _body(content: Content | None) -> Any:
    return content.open() if content is not None else _Nothing()


def _read(response: http.client.HTTPResponse) -> Answer:
    try:
        body = response.read(_ANSWER_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise RegistryRefused(f"The registry's answer ended too early: {error}") from error
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, body)
