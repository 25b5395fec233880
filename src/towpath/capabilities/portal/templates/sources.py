"""Where a template's files come from: a commit of a repository that the platform hosts."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from towpath.capabilities.portal.templates import folders
from towpath.engines.git.port import (
    GitReader,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
)
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.outcomes import Stalled

PLATFORM_PROJECT = "towpath"
"""The platform's own repositories: `towpath/golden-paths`."""


@dataclass(frozen=True, slots=True)
class TemplateSource:
    repository: RepositoryName
    path: str
    revision: CommitSHA | None


def source_of(template: RawObject) -> TemplateSource | None:
    """None for a template without files. Raises Stalled for a repository of another tenant."""
    raw = template["spec"].get("source")
    if raw is None:
        return None
    source = parse_source(raw)
    project, name = source.repository.project, source.repository.name
    namespace = template["metadata"]["namespace"]
    allowed = PLATFORM_PROJECT if namespace == SYSTEM_NAMESPACE else namespace
    if project != allowed:
        raise Stalled(
            "ForeignRepository",
            f"spec.source.repository is {project}/{name}; a template in {namespace} may only use "
            f"repositories of {allowed}",
        )
    return source


def parse_source(raw: RawObject) -> TemplateSource:
    project, _, name = raw["repository"].partition("/")
    return TemplateSource(RepositoryName(project, name), raw.get("path", ""), raw.get("revision"))


async def resolve(git: GitReader, source: TemplateSource) -> CommitSHA:
    """The commit to take the files from. Raises Stalled when there is none."""
    if source.revision is not None:
        return source.revision
    try:
        head = await git.head(source.repository)
    except RepositoryNotFound as error:
        raise Stalled("RepositoryNotFound", f"spec.source.repository: {error}") from error
    if head is None:
        raise Stalled(
            "RepositoryEmpty", f"spec.source.repository {source.repository} has no commit yet"
        )
    return head


async def materialise(
    git: GitReader, source: TemplateSource, revision: CommitSHA, folder: Path
) -> None:
    """Write the template's files to the folder. Raises Stalled when they are not there."""
    try:
        files = await git.files(source.repository, revision, source.path)
    except (PathNotFound, RepositoryNotFound) as error:
        raise Stalled("SourceNotFound", f"spec.source: {error}") from error
    scratch = folder.with_name("scratch")
    await asyncio.to_thread(lambda: folders.write_files(folder, files, scratch=scratch))
