"""Docs as they are kept when they have been rendered: the site, and each page, as bytes.

The site is small and read with every page; a page is its HTML with what stands around it. A change
of what rendering makes of the same text gets a new EDITION, and everything is rendered again.
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from towpath.capabilities.portal.docs.prose import CleanHTML, Heading, Prose, Section
from towpath.capabilities.portal.docs.reading import Docs, Place
from towpath.capabilities.portal.docs.site import Entry, Site
from towpath.engines.git.port import Commit, RepositoryName
from towpath.hooks.commits import CommitLine
from towpath.machinery.objects import CommitSHA

EDITION = "1"


@dataclass(frozen=True, slots=True)
class KeptPage:
    title: str
    prose: Prose
    changed: CommitLine | None
    """The commit that changed it last."""


def state_of(docs: Docs) -> str:
    return f"{docs.commit} {docs.place.folder} {EDITION}"


def digest_of(text: str) -> str:
    return hashlib.sha256(f"{EDITION}\n{text}".encode()).hexdigest()


def site_bytes(docs: Docs, built_s: float) -> bytes:
    site = docs.site
    return orjson.dumps(
        {
            "place": [docs.place.repository.project, docs.place.repository.name, docs.place.folder],
            "commit": docs.commit,
            "name": site.name,
            "description": site.description,
            "edits": site.edits,
            "folder": site.folder,
            "problems": site.problems,
            "nav": [asdict(one) for one in site.nav],
            "files": sorted(site.files),
            "built_s": built_s,
        }
    )


def docs_of(data: bytes) -> Docs:
    """Of its files, the names alone."""
    said = orjson.loads(data)
    project, repository, folder = said["place"]
    site = Site(
        said["name"],
        dict.fromkeys(said["files"], b""),
        tuple(_entry(one) for one in said["nav"]),
        said["folder"],
        tuple(said["problems"]),
        description=said["description"],
        edits=said["edits"],
    )
    return Docs(Place(RepositoryName(project, repository), folder), CommitSHA(said["commit"]), site)


def built_at(data: bytes) -> float:
    return float(orjson.loads(data)["built_s"])


def _entry(said: Any) -> Entry:
    children = tuple(_entry(one) for one in said["children"])
    return Entry(said["title"], said["path"], said["url"], children)


def page_bytes(title: str, prose: Prose, commit: Commit | None) -> bytes:
    changed = None
    if commit is not None:
        subject = (commit.message.strip().splitlines() or [""])[0]
        changed = asdict(CommitLine(commit.sha, subject, commit.author.name, commit.time_s))
    return orjson.dumps({"title": title, "prose": asdict(prose), "changed": changed})


def page_of(data: bytes) -> KeptPage:
    said = orjson.loads(data)
    changed = CommitLine(**said["changed"]) if said["changed"] else None
    return KeptPage(said["title"], prose_of(said["prose"]), changed)


def prose_of(said: Any) -> Prose:
    return Prose(
        CleanHTML(said["html"]["text"]),
        said["title"],
        tuple(Heading(**one) for one in said["headings"]),
        tuple(Section(**one) for one in said["sections"]),
        {link: (to[0], to[1]) if to else None for link, to in said["uses"].items()},
        said["problem"],
    )
