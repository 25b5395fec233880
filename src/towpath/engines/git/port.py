"""What the platform needs of a Git host.

Reading distinguishes "it is not there" from "it could not be read": an error never looks empty.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from towpath.machinery.objects import CommitSHA

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


class PushSource(Protocol):
    def pushes(self) -> AsyncIterator[Push]:
        """Every push from now on; what happened before is found by comparing heads."""
        ...


class GitHost(GitReader, GitWriter, PushSource, Protocol):
    def clone_url(self, repository: RepositoryName) -> str:
        """The address to show and to clone from; computed, never stored."""
        ...
