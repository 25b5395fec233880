"""Repositories that the platform hosts: each is read at one commit, which a reading stays with."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field

from towpath.capabilities.portal.catalog.sources.place import (
    Missing,
    Refused,
    Unread,
    is_pattern,
    target_of,
)
from towpath.engines.git.port import (
    File,
    GitReader,
    GitUnavailable,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
)
from towpath.machinery.globs import Globs
from towpath.machinery.objects import CommitSHA

TYPE = "towpath-git"
FILE_BYTES_MAX = 4 * 2**20


@dataclass(slots=True)
class HostedGit:
    """The files of one commit per repository, for as long as this object lives: one reading."""

    git: GitReader
    may_read: Callable[[str], bool]
    """Whether a project's repositories may be read from here."""
    commits: dict[RepositoryName, CommitSHA] = field(default_factory=dict)
    _files: dict[RepositoryName, dict[str, File]] = field(default_factory=dict)

    async def read(self, address: str) -> bytes:
        repository, path = split(address)
        file = (await self._of(repository)).get(path)
        if file is None:
            raise Missing(f"{repository} has no {path}")
        if len(file.content) > FILE_BYTES_MAX:
            raise Refused(f"{path} of {repository} is larger than {FILE_BYTES_MAX} bytes")
        return file.content

    async def expand(self, address: str) -> list[str]:
        repository, path = split(address)
        if not is_pattern(path):
            return [address]
        chosen = Globs([path])
        return [
            address_of(repository, name)
            for name in sorted(await self._of(repository))
            if chosen.match(name)
        ]

    def resolve(self, base: str, target: str, kind: str = "") -> str:
        del kind
        repository, path = split(base)
        if target.startswith("/"):
            joined = posixpath.normpath(target).lstrip("/")
        else:
            joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if joined.startswith(".."):
            raise Refused(f"{target} is outside of {repository}")
        return address_of(repository, joined)

    async def _of(self, repository: RepositoryName) -> dict[str, File]:
        if not self.may_read(repository.project):
            raise Refused(f"{repository} belongs to another project")
        if repository in self._files:
            return self._files[repository]
        try:
            commit = self.commits.get(repository) or await self.git.head(repository)
            found = {} if commit is None else await self.git.files(repository, commit)
        except (RepositoryNotFound, PathNotFound):
            raise Missing(f"there is no repository {repository}") from None
        except GitUnavailable as error:
            raise Unread(f"{repository}: {error}") from error
        if commit is not None:
            self.commits[repository] = commit
        self._files[repository] = found
        return found


def address_of(repository: RepositoryName, path: str) -> str:
    return f"{TYPE}:{repository}/{path}"


def split(address: str) -> tuple[RepositoryName, str]:
    project, _, rest = target_of(address).partition("/")
    name, _, path = rest.partition("/")
    if not (project and name and path):
        raise Refused(f"{address} is not of the form {TYPE}:<project>/<repository>/<path>")
    return RepositoryName(project, name), path
