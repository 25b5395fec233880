"""Where an entity's docs lie, and reading them there.

Authority: Backstage's `backstage.io/techdocs-ref`. `dir:PATH` is relative to the file that
describes the entity; `url:` may lead to a repository of ours, else to a site elsewhere.
`backstage.io/techdocs-entity` names another entity whose docs it shares.
"""

import asyncio
import posixpath
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from towpath.capabilities.portal.docs.site import Site, inside, site_of
from towpath.engines.git.port import (
    Commit,
    GitReader,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
)
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA
from towpath.machinery.references import BadReference, EntityRef, parse_reference
from towpath.records.contract import Entity

ANNOTATION = "backstage.io/techdocs-ref"
SHARED = "backstage.io/techdocs-entity"
LOCATION = "backstage.io/managed-by-location"
SITES_KEPT = 64
SITE_BYTES_MAX = 32 * 1024 * 1024
COMMITS_LOOKED_AT_MAX = 200
_HOSTED = re.compile(r"^/git/(?P<project>[^/]+)/(?P<name>[^/]+?)(?:\.git)?(?:/(?P<rest>.*))?$")
_TREE = re.compile(r"^(?:-/)?(?:tree|blob|src/branch)/[^/]+/?")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a repository that docs are read from."""

    repository: RepositoryName
    folder: str
    """Where `mkdocs.yml` lies; "" is the root."""


@dataclass(frozen=True, slots=True)
class Docs:
    place: Place
    commit: CommitSHA
    site: Site


def annotations_of(entity: Entity) -> Mapping[str, Any]:
    found = (entity.descriptor.get("metadata") or {}).get("annotations")
    return found if isinstance(found, dict) else {}


def shared_with(entity: Entity) -> EntityRef | None:
    """The entity whose docs these are, when they are another's."""
    named = annotations_of(entity).get(SHARED)
    if not isinstance(named, str) or not named:
        return None
    try:
        found = parse_reference(named, default_kind="component", default_namespace=entity.namespace)
    except BadReference:
        return None
    return None if found.key == entity.ref else found


def place_of(entity: Entity) -> Place | None:
    """None for an entity without docs here."""
    reference = annotations_of(entity).get(ANNOTATION)
    if not isinstance(reference, str):
        return None
    if reference.startswith("url:"):
        return _hosted(reference.removeprefix("url:"))
    described = _described(entity)
    if not reference.startswith("dir:") or described is None:
        return None
    folder = inside(described.folder, reference.removeprefix("dir:"))
    return None if folder is None else Place(described.repository, folder)


def home_of(entity: Entity) -> RepositoryName | None:
    """The repository of ours that describes an entity."""
    described = _described(entity)
    return described.repository if described else None


def _described(entity: Entity) -> Place | None:
    """The folder of the file that describes it."""
    scheme, _, where = str(annotations_of(entity).get(LOCATION, "")).partition(":")
    if scheme == "url":
        return _hosted(posixpath.dirname(where))
    project, _, rest = where.partition("/")
    repository, _, file = rest.partition("/")
    if scheme != "towpath-git" or not repository:
        return None
    return Place(RepositoryName(project, repository), posixpath.dirname(file))


def _hosted(url: str) -> Place | None:
    """A folder of a repository of ours by its address; None for every other address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    found = _HOSTED.match(unquote(parts.path))
    if found is None or parts.scheme not in ("http", "https") or parts.hostname not in _LOOPBACK:
        return None
    folder = inside("", _TREE.sub("", found["rest"] or "").strip("/"))
    if folder is None:
        return None
    return Place(RepositoryName(found["project"], found["name"]), folder)


class Reader:
    """Sites by the commit that they were read from; each visitor's rights are asked before."""

    def __init__(self) -> None:
        self._sites: OrderedDict[tuple[Place, CommitSHA], Site] = OrderedDict()

    async def docs(self, git: GitReader, entity: Entity, commit: str = "") -> Docs:
        """Of that commit, or of the newest. Raises NotFound, with what to do about it."""
        place = place_of(entity)
        if place is None:
            raise NotFound(f"{entity.ref} names no docs in the annotation {ANNOTATION}")
        try:
            head = await git.head(place.repository)
            if head is None:
                raise NotFound(f"the repository {place.repository} has no commit yet")
            return await self.read(git, place, CommitSHA(commit or head), entity)
        except (RepositoryNotFound, PathNotFound) as error:
            raise NotFound(str(error)) from error

    async def read(self, git: GitReader, place: Place, commit: CommitSHA, entity: Entity) -> Docs:
        site = self._sites.get((place, commit))
        if site is None:
            site = await self._read(git, place, commit, entity)
        self._sites[place, commit] = site
        self._sites.move_to_end((place, commit))
        while len(self._sites) > SITES_KEPT:
            self._sites.popitem(last=False)
        return Docs(place, commit, site)

    async def _read(self, git: GitReader, place: Place, commit: CommitSHA, entity: Entity) -> Site:
        files = await git.files(place.repository, commit, place.folder)
        contents = {path: file.content for path, file in files.items()}
        site = await asyncio.to_thread(site_of, contents, entity.title or entity.name)
        size = sum(len(content) for content in site.files.values())
        if size > SITE_BYTES_MAX:
            raise NotFound(
                f"the docs of {entity.ref} are {size // 1024 // 1024} MiB; "
                f"{SITE_BYTES_MAX // 1024 // 1024} MiB are read at most"
            )
        return site


async def last_commits(
    git: GitReader, docs: Docs, pages: Iterable[str], since: CommitSHA | None
) -> dict[str, Commit]:
    """By which commit each page was changed last, as far back as one looks."""
    wanted, found = set(pages), dict[str, Commit]()
    folder = "/".join(filter(None, (docs.place.folder, docs.site.folder)))
    repository = docs.place.repository
    commits = await git.history(repository, docs.commit, without=since, limit=COMMITS_LOOKED_AT_MAX)
    for commit in commits:
        if not wanted:
            break
        before = commit.parents[0] if commit.parents else None
        changed = await git.changes(repository, before, commit.sha, folder)
        for path in wanted & {one.path for one in changed}:
            found[path] = commit
        wanted -= found.keys()
    return found
