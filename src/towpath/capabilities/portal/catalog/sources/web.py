"""Descriptor files of the web, by the guarded client: asked for again only when they have changed.

An answer is kept with its ETag. A host that says that it is asked too often is left alone for as
long as it says, for everybody here. A redirect is followed as far as each of its addresses may be
called, and takes no secret to another host.
"""

import base64
import posixpath
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from towpath.capabilities.portal.catalog.sources.place import (
    Missing,
    Refused,
    Unread,
    is_pattern,
    target_of,
)
from towpath.capabilities.portal.catalog.sources.secrets import secret_of
from towpath.client.protocols import Client
from towpath.engines.git.hosts.port import Answered, HostMissing
from towpath.engines.outbound import (
    OutboundAnswer,
    OutboundFailed,
    OutboundRefused,
    OutboundRequest,
)
from towpath.hooks.outbound import HOSTS_ANNOTATION, data_of, hosts_of
from towpath.machinery.objects import RawObject

FILE_BYTES_MAX = 4 * 2**20
KEPT_BYTES_MAX = 64 * 2**20
REDIRECTS_MAX = 5
LISTING_BYTES_MAX = 32 * 2**20
PAUSE_S, PAUSE_S_MAX = 60.0, 3600.0
_MISSING = (404, 409, 410)
"""409: what GitHub says of a repository without a commit."""
_LEADING = ("link",)

Send = Callable[[OutboundRequest], Awaitable[OutboundAnswer]]

_PAGES = (
    (
        re.compile(r"(https://)github\.com/([^/]+/[^/]+)/(?:blob|tree)/(.+)"),
        r"\1raw.githubusercontent.com/\2/\3",
    ),
    (re.compile(r"(https?://[^/]+/.+?)/-/(?:blob|tree)/(.+)"), r"\1/-/raw/\2"),
    (re.compile(r"(https?://[^/]+/[^/]+/[^/]+)/src/(branch|commit|tag)/(.+)"), r"\1/raw/\2/\3"),
)


def raw_address(url: str) -> str:
    """Of the page that shows a file, the file: as people copy it from GitHub, GitLab or Gitea."""
    for page, raw in _PAGES:
        if page.fullmatch(url):
            return page.sub(raw, url)
    return url


_COMMIT = re.compile(r"\b[0-9a-f]{40,}\b")
_EDITORS = (
    (re.compile(r"(https://github\.com/[^/]+/[^/]+)/(?:blob|tree)/(.+)"), r"\1/edit/\2"),
    (re.compile(r"(https?://[^/]+/.+?)/-/(?:blob|tree)/(.+)"), r"\1/-/edit/\2"),
    (re.compile(r"(https?://[^/]+/[^/]+/[^/]+)/src/branch/(.+)"), r"\1/_edit/\2"),
)
_GITHUB_FILE = re.compile(r"(https://github\.com/[^/]+/[^/]+)/blob/")


def links_of(address: str) -> dict[str, str]:
    """Annotations of what is described there: where people read it, and change it."""
    if not address.startswith("url:"):
        return {}
    url = target_of(address)
    links = {"backstage.io/view-url": url}
    for page, editor in _EDITORS:
        if page.fullmatch(url):
            if not _COMMIT.search(url):
                links["backstage.io/edit-url"] = page.sub(editor, url)
            folder = _GITHUB_FILE.sub(r"\1/tree/", urljoin(url, "./"))
            links["backstage.io/source-location"] = f"url:{folder}"
            break
    return links


@dataclass(frozen=True, slots=True)
class _Answer:
    etag: str
    modified: str
    content: bytes
    headers: Mapping[str, str]
    """Of them, those that tell where a list goes on."""


@dataclass(slots=True)
class Kept:
    """Answers as they came last, the oldest forgotten first; hosts that want to be left alone."""

    answers: OrderedDict[str, _Answer] = field(default_factory=OrderedDict)
    paused_until_s: dict[str, float] = field(default_factory=dict)
    bytes: int = 0

    def keep(self, key: str, answer: _Answer) -> None:
        self.forget(key)
        self.answers[key] = answer
        self.bytes += len(answer.content)
        while self.bytes > KEPT_BYTES_MAX:
            _, oldest = self.answers.popitem(last=False)
            self.bytes -= len(oldest.content)

    def forget(self, key: str) -> None:
        old = self.answers.pop(key, None)
        self.bytes -= len(old.content) if old else 0


