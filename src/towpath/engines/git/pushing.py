"""Commits for a repository elsewhere, made in memory, and the packs that carry them there.

Pushed and not written file by file through a host's API, because an API knows no executable files,
and because every host speaks this.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dulwich.index import commit_tree
from dulwich.object_store import MemoryObjectStore, iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID
from dulwich.pack import write_pack_objects

from towpath.engines.git.objects import new_commit
from towpath.engines.git.port import File, Signature
from towpath.engines.git.wire import RefOrder, WireError, push_request
from towpath.machinery.objects import CommitSHA

_FILE, _EXECUTABLE = 0o100644, 0o100755
Entry = tuple[bytes, ObjectID, int]


@dataclass(frozen=True, slots=True)
class NewCommit:
    message: str
    author: Signature
    time_s: int


@dataclass(frozen=True, slots=True)
class Pushed:
    commit: CommitSHA
    body: bytes
    """Of POST <repository>/git-receive-pack."""


def first_push(files: Mapping[str, File], ref: str, new: NewCommit) -> Pushed:
    """The same files, words and time make the same commit."""
    store = MemoryObjectStore()
    return _pushed(store, _entries(store, files), [], RefOrder(ref, None, None), new)


def push_onto(
    pack: bytes,
    base: CommitSHA,
    changes: Mapping[str, File | None],
    order: RefOrder,
    new: NewCommit,
) -> Pushed | None:
    """One commit on top of `base`, which the pack holds; None where it would change nothing.

    A file that is there keeps its mode unless the new one is executable. Raises WireError.
    """
    store = MemoryObjectStore()
    file, commit, _ = store.add_pack()
    file.write(pack)
    commit()
    if ObjectID(base.encode()) not in store:
        raise WireError(f"it did not send the commit {base[:10]}")
    above = store[ObjectID(base.encode())]
    assert isinstance(above, Commit), "a branch is at a commit"
    present: dict[bytes, Entry] = {
        one.path: (one.path, one.sha, one.mode)
        for one in iter_tree_contents(store, above.tree)
        if one.path is not None and one.sha is not None and one.mode is not None
    }
    before, known = dict(present), set(store)
    for path in changes:
        present.pop(path.encode(), None)
    written = _entries(store, {path: file for path, file in changes.items() if file is not None})
    present |= {
        path: (path, sha, max(mode, before[path][2] if path in before else mode))
        for path, sha, mode in written
    }
    if present == before:
        return None
    return _pushed(store, list(present.values()), [base], order, new, without=known)


def _entries(store: MemoryObjectStore, files: Mapping[str, File]) -> list[Entry]:
    entries = []
    for path, file in files.items():
        blob = Blob.from_string(file.content)
        store.add_object(blob)
        entries.append((path.encode(), blob.id, _EXECUTABLE if file.executable else _FILE))
    return entries


def _pushed(
    store: MemoryObjectStore,
    entries: Sequence[Entry],
    parents: Sequence[CommitSHA],
    order: RefOrder,
    new: NewCommit,
    *,
    without: set[ObjectID] | None = None,
) -> Pushed:
    tree = commit_tree(store, entries)
    commit = new_commit(tree, parents, new.message, new.author, new.time_s)
    store.add_object(commit)
    pack = io.BytesIO()
    sent: Sequence[tuple[object, None]] = [
        (store[sha], None) for sha in store if sha not in (without or ())
    ]
    write_pack_objects(pack.write, sent, object_format=store.object_format)  # type: ignore[arg-type]
    sha = CommitSHA(commit.id.decode())
    return Pushed(sha, push_request([RefOrder(order.ref, order.old, sha)], pack.getvalue()))
