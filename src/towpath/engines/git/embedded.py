"""The embedded Git host: bare repositories in a folder, written in process, served by real git.

    folders   where repositories lie and whose they are
    refs      branch heads, moved by compare-and-swap
    objects   commits and trees, with dulwich
    merging   three-way merges, by git itself
    pushes    who hears of moved refs
    children  git as a child process
    http      smart HTTP on all of it

Writers of one repository wait for each other here; git's own lock files and expected commits keep
it valid if another writer ever comes. Objects are durable before the ref moves, so a kill at any
time leaves the old commit or the new one. Packs are gathered by `git gc` now and then, in the
background, one repository at a time; it keeps unreferenced objects for git's usual two weeks, so
that it cannot race with a push.
"""

import asyncio
import logging
import threading
import uuid
import weakref
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import anyio
import anyio.to_thread

from towpath.engines.git.children import GitChildren, unpack
from towpath.engines.git.folders import Folders, Ownership, sweep_locks
from towpath.engines.git.http import SmartHttp
from towpath.engines.git.merging import drop_ref, merge_trees, sides_of
from towpath.engines.git.port import (
    MAIN,
    Change,
    Commit,
    File,
    GitUnavailable,
    Merge,
    Push,
    RepositoryName,
    RepositoryNotFound,
    Signature,
    StaleCommit,
    TreeSHA,
)
from towpath.engines.git.pushes import PushBoard
from towpath.engines.git.refs import list_refs, read_ref, swap_ref
from towpath.machinery.objects import CommitSHA
from towpath.machinery.users import Authenticate, Authorize

if TYPE_CHECKING:
    from towpath.engines.git.objects import Objects, TreeCache

log = logging.getLogger(__name__)

T = TypeVar("T")

PUSH_BYTES_MAX = 512 * 2**20
_GC_AFTER_WRITES = 100
_GC_WAITING_MAX = 64
_GC_TIMEOUT_S = 600.0
_THREADS = 4
_OPEN_MAX = 64


async def _always(project: str) -> bool:
    return True


