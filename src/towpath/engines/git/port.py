"""What the platform needs of a Git host.

Reading distinguishes "it is not there" from "it could not be read": an error never looks empty.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from towpath.machinery.objects import CommitSHA

TreeSHA = NewType("TreeSHA", str)
"""The id of a state of all files: equal ids, equal files."""

MAIN = "refs/heads/main"

PUSHED = "pushed"
"""The owner of a repository that a person made by pushing to it: no object's, so that none takes it
away. It goes into the archive with its project."""


@dataclass(frozen=True, slots=True, order=True)
class RepositoryName:
    """`<project>/<name>`: a repository belongs to one project."""

    project: str
    name: str

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"


@dataclass(frozen=True, slots=True)
class Signature:
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Commit:
    sha: CommitSHA
    author: Signature
    message: str
    time_s: int
    parents: tuple[CommitSHA, ...] = ()
    tree: TreeSHA = TreeSHA("")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one file: None where it was not yet, or is no more."""

    path: str
    old: bytes | None
    new: bytes | None


@dataclass(frozen=True, slots=True)
class Push:
    """A ref has moved. `old` or `new` is None where the ref did not or does not exist."""

    repository: RepositoryName
    ref: str
    old: CommitSHA | None
    new: CommitSHA | None
    pusher: str


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """One thing that git could not merge by itself."""

    path: str
    kind: str
    """In git's words: `contents`, `modify/delete`, `rename/delete`, `file location`."""
    message: str


@dataclass(frozen=True, slots=True)
class Merge:
    """What a three-way merge gave. Files in conflict hold both sides between markers."""

    tree: TreeSHA
    conflicts: tuple[MergeConflict, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    executable: bool = False


class GitError(Exception):
    """Base of what a Git host can answer; `str()` is one sentence for the user."""


class RepositoryNotFound(GitError): ...


class RepositoryTaken(GitError):
    """The name belongs to something else (another owner uid)."""


class PathNotFound(GitError): ...


class StaleCommit(GitError):
    """The branch is no longer at the commit that the writer expected."""


class GitUnavailable(GitError):
    """The repository could not be read or written; try again. Never to be read as empty."""


class GitReader(Protocol):
    async def head(self, repository: RepositoryName, ref: str = MAIN) -> CommitSHA | None:
        """The commit of a ref, None while the ref does not exist. Raises RepositoryNotFound."""
        ...

    async def files(
        self, repository: RepositoryName, commit: CommitSHA, path: str = ""
    ) -> dict[str, File]:
        """Every file below `path`, by its path relative to it. Raises PathNotFound."""
        ...

    async def file(self, repository: RepositoryName, commit: CommitSHA, path: str) -> File | None:
        """One regular file, without a look at the others; None where there is none."""
        ...

    async def commit(self, repository: RepositoryName, commit: CommitSHA) -> Commit: ...

    async def history(
        self,
        repository: RepositoryName,
        commit: CommitSHA,
        *,
        without: CommitSHA | None = None,
        limit: int = 100,
    ) -> list[Commit]:
        """A commit and what is behind it, the newest first; not what is behind `without`."""
        ...

    async def changes(
        self,
        repository: RepositoryName,
        old: CommitSHA | None,
        new: CommitSHA,
        path: str = "",
    ) -> list[Change]:
        """The files below `path` that differ, by path; `old` None stands for an empty tree."""
        ...

    async def heads(self, repository: RepositoryName) -> dict[str, CommitSHA]:
        """Every branch head, by its full ref name."""
        ...

    async def repositories(self, project: str = "") -> list[RepositoryName]:
        """All, or those of one project, by name."""
        ...


class GitWriter(Protocol):
    async def create(
        self, repository: RepositoryName, *, owner_uid: str, protected: bool = False
    ) -> None:
        """Make an empty repository, or adopt the one that this owner made before.

        People may not push to a protected repository. Raises RepositoryTaken.
        """
        ...

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
        """Commit changed files (None deletes) on top of `expected` and move the ref to it.

        Answers `expected` unchanged when the changes make no difference. Raises StaleCommit when
        the ref is elsewhere. Counts as a push by the author.
        """
        ...

    async def archive(self, repository: RepositoryName, *, owner_uid: str) -> None:
        """Put the repository aside, read-only and out of its name; no-op when there is none."""
        ...

    async def delete(self, repository: RepositoryName, *, owner_uid: str) -> None:
        """Remove it for good (undo of a create); no-op when there is none."""
        ...


class GitMerger(Protocol):
    """Branches that are proposed, made without a working copy."""

    async def snapshot(self, repository: RepositoryName, files: Mapping[str, File]) -> TreeSHA:
        """Store exactly these files; no branch knows of them."""
        ...

    async def merge(
        self,
        repository: RepositoryName,
        *,
        base: TreeSHA,
        ours: TreeSHA,
        theirs: TreeSHA,
        names: tuple[str, str],
    ) -> Merge:
        """Git's own three-way merge. `names` tell ours and theirs apart at conflict markers."""
        ...

    async def commit_tree(
        self,
        repository: RepositoryName,
        tree: TreeSHA,
        parents: Sequence[CommitSHA],
        *,
        message: str,
        author: Signature,
    ) -> CommitSHA:
        """A commit of that state, which no branch is at yet."""
        ...

    async def move(
        self,
        repository: RepositoryName,
        ref: str,
        *,
        expected: CommitSHA | None,
        new: CommitSHA | None,
        author: Signature,
    ) -> None:
        """Put a branch on another commit, or take it away (None). Raises StaleCommit.

        Counts as a push by the author.
        """
        ...


class PushSource(Protocol):
    def pushes(self) -> AsyncIterator[Push]:
        """Every push from now on; what happened before is found by comparing heads."""
        ...


class GitExchange(Protocol):
    """What is in a repository goes to another one elsewhere, and comes from there."""

    async def pack(
        self,
        repository: RepositoryName,
        wanted: CommitSHA,
        without: Sequence[CommitSHA],
    ) -> bytes:
        """Everything behind a commit that is not behind the others, as a pack of Git's."""
        ...

    async def unpack(self, repository: RepositoryName, pack: bytes) -> None:
        """Take in what a pack holds; no branch knows of it. Raises GitUnavailable."""
        ...


class GitHost(GitReader, GitWriter, GitMerger, GitExchange, PushSource, Protocol):
    def clone_url(self, repository: RepositoryName) -> str:
        """The address to show and to clone from; computed, never stored."""
        ...
