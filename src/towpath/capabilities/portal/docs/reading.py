"""Where an entity's docs lie, and reading them there as the visitor.

Authority: Backstage's `backstage.io/techdocs-ref`. `dir:PATH` is relative to the file that
describes the entity; `url:` leads to a site elsewhere.
"""

import asyncio
import posixpath
from collections import OrderedDict
from dataclasses import dataclass

from towpath.capabilities.portal.docs.site import Site, inside, site_of
from towpath.engines.git.port import GitReader, PathNotFound, RepositoryName, RepositoryNotFound
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA
from towpath.records.contract import Entity

ANNOTATION = "backstage.io/techdocs-ref"
LOCATION = "backstage.io/managed-by-location"
SITES_KEPT = 64
SITE_BYTES_MAX = 32 * 1024 * 1024


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


def place_of(entity: Entity) -> Place | None:
    """None for an entity without docs here."""
    annotations = (entity.descriptor.get("metadata") or {}).get("annotations") or {}
    reference, location = annotations.get(ANNOTATION), str(annotations.get(LOCATION, ""))
    if not isinstance(reference, str) or not reference.startswith("dir:"):
        return None
    scheme, _, where = location.partition(":")
    project, _, rest = where.partition("/")
    repository, _, described = rest.partition("/")
    folder = inside(posixpath.dirname(described), reference.removeprefix("dir:"))
    if scheme != "towpath-git" or not repository or folder is None:
        return None
    return Place(RepositoryName(project, repository), folder)


class Reader:
    """Sites by the commit that they were read from; each visitor's rights are asked before."""

    def __init__(self) -> None:
        self._sites: OrderedDict[tuple[Place, CommitSHA], Site] = OrderedDict()

    async def docs(self, git: GitReader, entity: Entity) -> Docs:
        """Raises NotFound, with what to do about it."""
        place = place_of(entity)
        if place is None:
            raise NotFound(f"{entity.ref} names no docs in the annotation {ANNOTATION}")
        try:
            commit = await git.head(place.repository)
            if commit is None:
                raise NotFound(f"the repository {place.repository} has no commit yet")
            site = self._sites.get((place, commit))
            if site is None:
                site = await self._read(git, place, commit, entity)
        except (RepositoryNotFound, PathNotFound) as error:
            raise NotFound(str(error)) from error
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
