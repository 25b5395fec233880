"""Commits, trees and blobs of a bare repository, read and written in process with dulwich.

One store per repository is kept open, guarded by a lock, because opening packs is what costs.
Trees are cached by their id, which is a hash of their content. New objects are on disk, synced,
before anything may refer to them. Everything here blocks: call it in a thread.
"""

import io
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from dulwich.diff_tree import tree_changes
from dulwich.object_store import DiskObjectStore, MissingObjectFinder
from dulwich.objects import Blob, ObjectID, ShaFile, Tree, TreeEntry
from dulwich.objects import Commit as DulwichCommit
from dulwich.pack import write_pack_objects
from dulwich.walk import Walker

from towpath.engines.git.port import (
    Change,
    Commit,
    File,
    GitError,
    GitUnavailable,
    PathNotFound,
    Signature,
    TreeSHA,
)
from towpath.files import sync_folder
from towpath.machinery.objects import CommitSHA

_FILE, _EXECUTABLE, _FOLDER = 0o100644, 0o100755, 0o040000
_LOOSE_MAX = 16
"""More new objects than this are written as one pack: two syncs instead of one each."""
_HISTORIES_MAX = 256
_FILES_BYTES_MAX = 256 * 2**20


@dataclass(slots=True)
class TreeCache:
    """Files of whole trees by tree id, least recently used first, bounded in bytes."""

    bytes_max: int = 32 * 2**20
    _trees: OrderedDict[bytes, tuple[dict[str, File], int]] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, tree: bytes) -> dict[str, File] | None:
        with self._lock:
            found = self._trees.get(tree)
            if found is None:
                return None
            self._trees.move_to_end(tree)
            return found[0]

    def put(self, tree: bytes, files: dict[str, File]) -> None:
        size = sum(len(path) + len(file.content) + 200 for path, file in files.items())
        if size > self.bytes_max // 4:
            return
        with self._lock:
            if tree in self._trees:
                return
            self._trees[tree] = files, size
            self._bytes += size
            while self._bytes > self.bytes_max:
                _, (_, freed) = self._trees.popitem(last=False)
                self._bytes -= freed


