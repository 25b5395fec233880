"""The repositories of an owner on another Git host, as one place that descriptors are read from.

What a repository said is kept until its host tells of a push to it, so that a look at a thousand
repositories costs the list of them, and what has changed. A repository that cannot be read now
stays as it was, and the others are read.
"""

import asyncio
import posixpath
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from towpath.capabilities.portal.catalog.gathering import Gathered
from towpath.capabilities.portal.catalog.sources.place import (
    Missing,
    Refused,
    Unread,
    is_pattern,
    target_of,
)
from towpath.capabilities.portal.catalog.sources.web import FILE_BYTES_MAX, Web
from towpath.engines.git.hosts import HOSTS
from towpath.engines.git.hosts.port import (
    ForeignHost,
    ForeignRepository,
    HostMissing,
    HostUnread,
)
from towpath.machinery.globs import Globs
from towpath.machinery.objects import RawObject

REPOSITORIES_MAX = 10_000
AT_ONCE = 4
"""So many repositories are asked for; hosts frown on more."""
UNLISTED_MAX = 50
"""Repositories that cannot be read; with more of them none of the owner's loses anything."""
_ODD = (KeyError, TypeError, AttributeError)
"""What an answer of another shape comes to."""


@dataclass(slots=True)
class _Known:
    """What has been read of a repository in one state of it."""

    state: tuple[str, str]
    """Its branch, and what its host tells of the last push."""
    is_settled: bool
    """Whether another push would have changed the state."""
    paths: list[str] | None = None
    contents: dict[str, bytes | None] = field(default_factory=dict)
    """None: there is no such file."""


Memory = dict[str, _Known]
"""By the repository's page."""


