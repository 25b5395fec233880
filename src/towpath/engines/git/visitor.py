"""Reading Git as somebody: what they may not see is answered as if it did not exist.

The question to the authoriser is the one that the HTTP side asks, so that a page shows nobody more
than a clone does.
"""

from dataclasses import dataclass

from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.port import (
    MAIN,
    Change,
    Commit,
    File,
    RepositoryName,
    RepositoryNotFound,
)
from towpath.machinery.objects import CommitSHA
from towpath.machinery.users import AccessRequest, Authorize, UserInfo


@dataclass(frozen=True, slots=True)
class VisitorsGit:
    """Implements GitReader."""

    host: EmbeddedGitHost
    authorize: Authorize
    user: UserInfo

    async def head(self, repository: RepositoryName, ref: str = MAIN) -> CommitSHA | None:
        await self._check(repository)
        return await self.host.head(repository, ref)

    async def files(
        self, repository: RepositoryName, commit: CommitSHA, path: str = ""
    ) -> dict[str, File]:
        await self._check(repository)
        return await self.host.files(repository, commit, path)

    async def file(self, repository: RepositoryName, commit: CommitSHA, path: str) -> File | None:
        await self._check(repository)
        return await self.host.file(repository, commit, path)

    async def commit(self, repository: RepositoryName, commit: CommitSHA) -> Commit:
        await self._check(repository)
        return await self.host.commit(repository, commit)

    async def history(
        self,
        repository: RepositoryName,
        commit: CommitSHA,
        *,
        without: CommitSHA | None = None,
        limit: int = 100,
    ) -> list[Commit]:
        await self._check(repository)
        return await self.host.history(repository, commit, without=without, limit=limit)

    async def changes(
        self,
        repository: RepositoryName,
        old: CommitSHA | None,
        new: CommitSHA,
        path: str = "",
    ) -> list[Change]:
        await self._check(repository)
        return await self.host.changes(repository, old, new, path)

    async def heads(self, repository: RepositoryName) -> dict[str, CommitSHA]:
        await self._check(repository)
        return await self.host.heads(repository)

    async def repositories(self, project: str = "") -> list[RepositoryName]:
        found = await self.host.repositories(project)
        if project and await self._may_read_all(project):
            return found
        return [name for name in found if await self._may_read(name)]

    async def _may_read_all(self, project: str) -> bool:
        """One question instead of one for each: who may read any of a project's, reads all."""
        for resource in ("repositories", "protectedrepositories"):
            if not await self._may_get(resource, RepositoryName(project, "")):
                return False
        return True

    async def _check(self, repository: RepositoryName) -> None:
        if not await self._may_read(repository):
            raise RepositoryNotFound(f"There is no repository {repository}, or it is not yours.")

    async def _may_read(self, repository: RepositoryName) -> bool:
        """Nobody what is not there: neither words nor time tell a stranger whether there is one."""
        try:
            protected = (await self.host.ownership(repository)).protected
        except RepositoryNotFound:
            await self._may_get("repositories", repository)
            return False
        return await self._may_get(
            "protectedrepositories" if protected else "repositories", repository
        )

    async def _may_get(self, resource: str, repository: RepositoryName) -> bool:
        question = AccessRequest(
            verb="get",
            group="git.towpath.dev",
            resource=resource,
            namespace=repository.project,
            name=repository.name,
        )
        return await self.authorize(self.user, question)
