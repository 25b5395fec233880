"""Refs of a bare repository, read and moved as git itself does it: loose files over packed-refs.

Own code, because a ref that cannot be read must never look like one that is not there: every
unexpected byte or error is GitUnavailable. Everything here blocks: call it in a thread.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from towpath.engines.git.port import GitError, GitUnavailable, StaleCommit
from towpath.files import sync_folder
from towpath.machinery.objects import CommitSHA

_SHA = re.compile(r"[0-9a-f]{40}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|/$|\.$")


def check_ref(ref: str) -> None:
    """Raises GitError unless this is a full, safe branch or tag name."""
    if not ref.startswith(("refs/heads/", "refs/tags/")) or _UNSAFE.search(ref):
        raise GitError(f"{ref!r} is not the full name of a branch or tag")


def read_ref(place: Path, ref: str) -> CommitSHA | None:
    check_ref(ref)
    loose = _read_loose(place / ref)
    if loose is not None:
        return loose
    # Git deletes a loose ref only after it has written it to packed-refs: this order misses none.
    packed = _read_packed(place).get(ref)
    if packed is None and not (place / "HEAD").is_file():
        raise GitUnavailable(f"{place.name} is not a readable repository: it has no HEAD")
    return packed


def list_refs(place: Path, prefix: str = "refs/") -> dict[str, CommitSHA]:
    """Every branch and tag by its full name, in order."""
    if not (place / "HEAD").is_file():
        raise GitUnavailable(f"{place.name} is not a readable repository: it has no HEAD")
    loose: dict[str, CommitSHA] = {}
    for kind in ("refs/heads", "refs/tags"):
        for path in _files_below(place / kind):
            sha = _read_loose(path)
            if sha is not None:
                loose[path.relative_to(place).as_posix()] = sha
    refs = _read_packed(place) | loose
    return {ref: refs[ref] for ref in sorted(refs) if ref.startswith(prefix)}


def swap_ref(place: Path, ref: str, expected: CommitSHA | None, new: CommitSHA) -> None:
    """Move the ref to `new` if it is at `expected`, durably, with git's own lock file.

    Raises StaleCommit when it is elsewhere.
    """
    check_ref(ref)
    path = place / ref
    lock = path.with_name(f"{path.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError as error:
        raise StaleCommit(f"{ref} is being moved by somebody else") from error
    try:
        with os.fdopen(descriptor, "w") as file:
            current = read_ref(place, ref)
            if current != expected:
                raise StaleCommit(f"{ref} is at {current or 'no commit'}, not at {expected}")
            file.write(f"{new}\n")
            file.flush()
            os.fsync(file.fileno())
        lock.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            lock.unlink()
        raise
    sync_folder(path.parent)


def _read_loose(path: Path) -> CommitSHA | None:
    try:
        text = path.read_text("ascii").strip()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise GitUnavailable(f"The ref {path.name} could not be read: {error}") from error
    if not _SHA.fullmatch(text):
        raise GitUnavailable(f"The ref {path.name} is damaged: it holds no commit")
    return CommitSHA(text)


def _read_packed(place: Path) -> dict[str, CommitSHA]:
    try:
        text = (place / "packed-refs").read_text()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise GitUnavailable(f"packed-refs could not be read: {error}") from error
    refs: dict[str, CommitSHA] = {}
    for line in text.splitlines():
        if not line or line[0] in "#^":
            continue
        sha, _, ref = line.partition(" ")
        if not _SHA.fullmatch(sha) or not ref:
            raise GitUnavailable("packed-refs is damaged")
        refs[ref] = CommitSHA(sha)
    return refs


def _files_below(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # deleted between listing and looking
            raise GitUnavailable(f"{folder.name} could not be listed: {error}") from error

    return [
        Path(path, name)
        for path, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if not name.endswith(".lock")
    ]
