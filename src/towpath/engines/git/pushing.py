"""The first commit of a repository elsewhere, as one request of Git's smart HTTP.

Pure: what is sent is bytes, and who sends them has its own care for addresses. Pushed and not
written file by file through a host's API, because an API knows no executable files, and because
every host speaks this.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dulwich.index import commit_tree
from dulwich.object_store import MemoryObjectStore
from dulwich.objects import Blob
from dulwich.pack import write_pack_objects

from towpath.engines.git.objects import new_commit
from towpath.engines.git.port import File, Signature
from towpath.machinery.objects import CommitSHA

REQUEST_TYPE = "application/x-git-receive-pack-request"
ANSWER_TYPE = "application/x-git-receive-pack-result"

_FILE, _EXECUTABLE = 0o100644, 0o100755
_NOTHING = "0" * 40
_ERROR_SHOWN_MAX = 300


@dataclass(frozen=True, slots=True)
class FirstPush:
    commit: CommitSHA
    body: bytes
    """Of POST <repository>.git/git-receive-pack."""


def first_push(
    files: Mapping[str, File], *, branch: str, message: str, author: Signature, time_s: int
) -> FirstPush:
    """The same files, words and time make the same commit."""
    store = MemoryObjectStore()
    entries = []
    for path, file in files.items():
        blob = Blob.from_string(file.content)
        store.add_object(blob)
        entries.append((path.encode(), blob.id, _EXECUTABLE if file.executable else _FILE))
    tree = commit_tree(store, entries)
    commit = new_commit(tree, [], message, author, time_s)
    store.add_object(commit)
    pack = io.BytesIO()
    objects: Sequence[tuple[object, None]] = [(store[sha], None) for sha in store]
    write_pack_objects(pack.write, objects, object_format=store.object_format)  # type: ignore[arg-type]
    sha = CommitSHA(commit.id.decode())
    order = f"{_NOTHING} {sha} refs/heads/{branch}\0 report-status agent=towpath".encode()
    return FirstPush(sha, _line(order) + b"0000" + pack.getvalue())


def refusal_of(answer: bytes) -> str:
    """Why the push was not taken, "" when it was."""
    lines = [line.decode("utf-8", "replace").strip() for line in _lines(answer)]
    if "unpack ok" in lines and any(line.startswith("ok refs/heads/") for line in lines):
        return ""
    told = [line for line in lines if line.startswith(("ng ", "unpack ", "ERR ")) and line]
    return "; ".join(told)[:_ERROR_SHOWN_MAX] or "it answered nothing that Git knows"


def _line(content: bytes) -> bytes:
    return f"{len(content) + 4:04x}".encode() + content


def _lines(answer: bytes) -> list[bytes]:
    """The packets of an answer, also of one in a side band."""
    found = []
    while len(answer) >= 4:
        try:
            length = int(answer[:4], 16)
        except ValueError:
            break
        content, answer = answer[4:length], answer[max(length, 4) :]
        if content[:1] == b"\x01":
            found += _lines(content[1:])
        elif content:
            found.append(content)
    return found
