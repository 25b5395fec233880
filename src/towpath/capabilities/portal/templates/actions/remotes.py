"""Absolute urls of fetch:*: repositories of this platform, and of GitHub, GitLab and Gitea.

Of another host one archive is fetched, with the step's own token if it has one, and unpacked in
memory: regular files only, by paths that stay inside.
"""

import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from towpath.capabilities.portal.templates.actions.failures import ActionFailed
from towpath.capabilities.portal.templates.actions.fetching import ReadTree
from towpath.capabilities.portal.templates.actions.outside import ARCHIVE_BYTES_MAX, Web
from towpath.capabilities.portal.templates.skeleton import BYTES_MAX, FILES_MAX
from towpath.capabilities.portal.templates.sources import PLATFORM_PROJECT
from towpath.engines.git.port import File, GitError, GitReader, PathNotFound, RepositoryName
from towpath.hooks.platform import Platform
from towpath.hooks.templates import ActionContext
from towpath.machinery.objects import CommitSHA

_HOSTED = re.compile(
    r"https?://[^/]+/git/(?P<project>[a-z0-9-]+)/(?P<name>[^/]+?)(?:\.git)?"
    r"(?:/(?:tree|blob)/(?P<ref>[^/]+)(?:/(?P<path>.*))?)?/?"
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
# In the order of how much they say: GitLab's `/-/`, Gitea's kind of reference, GitHub's.
_SHAPES = (
    ("gitlab", re.compile(r"/(?P<repo>.+?)/-/(?:tree|blob|raw)/(?P<ref>[^/]+)(?:/(?P<path>.*))?")),
    (
        "gitea",
        re.compile(
            r"/(?P<repo>[^/]+/[^/]+)/(?:src|raw)/(?:branch|tag|commit)/(?P<ref>[^/]+)"
            r"(?:/(?P<path>.*))?"
        ),
    ),
    (
        "github",
        re.compile(r"/(?P<repo>[^/]+/[^/]+)/(?:tree|blob)/(?P<ref>[^/]+)(?:/(?P<path>.*))?"),
    ),
)


@dataclass(frozen=True, slots=True)
class _Place:
    style: str
    scheme: str
    host: str
    repo: str
    ref: str
    path: str

    @property
    def archive(self) -> str:
        ref = quote(self.ref, safe="")
        if self.style == "gitlab":
            name = self.repo.rpartition("/")[2]
            return f"{self.scheme}://{self.host}/{self.repo}/-/archive/{ref}/{name}-{ref}.tar.gz"
        if self.style == "gitea":
            return f"{self.scheme}://{self.host}/{self.repo}/archive/{ref}.tar.gz"
        if self.host == "github.com":
            return f"https://codeload.github.com/{self.repo}/tar.gz/{ref}"
        return f"{self.scheme}://{self.host}/api/v3/repos/{self.repo}/tarball/{ref}"


def reader(platform: Platform) -> ReadTree:
    web = Web(platform.api)

    async def read(context: ActionContext, url: str) -> dict[str, File]:
        hosted = _HOSTED.fullmatch(url)
        if hosted is not None and url.startswith(platform.addresses.portal("/git/")):
            project, name, ref, path = hosted.group("project", "name", "ref", "path")
            if project not in (context.project, PLATFORM_PROJECT):
                raise ActionFailed(f"{url!r} belongs to {project}, not to {context.project}")
            repository = RepositoryName(project, name)
            return await _of_repository(platform.git, repository, ref or "main", path or "")
        place = _place_of(url)
        token = str(context.input.get("token") or "")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = await web.ask("GET", place.archive if place else url, headers=headers)
        if answer.status != 200:
            hint = "" if token else "; a private one needs the input token"
            raise ActionFailed(f"{url} answered {answer.status}{hint}")
        if place is None:
            return {"": File(answer.body)}
        files = dict(_unpacked(answer.body, place.path))
        if not files:
            raise ActionFailed(f"{url}: there is no {place.path!r}")
        return files

    return read


async def _of_repository(
    git: GitReader, repository: RepositoryName, ref: str, path: str
) -> dict[str, File]:
    path = path.strip("/")
    try:
        commit: CommitSHA | None = CommitSHA(ref) if _COMMIT.fullmatch(ref) else None
        for kind in ("heads", "tags"):
            commit = commit or await git.head(repository, f"refs/{kind}/{ref}")
        if commit is None:
            raise ActionFailed(f"{repository} has no commit on {ref}")
        try:
            return await git.files(repository, commit, path)
        except PathNotFound:
            above, _, name = path.rpartition("/")
            files = await git.files(repository, commit, above)
            if name not in files:
                raise
            return {"": files[name]}
    except GitError as error:
        raise ActionFailed(str(error)) from error


def _place_of(url: str) -> _Place | None:
    """None for an address that is a file by itself."""
    parts = urlsplit(url)
    for style, shape in _SHAPES:
        found = shape.fullmatch(parts.path.rstrip("/"))
        if found is not None:
            repo, ref, path = found.group("repo", "ref", "path")
            inside = unquote(path or "").strip("/")
            return _Place(style, parts.scheme, parts.netloc, repo, unquote(ref), inside)
    return None


def _unpacked(archive: bytes, below: str) -> Iterator[tuple[str, File]]:
    """The archive's files below a path; one file has the path "". Raises ActionFailed."""
    size = count = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|gz") as tar:
            for member in tar:
                path = member.name.partition("/")[2]
                count, size = count + 1, size + member.size
                if count > FILES_MAX or size > BYTES_MAX:
                    raise ActionFailed("the repository is too large to be fetched")
                is_inside = path == below or not below or path.startswith(f"{below}/")
                if not member.isfile() or not is_inside or ".." in path.split("/"):
                    continue
                content = tar.extractfile(member)
                assert content is not None, "it is a regular file"
                relative = path.removeprefix(below).lstrip("/")
                yield relative, File(content.read(), bool(member.mode & 0o100))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ActionFailed(f"what came is no archive: {error}") from error


assert BYTES_MAX >= ARCHIVE_BYTES_MAX, "what can be fetched can be unpacked"
