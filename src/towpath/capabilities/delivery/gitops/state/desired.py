"""What Git says an Application should be: one commit, its manifests, and a digest of them.

Every failure is an UnknownDesired with the reason; there is no way from an error to "nothing".
"""

import re
from collections import OrderedDict
from dataclasses import dataclass

from towpath.capabilities.delivery.gitops.kinds import GIT_LOGICAL_HOST
from towpath.capabilities.delivery.gitops.state.manifests import (
    Manifest,
    ManifestError,
    parse_manifests,
)
from towpath.engines.git.port import (
    MAIN,
    GitError,
    GitReader,
    GitUnavailable,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
)
from towpath.machinery.objects import CommitSHA, RawObject

CACHED_MAX = 256
_REFUSED = ("helm", "kustomize", "plugin", "chart", "ref")
_SHA = re.compile(r"[0-9a-f]{40}")


class UnknownDesired(Exception):
    """Git could not be read, or not understood; `passing`: looking again may help."""

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Source:
    repository: RepositoryName
    path: str
    revision: str
    recurse: bool


@dataclass(frozen=True, slots=True)
class Desired:
    revision: CommitSHA
    manifests: tuple[Manifest, ...]


def source_of(spec: RawObject) -> Source:
    """Raises UnknownDesired for what this engine does not read."""
    if spec.get("sources"):
        raise UnknownDesired("spec.sources is not implemented by the embedded engine; use source")
    source = spec.get("source")
    if not source:
        raise UnknownDesired("spec.source is missing")
    for name in _REFUSED:
        if source.get(name):
            raise UnknownDesired(
                f"spec.source.{name} is not implemented by the embedded engine; commit plain "
                "manifests"
            )
    return Source(
        repository=repository_of(source["repoURL"]),
        path=(source.get("path") or "").strip("/").removeprefix("./"),
        revision=source.get("targetRevision") or "HEAD",
        recurse=bool((source.get("directory") or {}).get("recurse")),
    )


def repository_of(url: str) -> RepositoryName:
    match = re.fullmatch(rf"https://{re.escape(GIT_LOGICAL_HOST)}/([^/]+)/([^/]+?)(\.git)?", url)
    if match is None:
        raise UnknownDesired(
            f"spec.source.repoURL is {url!r}; the embedded engine reads the platform's own "
            f"repositories, https://{GIT_LOGICAL_HOST}/<project>/<name>.git"
        )
    return RepositoryName(match[1], match[2])


class DesiredState:
    """Reads commits, and keeps the last few parsed, for most looks are at an unchanged commit."""

    def __init__(self, git: GitReader) -> None:
        self._git = git
        self._parsed: OrderedDict[tuple[Source, CommitSHA], Desired] = OrderedDict()

    async def read(self, source: Source) -> Desired:
        """Raises UnknownDesired."""
        try:
            commit = await self._commit(source)
            known = self._parsed.get((source, commit))
            if known is None:
                known = await self._parse(source, commit)
                self._remember(source, known)
            else:
                self._parsed.move_to_end((source, commit))
        except RepositoryNotFound as error:
            raise UnknownDesired(f"there is no repository {source.repository}") from error
        except PathNotFound as error:
            raise UnknownDesired(
                f"{source.path}: app path does not exist in {source.repository}"
            ) from error
        except GitError as error:
            raise UnknownDesired(str(error), passing=isinstance(error, GitUnavailable)) from error
        return known

    async def _commit(self, source: Source) -> CommitSHA:
        if _SHA.fullmatch(source.revision):
            return CommitSHA(source.revision)
        ref = MAIN if source.revision == "HEAD" else f"refs/heads/{source.revision}"
        commit = await self._git.head(source.repository, ref)
        if commit is None:
            raise UnknownDesired(f"{source.repository} has no {ref} yet")
        return commit

    async def _parse(self, source: Source, commit: CommitSHA) -> Desired:
        files = await self._git.files(source.repository, commit, source.path)
        try:
            manifests = parse_manifests(files, recurse=source.recurse)
        except ManifestError as error:
            raise UnknownDesired(f"{source.path}/{error} (commit {commit[:8]})") from error
        return Desired(commit, tuple(manifests))

    def _remember(self, source: Source, desired: Desired) -> None:
        self._parsed[(source, desired.revision)] = desired
        while len(self._parsed) > CACHED_MAX:
            self._parsed.popitem(last=False)
