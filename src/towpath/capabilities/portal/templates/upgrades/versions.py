"""A template as it was at a commit, the newest one, and how many lie between two."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.seeding import DESCRIPTOR
from towpath.capabilities.portal.templates.sources import TemplateSource, resolve, source_of
from towpath.capabilities.portal.templates.upgrades.answers import TOWPATH, Answers
from towpath.client.protocols import Reader
from towpath.engines.git.port import (
    Commit,
    File,
    GitError,
    GitReader,
    GitUnavailable,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
)
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.documents import DocumentError, load_document
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.outcomes import Stalled

COMMITS_MAX = 200
_REMEMBERED_MAX = 4096
_HOSTED = re.compile(r"(?:^|/git/)([a-z0-9][a-z0-9-]*)/([A-Za-z0-9._-]+?)(?:\.git)?/?$")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_DESCRIBED = re.compile(r"-g([0-9a-f]{7,40})$")


@dataclass(frozen=True, slots=True)
class Version:
    """What a template was at one commit."""

    template: RawObject
    revision: CommitSHA
    descriptor: RawObject
    files: Mapping[str, File]

    @property
    def shown(self) -> str:
        return self.revision[:10]


def reference_of(template: RawObject) -> str:
    """`<namespace>/<name>`"""
    return f"{template['metadata']['namespace']}/{template['metadata']['name']}"


async def template_of(api: Reader, project: str, answers: Answers) -> RawObject:
    """The SoftwareTemplate that a project's repository came of. Raises Stalled."""
    if answers.origin != TOWPATH:
        return await _offered_from(api, project, answers)
    namespace, _, name = answers.template.partition("/")
    if namespace not in (SYSTEM_NAMESPACE, project):
        raise Stalled(
            "ForeignTemplate",
            f"{answers.path} names the template {answers.template}; a repository of {project} may "
            f"come of templates of {SYSTEM_NAMESPACE} and of {project}",
        )
    try:
        return await api.get(SOFTWARE_TEMPLATE, name, namespace)
    except NotFound as error:
        raise Stalled(
            "TemplateNotFound",
            f"the template {answers.template} is not offered any more",
        ) from error


async def _offered_from(api: Reader, project: str, answers: Answers) -> RawObject:
    """For copier and cruft: the template whose files are in that repository and folder."""
    found = _HOSTED.search(answers.template)
    if found is not None:
        wanted = f"{found[1]}/{found[2]}", answers.folder.strip("/")
        for namespace in (project, SYSTEM_NAMESPACE):
            for template in (await api.list(SOFTWARE_TEMPLATE, namespace)).items:
                source = template["spec"].get("source") or {}
                if (source.get("repository"), source.get("path", "").strip("/")) == wanted:
                    return template
    raise Stalled(
        "TemplateNotOffered",
        f"{answers.path} names {answers.template}, which no SoftwareTemplate is offered from: push "
        "it to a repository here, and offer it with spec.source of that repository",
    )


def source_of_template(template: RawObject) -> TemplateSource:
    """Raises Stalled for one without files: there is nothing in it that could change."""
    source = source_of(template)
    if source is None:
        raise Stalled(
            "NoSource", f"the template {reference_of(template)} has no files: set spec.source"
        )
    return source


async def commit_of(git: GitReader, template: RawObject, revision: str) -> CommitSHA:
    """The commit that a revision stands for: itself, a tag, or what `git describe` says."""
    if _COMMIT.fullmatch(revision):
        return CommitSHA(revision)
    repository = source_of_template(template).repository
    try:
        tag = await git.head(repository, f"refs/tags/{revision}") if revision else None
    except GitUnavailable:
        raise
    except GitError:
        tag = None  # no tag can be called that
    if tag is not None:
        return tag
    described = _DESCRIBED.search(revision)
    head = await git.head(repository)
    if described and head:
        for commit in await git.history(repository, head, limit=COMMITS_MAX * 10):
            if commit.sha.startswith(described[1]):
                return commit.sha
    raise Stalled("VersionNotFound", f"{repository} has no version {revision or 'of that name'!r}")