@dataclass(slots=True)
class Organisation:
    """One look at it; `memory` is that of the looks before."""

    host: ForeignHost
    owner: str
    web: Web
    memory: Memory
    now_s: Callable[[], float] = time.time
    unlisted: dict[str, str] = field(default_factory=dict)
    """Beginnings of addresses of which it is not known which files there are, with the reason."""
    retry_after_s: float = 0.0
    _folders: list[str] = field(default_factory=list)
    _repositories: dict[str, ForeignRepository] = field(default_factory=dict)

    @classmethod
    def of(cls, source: RawObject, web: Web, memory: Memory) -> "Organisation":
        spec = source["spec"]["organisation"]
        host = HOSTS[spec["host"]]((spec.get("url") or "").rstrip("/"))
        return cls(host, spec["owner"].strip("/"), web, memory)

    @property
    def address(self) -> str:
        """What the addresses of all its files begin with."""
        return f"url:{self.host.page(self.owner)}/"

    def holds(self, address: str) -> bool:
        """Hosts write an owner as the owner does, whatever letters the source has."""
        return address.lower().startswith(self.address.lower())

    async def files(self, source: RawObject, path: str) -> list[str]:
        """The addresses of the descriptors, of all repositories that the source is about."""
        try:
            chosen = await self._chosen(source["spec"]["organisation"])
        except (HostMissing, HostUnread, Unread) as error:
            self._not_listed(self.address, error)
            return []
        except _ODD as error:
            odd = f"{self.host.page(self.owner)} is not told of as its API describes: {error!r}"
            self._not_listed(self.address, HostUnread(odd))
            return []
        self._folders = sorted(f"url:{self.host.folder(one)}" for one in chosen)
        self._repositories = {f"url:{self.host.folder(one)}": one for one in chosen}
        pages = {one.page for one in chosen}
        for gone in self.memory.keys() - pages:
            del self.memory[gone]
        turns = asyncio.Semaphore(AT_ONCE)

        async def of(repository: ForeignRepository) -> list[str]:
            async with turns:
                return await self._files(repository, path)

        found = await asyncio.gather(*(of(one) for one in chosen))
        return [address for addresses in found for address in addresses]

    def told(self, gathered: Gathered) -> Gathered:
        """With what could not be listed."""
        retry_after_s = max(self.retry_after_s, gathered.retry_after_s)
        return replace(gathered, unlisted=self.unlisted, retry_after_s=retry_after_s)

    async def read(self, address: str) -> bytes:
        repository, path = self._split(address)
        if repository is None:
            return await self.web.read(address)
        content = await self._content(repository, path)
        if content is None:
            raise Missing(f"{repository.page} has no {path}")
        if len(content) > FILE_BYTES_MAX:
            raise Refused(f"{path} of {repository.page} is larger than {FILE_BYTES_MAX} bytes")
        return content

    async def expand(self, address: str) -> list[str]:
        repository, path = self._split(address)
        if repository is None or not is_pattern(path):
            return [address]
        return await self._matching(repository, path)

    def resolve(self, base: str, target: str, kind: str = "") -> str:
        repository, path = self._split(base)
        if repository is None or target.startswith(("https://", "http://")):
            there, _ = self._split(f"url:{target}")
            return f"url:{target}" if there else self.web.resolve(base, target, kind)
        if target.startswith("/"):
            joined = posixpath.normpath(target).lstrip("/")
        else:
            joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if joined.startswith(".."):
            raise Refused(f"{target} is outside of {repository.page}")
        return f"url:{self.host.folder(repository)}{joined}"

    def _not_listed(self, beginning: str, error: Exception) -> None:
        if len(self.unlisted) >= UNLISTED_MAX:
            beginning = self.address
        self.unlisted[beginning] = str(error)
        if isinstance(error, Unread):
            self.retry_after_s = max(self.retry_after_s, error.retry_after_s)

    async def _chosen(self, spec: RawObject) -> list[ForeignRepository]:
        names, without = Globs(spec.get("repositories") or ["**"]), Globs(spec.get("exclude") or ())
        topics = set(spec.get("topics") or ())
        found: dict[str, ForeignRepository] = {}
        seen = 0
        async for one in self.host.repositories(self.web.ask, self.owner):
            seen += 1
            if seen > REPOSITORIES_MAX:
                raise HostUnread(f"{self.owner} has more than {REPOSITORIES_MAX} repositories")
            if (
                one.branch
                and (spec.get("archived") or not one.archived)
                and (spec.get("forks") or not one.fork)
                and (not topics or topics & set(one.topics))
                and names.match(one.name)
                and not without.match(one.name)
            ):
                found[one.page] = one
        return list(found.values())

    async def _files(self, repository: ForeignRepository, path: str) -> list[str]:
        try:
            if is_pattern(path):
                return await self._matching(repository, path)
            # Asked for here, where several are asked at once; a host without it is no error.
            if await self._content(repository, path) is None:
                return []
        except Unread as error:
            self._not_listed(f"url:{self.host.folder(repository)}", error)
            return []
        return [f"url:{self.host.folder(repository)}{path}"]

    async def _matching(self, repository: ForeignRepository, pattern: str) -> list[str]:
        known = self._known(repository)
        if known.paths is None:
            try:
                known.paths = sorted(await self.host.paths(self.web.ask, repository))
            except (HostUnread, *_ODD) as error:
                raise Unread(f"{repository.page}: {error}") from error
        chosen, folder = Globs([pattern]), self.host.folder(repository)
        return [f"url:{folder}{one}" for one in known.paths if chosen.match(one)]

    async def _content(self, repository: ForeignRepository, path: str) -> bytes | None:
        known = self._known(repository)
        if path not in known.contents:
            try:
                content = await self.host.content(self.web.ask, repository, path)
            except HostMissing:
                known.contents[path] = None
            except HostUnread as error:
                raise Unread(str(error)) from error
            else:
                known.contents[path] = content
        return known.contents[path]

    def _known(self, repository: ForeignRepository) -> _Known:
        state = (repository.branch, repository.changed)
        known = self.memory.get(repository.page)
        if known is not None and known.state == state:
            return known
        changed_s = repository.changed_s
        quiet_s = 0.0 if changed_s is None else self.now_s() - changed_s
        new = _Known(state, changed_s is not None and quiet_s > self.host.settles_s)
        self.memory[repository.page] = new
        return new

    def forget_unsettled(self) -> None:
        """After a look: what could have changed by the next one without the host telling so."""
        for page in [page for page, known in self.memory.items() if not known.is_settled]:
            del self.memory[page]

    def _split(self, address: str) -> tuple[ForeignRepository | None, str]:
        """The repository that an address is in, and the path there."""
        place = bisect_right(self._folders, address) - 1
        if place < 0 or not address.startswith(self._folders[place]):
            return None, target_of(address)
        folder = self._folders[place]
        return self._repositories[folder], address.removeprefix(folder)