class EmbeddedGitHost:
    """A GitHost on a folder. `app` is its ASGI app, for every path below /git/.

    Works as soon as it is made; `async with` adds what a long life needs: the sweep of an earlier
    life's leftovers, and `git gc`.
    """

    def __init__(
        self,
        root: Path,
        base_url: Callable[[], str],
        authenticate: Authenticate,
        authorize: Authorize,
        *,
        git: str = "git",
        push_bytes_max: int = PUSH_BYTES_MAX,
        reserved: Collection[str] = (),
        is_project: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        """A repository is made by pushing to it, where there is such a project.

        `reserved`: names that only the platform gives.
        """
        self.reserved = frozenset(reserved)
        self.is_project = is_project or _always
        self.folders = Folders(root.absolute())
        self.board = PushBoard()
        self.children = GitChildren(self.folders.root, push_bytes_max, git)
        self.app = SmartHttp(self, authenticate, authorize, push_bytes_max=push_bytes_max)
        self._base_url = base_url
        self._cache: TreeCache | None = None
        self._open: dict[Path, Objects] = {}
        self._opening = threading.Lock()
        self._swept: set[Path] = set()
        self._locks: weakref.WeakValueDictionary[RepositoryName, asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )
        self._threads = anyio.CapacityLimiter(_THREADS)
        self._writes: dict[RepositoryName, int] = {}
        self._for_gc: asyncio.Queue[RepositoryName] = asyncio.Queue(_GC_WAITING_MAX)
        self._running = AsyncExitStack()
        self.folders.prepare()
        self.children.prepare()

    async def __aenter__(self) -> Self:
        tasks = await self._running.enter_async_context(asyncio.TaskGroup())
        gc = tasks.create_task(self._collect_garbage())
        self._running.callback(gc.cancel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.board.close()
        await self._running.aclose()
        for objects in self._open.values():
            objects.close()
        self._open.clear()

    def clone_url(self, repository: RepositoryName) -> str:
        return f"{self._base_url()}/git/{repository.project}/{repository.name}.git"

    def pushes(self) -> AsyncIterator[Push]:
        return self.board.listen()

    async def head(self, repository: RepositoryName, ref: str = MAIN) -> CommitSHA | None:
        return await self._in_thread(lambda: read_ref(self.folders.existing(repository), ref))

    async def heads(self, repository: RepositoryName) -> dict[str, CommitSHA]:
        return await self._in_thread(lambda: self.refs(repository, "refs/heads/"))

    async def files(
        self, repository: RepositoryName, commit: CommitSHA, path: str = ""
    ) -> dict[str, File]:
        return await self._in_thread(lambda: self._objects(repository).files(commit, path))

    async def file(self, repository: RepositoryName, commit: CommitSHA, path: str) -> File | None:
        return await self._in_thread(lambda: self._objects(repository).file(commit, path))

    async def commit(self, repository: RepositoryName, commit: CommitSHA) -> Commit:
        return await self._in_thread(lambda: self._objects(repository).commit(commit))

    async def history(
        self,
        repository: RepositoryName,
        commit: CommitSHA,
        *,
        without: CommitSHA | None = None,
        limit: int = 100,
    ) -> list[Commit]:
        return await self._in_thread(
            lambda: self._objects(repository).history(commit, without, limit)
        )

    async def changes(
        self,
        repository: RepositoryName,
        old: CommitSHA | None,
        new: CommitSHA,
        path: str = "",
    ) -> list[Change]:
        return await self._in_thread(lambda: self._objects(repository).changes(old, new, path))

    async def repositories(self, project: str = "") -> list[RepositoryName]:
        return await self._in_thread(lambda: self.folders.names(project))

    async def create(
        self, repository: RepositoryName, *, owner_uid: str, protected: bool = False
    ) -> None:
        async with self._lock(repository):
            ownership = Ownership(owner_uid, protected)
            await self._in_thread(lambda: self.folders.create(repository, ownership))

    async def write(
        self,
        repository: RepositoryName,
        changes: Mapping[str, File | None],
        *,
        message: str,
        author: Signature,
        expected: CommitSHA | None,
        ref: str = MAIN,
    ) -> CommitSHA:
        def store() -> CommitSHA | None:
            place = self.folders.existing(repository)
            current = read_ref(place, ref)
            if current != expected:
                raise StaleCommit(
                    f"{repository} {ref} is at {current or 'no commit'}, not at {expected}"
                )
            objects = self._objects(repository)
            new = objects.write(expected, changes, message=message, author=author)
            if new is not None:
                swap_ref(place, ref, expected, new)
            return new

        async with self.writing(repository):
            new = await self._in_thread(store)
            if new is None:
                assert expected is not None, "an empty branch always gets a first commit"
                return expected
            self.announce([Push(repository, ref, expected, new, author.name)])
            return new

    async def snapshot(self, repository: RepositoryName, files: Mapping[str, File]) -> TreeSHA:
        return await self._in_thread(lambda: self._objects(repository).snapshot(files))

    async def merge(
        self,
        repository: RepositoryName,
        *,
        base: TreeSHA,
        ours: TreeSHA,
        theirs: TreeSHA,
        names: tuple[str, str],
    ) -> Merge:
        place = await self._in_thread(lambda: self.folders.existing(repository))
        sides = await self._in_thread(
            lambda: sides_of(self._objects(repository), base, ours, theirs)
        )
        draft = self.folders.temporary / f"{uuid.uuid4().hex}.merge"
        return await merge_trees(self.children, place, draft, sides, names)

    async def commit_tree(
        self,
        repository: RepositoryName,
        tree: TreeSHA,
        parents: Sequence[CommitSHA],
        *,
        message: str,
        author: Signature,
    ) -> CommitSHA:
        return await self._in_thread(
            lambda: self._objects(repository).commit_tree(
                tree, parents, message=message, author=author
            )
        )

    async def move(
        self,
        repository: RepositoryName,
        ref: str,
        *,
        expected: CommitSHA | None,
        new: CommitSHA | None,
        author: Signature,
    ) -> None:
        if expected == new:
            return
        async with self.writing(repository):
            place = await self._in_thread(lambda: self.folders.existing(repository))
            if new is not None:
                await self._in_thread(lambda: swap_ref(place, ref, expected, new))
            elif expected is not None:
                await drop_ref(self.children, place, ref, expected)
            self.announce([Push(repository, ref, expected, new, author.name)])

    async def pack(
        self,
        repository: RepositoryName,
        wanted: CommitSHA,
        without: Sequence[CommitSHA],
    ) -> bytes:
        return await self._in_thread(lambda: self._objects(repository).pack(wanted, without))

    async def unpack(self, repository: RepositoryName, pack: bytes) -> None:
        async with self.writing(repository):
            place = await self._in_thread(lambda: self.folders.existing(repository))
            await unpack(self.children, place, self.folders.temporary, pack)

    async def archive(self, repository: RepositoryName, *, owner_uid: str) -> None:
        def put_aside(place: Path) -> None:
            self.folders.put_aside(repository, place, owner_uid)

        await self._take_away(repository, owner_uid, put_aside)

    async def delete(self, repository: RepositoryName, *, owner_uid: str) -> None:
        await self._take_away(repository, owner_uid, self.folders.remove)

    # What the HTTP side uses besides the port.

    @asynccontextmanager
    async def writing(self, repository: RepositoryName) -> AsyncIterator[None]:
        """Wait for other writers of the repository; the first one sweeps a crash's leftovers."""
        async with self._lock(repository):
            place = await self._in_thread(lambda: self.folders.existing(repository))
            if place not in self._swept:
                await self._in_thread(lambda: sweep_locks(place))
                self._swept.add(place)
            yield

    def after_kill(self, repository: RepositoryName) -> None:
        """A git child was killed: the next writer sweeps first."""
        self._swept.discard(self.folders.place_of(repository))

    async def all_refs(self, repository: RepositoryName) -> dict[str, CommitSHA]:
        return await self._in_thread(lambda: self.refs(repository))

    async def ownership(self, repository: RepositoryName) -> Ownership:
        return await self._in_thread(
            lambda: self.folders.ownership(self.folders.existing(repository))
        )

    def refs(self, repository: RepositoryName, prefix: str = "refs/") -> dict[str, CommitSHA]:
        return list_refs(self.folders.existing(repository), prefix)

    def announce(self, pushes: Iterable[Push]) -> None:
        for push in pushes:
            self.board.announce([push])
            self._count_write(push.repository)

    def _lock(self, repository: RepositoryName) -> asyncio.Lock:
        lock = self._locks.get(repository)
        if lock is None:
            lock = self._locks[repository] = asyncio.Lock()
        return lock

    def _objects(self, repository: RepositoryName) -> "Objects":
        """The repository's open store; of many, the least recently opened are closed."""
        # With the first repository: a start opens the ports before.
        from towpath.engines.git.objects import Objects, TreeCache

        place = self.folders.existing(repository)
        with self._opening:
            self._cache = self._cache or TreeCache()
            objects = self._open.get(place)
            if objects is None:
                objects = self._open[place] = Objects(place, self._cache)
                while len(self._open) > _OPEN_MAX:
                    self._open.pop(next(iter(self._open))).close()
            return objects

    async def _take_away(
        self, repository: RepositoryName, owner_uid: str, take: Callable[[Path], None]
    ) -> None:
        """No-op unless this owner's repository has the name. Listeners hear that its refs went."""

        def take_away() -> dict[str, CommitSHA]:
            try:
                place = self.folders.existing(repository)
            except RepositoryNotFound:
                return {}
            if self.folders.ownership(place).owner_uid != owner_uid:
                return {}
            gone = self.refs(repository)
            with self._opening:
                objects = self._open.pop(place, None)
            if objects is not None:
                objects.close()
            take(place)
            self._swept.discard(place)
            return gone

        async with self._lock(repository):
            gone = await self._in_thread(take_away)
            self.announce(Push(repository, ref, old, None, "") for ref, old in gone.items())

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking work; errors of the disk that nobody has named become GitUnavailable."""
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._threads)
        except OSError as error:
            raise GitUnavailable(f"The Git host's disk answered: {error}") from error

    def _count_write(self, repository: RepositoryName) -> None:
        count = self._writes.get(repository, 0) + 1
        self._writes[repository] = count
        if count >= _GC_AFTER_WRITES and not self._for_gc.full():
            self._writes[repository] = 0
            self._for_gc.put_nowait(repository)

    async def _collect_garbage(self) -> None:
        while True:
            repository = await self._for_gc.get()
            try:
                await self.collect_garbage(repository)
            except (GitUnavailable, RepositoryNotFound, TimeoutError) as error:
                log.warning("git gc failed", extra={"repository": str(repository), "why": error})

    async def collect_garbage(self, repository: RepositoryName) -> None:
        """Gather loose objects and small packs into one; readers and writers go on meanwhile."""
        place = await self._in_thread(lambda: self.folders.existing(repository))
        arguments = ["-C", str(place), "gc", "--quiet"]
        async with (
            asyncio.timeout(_GC_TIMEOUT_S),
            self.children.start(arguments, stdin=asyncio.subprocess.DEVNULL) as child,
        ):
            async for _ in child.chunks():
                pass
            if await child.wait() != 0:
                raise GitUnavailable(f"git gc of {repository} failed: {child.complaints()}")