async def read_version(git: GitReader, template: RawObject, revision: CommitSHA) -> Version:
    """Raises Stalled when the template's repository does not have it."""
    source = source_of_template(template)
    try:
        files = await git.files(source.repository, revision, source.path)
    except (PathNotFound, RepositoryNotFound) as error:
        raise _absent(template, revision) from error
    except GitUnavailable as error:
        if await _has(git, source.repository, revision):
            raise
        raise _absent(template, revision) from error
    offered: RawObject = template["spec"]["descriptor"]
    if revision == await resolve(git, source):
        return Version(template, revision, offered, files)
    return Version(template, revision, _descriptor(files) or offered, files)


VERSIONS_SHOWN = 50


async def newest_versions(git: GitReader, template: RawObject) -> list[RawObject]:
    """For its status: the commits that changed its files, the newest first. Raises Stalled."""
    source = source_of_template(template)
    head = await resolve(git, source)
    found = []
    for commit in await git.history(source.repository, head, limit=COMMITS_MAX):
        parent = commit.parents[0] if commit.parents else None
        if len(commit.parents) < 2 and await _touches(git, source, parent, commit.sha):
            found.append(_version(commit))
            if len(found) == VERSIONS_SHOWN:
                break
    return found


async def _touches(
    git: GitReader, source: TemplateSource, old: CommitSHA | None, new: CommitSHA
) -> bool:
    return bool(await git.changes(source.repository, old, new, source.path))


def _version(commit: Commit) -> RawObject:
    return {
        "revision": commit.sha,
        "subject": (commit.message.strip().splitlines() or [""])[0][:200],
        "author": commit.author.name,
        "at": datetime.fromtimestamp(commit.time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _absent(template: RawObject, revision: str) -> Stalled:
    return Stalled(
        "VersionNotFound",
        f"the repository of {reference_of(template)} does not have the version {revision[:10]}",
    )


async def _has(git: GitReader, repository: RepositoryName, revision: CommitSHA) -> bool:
    """False where the repository is in order and only that commit is not in it."""
    head = await git.head(repository)
    if head is None:
        return False
    await git.commit(repository, head)
    try:
        await git.commit(repository, revision)
    except GitError:
        return False
    return True


def _descriptor(files: Mapping[str, File]) -> RawObject | None:
    """As the version's own file has it, where there is one."""
    if DESCRIPTOR not in files:
        return None
    try:
        document = load_document(files[DESCRIPTOR].content)
    except DocumentError:
        return None
    is_template = isinstance(document, dict) and document.get("kind") == "Template"
    return document if is_template else None


@dataclass(slots=True)
class Lineage:
    """What lies between two commits of a template; asked for again and again, and never other."""

    git: GitReader
    _known: dict[tuple[RepositoryName, str, str, str], tuple[Commit, ...]] = field(
        default_factory=dict
    )

    async def latest(self, template: RawObject) -> CommitSHA:
        """Raises Stalled."""
        return await resolve(self.git, source_of_template(template))

    async def between(
        self, template: RawObject, old: CommitSHA, new: CommitSHA
    ) -> Sequence[Commit]:
        """The commits that changed the template, the newest first. Raises Stalled, GitError."""
        source = source_of_template(template)
        key = source.repository, source.path, old, new
        if old == new:
            return ()
        if key not in self._known:
            try:
                found = tuple(await self._found(source, old, new))
            except GitUnavailable as error:
                if await _has(self.git, source.repository, old):
                    raise
                raise _absent(template, old) from error
            if len(self._known) >= _REMEMBERED_MAX:
                self._known.clear()
            self._known[key] = found
        return self._known[key]

    async def _found(
        self, source: TemplateSource, old: CommitSHA, new: CommitSHA
    ) -> Sequence[Commit]:
        repository, path = source.repository, source.path
        if not await self.git.changes(repository, old, new, path):
            return ()
        history = await self.git.history(repository, new, without=old, limit=COMMITS_MAX)
        touching = []
        for commit in history:
            parent = commit.parents[0] if commit.parents else None
            if len(commit.parents) < 2 and await _touches(self.git, source, parent, commit.sha):
                touching.append(commit)
        # History was rewritten: it is another version all the same.
        return touching or [await self.git.commit(repository, new)]