class Objects:
    """The object store of one repository."""

    def __init__(self, place: Path, cache: TreeCache) -> None:
        self._place = place
        self._cache = cache
        self._store = DiskObjectStore(place / "objects", fsync_object_files=True)
        self._lock = threading.Lock()
        # What is behind a commit never changes, and pages ask for the same again and again.
        self._histories: OrderedDict[tuple[str, str | None, int], list[Commit]] = OrderedDict()

    def close(self) -> None:
        with self._lock:
            self._store.close()

    def commit(self, sha: CommitSHA) -> Commit:
        with self._reading(sha):
            return _told(self._commit(sha))

    def history(self, sha: CommitSHA, without: CommitSHA | None, limit: int) -> list[Commit]:
        with self._reading(sha):
            asked = sha, without, limit
            if asked not in self._histories:
                excluded = [ObjectID(without.encode())] if without else []
                start = [ObjectID(sha.encode())]
                walker = Walker(self._store, start, exclude=excluded, max_entries=limit)
                self._histories[asked] = [_told(entry.commit) for entry in walker]
                while len(self._histories) > _HISTORIES_MAX:
                    self._histories.popitem(last=False)
            return list(self._histories[asked])

    def pack(self, wanted: CommitSHA, without: Sequence[CommitSHA]) -> bytes:
        with self._reading(wanted):
            known = [ObjectID(one.encode()) for one in without]
            haves = [one for one in known if one in self._store]
            missing = MissingObjectFinder(self._store, haves, [ObjectID(wanted.encode())])
            pack = io.BytesIO()
            objects = [(self._store[sha], None) for sha, _ in missing]
            form = self._store.object_format
            write_pack_objects(pack.write, objects, object_format=form)  # type: ignore[arg-type]
            return pack.getvalue()

    def changes(self, old: CommitSHA | None, new: CommitSHA, path: str) -> list[Change]:
        """Regular files only; a folder that is missing on one side is an empty one."""
        with self._reading(new):
            before = self._folder(self._commit(old).tree, path) if old else None
            after = self._folder(self._commit(new).tree, path)
            found = tree_changes(
                self._store,
                ObjectID(before) if before else None,
                ObjectID(after) if after else None,
                change_type_same=True,
            )
            changes = [self._change(one.old, one.new) for one in found]
            return sorted(changes, key=lambda change: change.path)

    def _change(self, old: TreeEntry | None, new: TreeEntry | None) -> Change:
        named = old if new is None or new.path is None else new
        assert named is not None and named.path is not None, "a change has a side"
        path = named.path.decode("utf-8", "surrogateescape")
        return Change(path, self._content(old), self._content(new))

    def _content(self, entry: TreeEntry | None) -> bytes | None:
        if entry is None or entry.sha is None or entry.mode is None or not S_ISREG(entry.mode):
            return None
        return self._store[entry.sha].as_raw_string()

    def files(self, sha: CommitSHA, path: str) -> dict[str, File]:
        """Regular files only: symbolic links and submodules are left out."""
        with self._reading(sha):
            tree = self._folder(self._commit(sha).tree, path)
            if tree is None:
                raise PathNotFound(f"There is no folder {path!r} in commit {sha[:10]}")
            files = self._cache.get(tree)
            if files is None:
                files = dict(self._files_below(tree))
                self._cache.put(tree, files)
            return dict(files)

    def file(self, sha: CommitSHA, path: str) -> File | None:
        folder, _, name = path.strip("/").rpartition("/")
        with self._reading(sha):
            tree = self._folder(self._commit(sha).tree, folder)
            if tree is None:
                return None
            for entry, mode, blob in self._tree(tree).iteritems():
                if entry == name.encode() and S_ISREG(mode):
                    content = self._store[blob].as_raw_string()
                    return File(content, executable=bool(mode & 0o100))
            return None

    def write(
        self,
        base: CommitSHA | None,
        changes: Mapping[str, File | None],
        *,
        message: str,
        author: Signature,
    ) -> CommitSHA | None:
        """Store a commit with `changes` on top of `base`; None when they make no difference."""
        for path in changes:
            _check_path(path)
        with self._reading(base or CommitSHA("")):
            old_tree = self._commit(base).tree if base else None
            new: dict[bytes, ShaFile] = {}
            tree = self._changed_tree(old_tree, changes, new)
            if tree is None:
                empty = Tree()
                new[empty.id] = empty
                tree = empty.id
            if tree == old_tree:
                return None
            commit = new_commit(tree, [base] if base else [], message, author)
            self._add([*new.values(), commit])
            return CommitSHA(commit.id.decode())

    def snapshot(self, files: Mapping[str, File]) -> TreeSHA:
        """A tree with exactly these files."""
        for path in files:
            _check_path(path)
        with self._reading(CommitSHA("")):
            new: dict[bytes, ShaFile] = {}
            tree = self._changed_tree(None, files, new)
            if tree is None:
                empty = Tree()
                new[empty.id] = empty
                tree = empty.id
            self._add(new.values())
            return TreeSHA(tree.decode())

    def commit_tree(
        self,
        tree: TreeSHA,
        parents: Sequence[CommitSHA],
        *,
        message: str,
        author: Signature,
        time_s: int | None = None,
    ) -> CommitSHA:
        with self._reading(CommitSHA(tree)):
            self._tree(tree.encode())
            commit = new_commit(tree.encode(), parents, message, author, time_s)
            self._add([commit])
            return CommitSHA(commit.id.decode())

    @contextmanager
    def _reading(self, sha: CommitSHA) -> Iterator[None]:
        """Hold the lock; whatever dulwich and the disk can raise becomes GitUnavailable."""
        with self._lock:
            try:
                yield
            except GitError:
                raise
            except KeyError as error:
                raise GitUnavailable(
                    f"Commit {sha[:10] or 'none'} or a part of it is not in {self._place.name}"
                ) from error
            except Exception as error:
                raise GitUnavailable(
                    f"{self._place.name} could not be read or written: {error}"
                ) from error

    def _commit(self, sha: CommitSHA) -> DulwichCommit:
        found = self._store[ObjectID(sha.encode())]
        if not isinstance(found, DulwichCommit):
            raise GitUnavailable(f"{sha[:10]} is not a commit in {self._place.name}")
        return found

    def _tree(self, tree_id: bytes) -> Tree:
        found = self._store[ObjectID(tree_id)]
        if not isinstance(found, Tree):
            raise GitUnavailable(f"A tree of {self._place.name} is damaged")
        return found

    def _folder(self, tree_id: bytes, path: str) -> bytes | None:
        for part in path.strip("/").split("/") if path.strip("/") else ():
            tree = self._tree(tree_id)
            found = {name: (mode, sha) for name, mode, sha in tree.iteritems()}
            mode, sha = found.get(part.encode(), (0, tree.id))
            if not S_ISDIR(mode):
                return None
            tree_id = sha
        return tree_id

    def _files_below(self, tree_id: bytes) -> Iterator[tuple[str, File]]:
        size = 0
        waiting = [("", tree_id)]
        while waiting:
            prefix, folder = waiting.pop()
            for name, mode, sha in self._tree(folder).iteritems():
                path = prefix + name.decode("utf-8", "surrogateescape")
                if S_ISDIR(mode):
                    waiting.append((f"{path}/", sha))
                elif S_ISREG(mode):
                    content = self._store[sha].as_raw_string()
                    size += len(content)
                    if size > _FILES_BYTES_MAX:
                        raise GitUnavailable(
                            f"The files of {self._place.name} are more than can be read at once"
                        )
                    yield path, File(content, executable=bool(mode & 0o100))

    def _changed_tree(
        self,
        tree_id: bytes | None,
        changes: Mapping[str, File | None],
        new: dict[bytes, ShaFile],
    ) -> bytes | None:
        """The tree with the changes made, None when nothing is left in it."""
        entries: dict[bytes, tuple[int, bytes]] = {}
        if tree_id is not None:
            for name, mode, known in self._tree(tree_id).iteritems():
                entries[name] = mode, known
        below: dict[bytes, dict[str, File | None]] = {}
        for path, file in changes.items():
            first, slash, rest = path.partition("/")
            key = first.encode("utf-8", "surrogateescape")
            if slash:
                below.setdefault(key, {})[rest] = file
            elif file is None:
                entries.pop(key, None)
            else:
                blob = Blob.from_string(file.content)
                new[blob.id] = blob
                entries[key] = (_EXECUTABLE if file.executable else _FILE), blob.id
        for name, changes_below in below.items():
            mode, sha = entries.get(name, (0, b""))
            subtree = self._changed_tree(sha if S_ISDIR(mode) else None, changes_below, new)
            if subtree is not None:
                entries[name] = _FOLDER, subtree
            elif S_ISDIR(mode):
                del entries[name]
        if not entries:
            return None
        tree = Tree()
        for name, (mode, sha) in entries.items():
            tree.add(name, mode, ObjectID(sha))
        new[tree.id] = tree
        return tree.id

    def _add(self, objects: Iterable[ShaFile]) -> None:
        missing = [item for item in objects if item.id not in self._store]
        if len(missing) > _LOOSE_MAX:
            self._store.add_objects([(item, None) for item in missing])
            sync_folder(self._place / "objects" / "pack")
            return
        folders = {self._place / "objects"}
        for item in missing:
            self._store.add_object(item)
            folders.add(self._place / "objects" / item.id[:2].decode())
        for folder in folders:
            sync_folder(folder)