@dataclass(frozen=True, slots=True)
class Web:
    send: Send
    kept: Kept = field(default_factory=Kept)
    authorization: str = ""
    hosts: frozenset[str] = frozenset()
    """To which alone the authorization goes."""
    now_s: Callable[[], float] = time.time

    async def with_secret(self, api: Client, source: RawObject) -> "Web":
        """As this source may read. Raises Refused."""
        name = source["spec"][source["spec"]["type"]].get("secret")
        if not name:
            return self
        secret = await secret_of(api, source, name)
        hosts = hosts_of(secret)
        if not hosts:
            raise Refused(
                f"the Secret {name} does not say to which hosts it may be sent; annotate it with "
                f"{HOSTS_ANNOTATION}: raw.githubusercontent.com"
            )
        return replace(self, authorization=_authorization(name, secret), hosts=hosts)

    async def read(self, address: str) -> bytes:
        return (await self.get(raw_address(target_of(address)))).content

    async def get(
        self, asked: str, accept: str = "*/*", bytes_max: int = FILE_BYTES_MAX
    ) -> _Answer:
        """Raises Missing, Refused, Unread."""
        url = asked
        for _ in range(REDIRECTS_MAX + 1):
            answer = await self._asked(url, accept, bytes_max)
            if isinstance(answer, _Answer):
                return answer
            url = urljoin(url, answer)
        raise Unread(f"{asked} redirects more than {REDIRECTS_MAX} times")

    async def ask(self, url: str, accept: str) -> Answered:
        """As Git hosts are asked."""
        try:
            answer = await self.get(url, accept, LISTING_BYTES_MAX)
        except Missing as error:
            raise HostMissing(str(error)) from error
        return Answered(answer.content, answer.headers)

    async def expand(self, address: str) -> list[str]:
        if is_pattern(urlsplit(target_of(address)).path):
            raise Refused(f"{target_of(address)}: the web has no list of files for a pattern")
        return [address]

    def resolve(self, base: str, target: str, kind: str = "") -> str:
        del kind
        joined = urljoin(target_of(base), target)
        parts = urlsplit(joined)
        return f"url:{parts._replace(path=posixpath.normpath(parts.path)).geturl()}"

    async def _asked(self, url: str, accept: str, bytes_max: int) -> _Answer | str:
        """What is there, or where to look for it instead."""
        host = urlsplit(url).netloc
        self._mind_pause(host)
        authorization = self.authorization if self._is_meant(url, host.lower()) else ""
        key = f"{authorization}\0{accept}\0{url}"
        known = self.kept.answers.get(key)
        headers = _headers(known, authorization, accept)
        request = OutboundRequest(url, "GET", headers, bytes_max=bytes_max)
        try:
            answer = await self.send(request)
        except OutboundRefused as error:
            raise Refused(str(error)) from error
        except OutboundFailed as error:
            raise Unread(str(error)) from error
        if answer.status == 304 and known is not None:
            self._pause_if_spent(host, answer.headers)
            self.kept.answers.move_to_end(key)
            return known
        if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("location"):
            return answer.headers["location"]
        if answer.status == 200:
            self._pause_if_spent(host, answer.headers)
            etag, modified = (answer.headers.get(name, "") for name in ("etag", "last-modified"))
            leading = {name: answer.headers[name] for name in _LEADING if name in answer.headers}
            new = _Answer(etag, modified, answer.body, leading)
            self.kept.forget(key)
            if etag or modified:
                self.kept.keep(key, new)
            return new
        raise self._failure(url, host, answer)

    def _is_meant(self, url: str, host: str) -> bool:
        """Whether the authorization goes there: over TLS, or where the secret says otherwise."""
        if url.startswith("https://"):
            return host in self.hosts
        return f"http://{host}" in self.hosts

    def _failure(self, url: str, host: str, answer: OutboundAnswer) -> Missing | Unread:
        if answer.status in _MISSING:
            return Missing(f"{url} answers {answer.status}")
        spent = _is_spent(answer.headers)
        retry = "retry-after" in answer.headers
        if answer.status == 429 or (answer.status in (403, 503) and (spent or retry)):
            pause_s = self._pause(host, answer.headers)
            why = f"{host} wants to be left alone for {pause_s:.0f} s"
            return Unread(why, retry_after_s=pause_s)
        return Unread(f"{url} answers {answer.status}")

    def _mind_pause(self, host: str) -> None:
        left_s = self.kept.paused_until_s.get(host, 0.0) - self.now_s()
        if left_s > 0:
            why = f"{host} wants to be left alone for {left_s:.0f} s"
            raise Unread(why, retry_after_s=left_s)

    def _pause_if_spent(self, host: str, headers: Mapping[str, str]) -> None:
        if _is_spent(headers):
            self._pause(host, headers)

    def _pause(self, host: str, headers: Mapping[str, str]) -> float:
        pause_s = min(max(self._asked_for(headers), 1.0), PAUSE_S_MAX)
        self.kept.paused_until_s[host] = self.now_s() + pause_s
        return pause_s

    def _asked_for(self, headers: Mapping[str, str]) -> float:
        after = headers.get("retry-after", "")
        reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
        if after.isdecimal():
            return float(after)
        if after:
            try:
                return parsedate_to_datetime(after).timestamp() - self.now_s()
            except ValueError:
                return PAUSE_S
        if reset.isdecimal():
            # GitHub tells a moment, others how many seconds are left.
            seconds = float(reset)
            return seconds - self.now_s() if seconds > 10**8 else seconds
        return PAUSE_S


def _is_spent(headers: Mapping[str, str]) -> bool:
    names = ("x-ratelimit-remaining", "ratelimit-remaining")
    return any(headers.get(name) == "0" for name in names)


def _headers(known: _Answer | None, authorization: str, accept: str) -> dict[str, str]:
    headers = {"accept": accept, "user-agent": "towpath-catalog"}
    if authorization:
        headers["authorization"] = authorization
    if known is not None and known.etag:
        headers["if-none-match"] = known.etag
    elif known is not None:
        headers["if-modified-since"] = known.modified
    return headers


def _authorization(name: str, secret: RawObject) -> str:
    data = data_of(secret)
    if data.get("token"):
        return f"Bearer {data['token']}"
    if data.get("password"):
        pair = f"{data.get('username', '')}:{data['password']}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    raise Refused(f"the Secret {name} has neither the key token nor the key password")
