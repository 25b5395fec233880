"""Versions of a definition: what its file was in the commits that changed it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.delivery.workloads.kinds import RELEASE
from towpath.engines.git.port import File, GitError, GitReader, RepositoryName
from towpath.hooks.commits import CommitLine, line_of
from towpath.hooks.pages import Visit
from towpath.hooks.showing import in_projects
from towpath.machinery.documents import DocumentError, load_documents
from towpath.machinery.objects import CommitSHA
from towpath.records.contract import Entity

LOCATION = "backstage.io/managed-by-location"
COMMITS_LOOKED_AT_MAX = 200
VERSIONS_MAX = 20


@dataclass(frozen=True, slots=True)
class Version:
    line: CommitLine
    text: str
    release: str = ""
    """One that was built of that commit."""

    @property
    def sha(self) -> str:
        return self.line.sha

    @property
    def label(self) -> str:
        return self.release or f"{self.line.short} {self.line.subject}"


@dataclass(frozen=True, slots=True)
class _Place:
    """A file that holds a definition: as all of it, or within the descriptor."""

    repository: RepositoryName
    path: str
    within: bool


async def versions_of(visit: Visit, entity: Entity, text: str) -> Sequence[Version]:
    """The newest first; none where its history cannot be read by the visitor."""
    try:
        return await _versions(visit, entity, text)
    except GitError:
        return ()


async def _versions(visit: Visit, entity: Entity, text: str) -> Sequence[Version]:
    described = _described(entity)
    if described is None:
        return ()
    repository, path = described
    head = await visit.git.head(repository)
    if head is None:
        return ()
    files = await visit.git.files(repository, head)
    place = _place(repository, path, files, text)
    if place is None:
        return ()
    releases = await _releases(visit, entity)
    found: list[Version] = []
    for line, content in await _changes(visit.git, place, head):
        then = _within(content, entity) if place.within else content.decode("utf-8", "replace")
        if then and (not found or found[-1].text != then):
            found.append(Version(line, then, releases.get(line.sha, "")))
        elif then:
            # The older of two that say the same is the one that said it first.
            found[-1] = Version(line, then, releases.get(line.sha, "") or found[-1].release)
        if len(found) == VERSIONS_MAX:
            break
    return found


def _described(entity: Entity) -> tuple[RepositoryName, str] | None:
    annotations = (entity.descriptor.get("metadata") or {}).get("annotations") or {}
    scheme, _, where = str(annotations.get(LOCATION, "")).partition(":")
    project, _, rest = where.partition("/")
    repository, _, path = rest.partition("/")
    if scheme != "towpath-git" or not path:
        return None
    return RepositoryName(project, repository), path


def _place(
    repository: RepositoryName, path: str, files: Mapping[str, File], text: str
) -> _Place | None:
    """The file that is the definition; else the descriptor, which holds it."""
    wanted = text.encode()
    for name in sorted(files):
        if files[name].content == wanted:
            return _Place(repository, name, within=False)
    return _Place(repository, path, within=True) if path in files else None


async def _changes(
    git: GitReader, place: _Place, head: CommitSHA
) -> Sequence[tuple[CommitLine, bytes]]:
    folder, _, name = place.path.rpartition("/")
    commits = await git.history(place.repository, head, limit=COMMITS_LOOKED_AT_MAX)
    found: list[tuple[CommitLine, bytes]] = []
    for commit in commits:
        before = commit.parents[0] if commit.parents else None
        for change in await git.changes(place.repository, before, commit.sha, folder):
            if change.path == name and change.new is not None:
                found.append((line_of(commit, place.repository.project, ""), change.new))
        if len(found) > VERSIONS_MAX:
            break
    return found


def _within(content: bytes, entity: Entity) -> str:
    """The definition that a descriptor had then."""
    try:
        documents: list[Any] = load_documents(content)
    except DocumentError:
        return ""
    for one in documents:
        if not isinstance(one, dict) or str(one.get("kind", "")).lower() != entity.kind.lower():
            continue
        metadata, spec = one.get("metadata"), one.get("spec")
        if isinstance(metadata, dict) and metadata.get("name") == entity.name:
            text = spec.get("definition") if isinstance(spec, dict) else None
            return text if isinstance(text, str) else ""
    return ""


async def _releases(visit: Visit, entity: Entity) -> dict[str, str]:
    if not entity.project:
        return {}
    found = await in_projects(visit.api, RELEASE, [entity.project])
    return {one["spec"]["commit"]: one["metadata"]["name"] for one in found}