def _told(commit: DulwichCommit) -> Commit:
    return Commit(
        sha=CommitSHA(commit.id.decode()),
        author=_parse_signature(commit.author),
        message=commit.message.decode("utf-8", "replace"),
        time_s=commit.commit_time,
        parents=tuple(CommitSHA(parent.decode()) for parent in commit.parents),
        tree=TreeSHA(commit.tree.decode()),
    )


def _check_path(path: str) -> None:
    parts = path.split("/")
    if "\0" in path or any(
        part in ("", ".", "..") or part.lower() in (".git", "git~1") for part in parts
    ):
        raise GitError(f"{path!r} cannot be a file in a repository")


def new_commit(
    tree: bytes,
    parents: Sequence[CommitSHA],
    message: str,
    author: Signature,
    time_s: int | None = None,
) -> DulwichCommit:
    commit = DulwichCommit()
    commit.tree = ObjectID(tree)
    commit.parents = [ObjectID(parent.encode()) for parent in parents]
    commit.author = commit.committer = _signature_bytes(author)
    commit.author_time = commit.commit_time = int(time.time()) if time_s is None else time_s
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = (message.rstrip("\n") + "\n").encode()
    return commit


def _signature_bytes(signature: Signature) -> bytes:
    name, email = (
        "".join(" " if char in "<>\n\r\0" else char for char in text).strip() or "unknown"
        for text in (signature.name, signature.email)
    )
    return f"{name} <{email}>".encode()


def _parse_signature(raw: bytes) -> Signature:
    name, _, rest = raw.decode("utf-8", "replace").partition("<")
    return Signature(name.strip(), rest.partition(">")[0])
