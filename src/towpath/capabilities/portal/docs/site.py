"""A site of docs as MkDocs lays it out: its pages, their order and titles, and where links lead.

Authority: MkDocs' user guide, "Configuration" (site_name, docs_dir, nav) and "Writing your docs";
Backstage's TechDocs how-to for a repository without `mkdocs.yml`. Pages have addresses without
`.md`; `index.md`, or `README.md` where there is none, is the page of its folder.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from towpath.machinery.documents import DocumentError, load_settings

CONFIGURATIONS = ("mkdocs.yml", "mkdocs.yaml")
FOLDER = "docs"
INDEXES = ("index.md", "README.md")
PAGES_MAX = 2000
DEPTH_MAX = 8

_HEADING = re.compile(r"^#\s+(.+?)\s*#*\s*$|^(.+?)\s*\n=+\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the navigation: a page, an address elsewhere, or a heading over others."""

    title: str
    path: str = ""
    """The page's file, relative to the folder of the docs."""
    url: str = ""
    children: tuple["Entry", ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    name: str
    files: Mapping[str, bytes]
    """Below the folder of the docs, by path: pages, and what they show."""
    nav: tuple[Entry, ...]
    folder: str = ""
    """Where they lie below the one of `mkdocs.yml`."""
    problems: tuple[str, ...] = ()
    """What is wrong with its configuration, one sentence each."""
    begins: str = ""
    """Where a reader begins when nothing is the page of the whole; "" is the first of `nav`."""
    description: str = ""
    edits: str = ""
    """What the address of a page's source begins with, "" for nowhere."""
    around: Mapping[str, bytes] = field(default_factory=dict)
    """All files, relative to the folder of `mkdocs.yml`: what snippets may be taken from."""

    @property
    def pages(self) -> list[str]:
        return [path for path in self.files if path.endswith(".md")]

    def page_at(self, address: str) -> str | None:
        """The file of a page by its address, which is relative to the site; "" is the first."""
        address = address.strip("/").removesuffix(".html").removesuffix(".md")
        folder = f"{address}/" if address else ""
        for path in (*(f"{folder}{index}" for index in INDEXES), f"{address}.md"):
            if path in self.files:
                return path
        return self.first() if not address else None

    def first(self) -> str | None:
        """Where a reader begins when nothing is the page of the whole."""
        return self.begins or next((one.path for one in flat(self.nav) if one.path), None)

    def title_of(self, path: str) -> str:
        return next((one.title for one in flat(self.nav) if one.path == path), "") or titled(
            path, self.files[path]
        )

    def beside(self, path: str) -> tuple[Entry | None, Entry | None]:
        """The pages before and after one, in the order of the navigation."""
        order = [one for one in flat(self.nav) if one.path]
        at = next((number for number, one in enumerate(order) if one.path == path), None)
        if at is None:
            return None, None
        return order[at - 1] if at else None, order[at + 1] if at + 1 < len(order) else None

    def target(self, page: str, link: str) -> tuple[str, str] | None:
        """The file and the fragment that a relative link on a page means; None for none of ours."""
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            return None
        if not parts.path:
            return page, parts.fragment
        path = inside(posixpath.dirname(page), unquote(parts.path))
        if path is None:
            return None
        found = path if path in self.files else self.page_at(path)
        return (found, parts.fragment) if found else None


def site_of(files: Mapping[str, bytes], name: str) -> Site:
    """The site whose `mkdocs.yml` lies in the folder that these files are relative to."""
    settings, problems = _settings(files)
    folder = _folder(settings, problems)
    ours = {
        path.removeprefix(folder): content
        for path, content in files.items()
        if path.startswith(folder)
    }
    if not any(path.endswith(".md") for path in ours):
        folder, ours = "", {path: content for path, content in files.items() if path in INDEXES}
    pages = sorted((path for path in ours if path.endswith(".md")), key=_order)[:PAGES_MAX]
    nav = _nav(settings.get("nav"), ours, problems) or _by_folder(pages, ours)
    return Site(
        str(settings.get("site_name") or name),
        ours,
        nav,
        folder.rstrip("/"),
        tuple(problems),
        description=str(settings.get("site_description") or ""),
        edits=_edits(settings),
        around=files,
    )


def address(path: str) -> str:
    """The address of a page, relative to its site."""
    folder, _, file = path.rpartition("/")
    return folder if file in INDEXES else path.removesuffix(".md")


def inside(folder: str, path: str) -> str | None:
    """A path made plain, from the root when it begins there; None when it leads out."""
    whole = path.lstrip("/") if path.startswith("/") else posixpath.join(folder, path)
    plain = posixpath.normpath(whole)
    if plain == "." or not whole:
        return ""
    return None if plain.startswith("..") else plain


def titled(path: str, content: bytes) -> str:
    """A page's first heading, else its file's name in words."""
    if found := _HEADING.search(content[:4000].decode("utf-8", "replace")):
        return re.sub(r"[`*_]", "", found[1] or found[2])
    name = path.rpartition("/")[2].removesuffix(".md").replace("-", " ").replace("_", " ")
    return name[:1].upper() + name[1:]


def _settings(files: Mapping[str, bytes]) -> tuple[dict[str, Any], list[str]]:
    for name in CONFIGURATIONS:
        if name not in files:
            continue
        try:
            read = load_settings(files[name])
        except DocumentError as error:
            return {}, [f"{name} cannot be read: {error}"]
        if isinstance(read, dict):
            return read, []
        return {}, [f"{name} holds no settings"]
    return {}, []


def _edits(settings: Mapping[str, Any]) -> str:
    """By `repo_url` and `edit_uri`, as MkDocs puts them together."""
    repository, edit = str(settings.get("repo_url") or ""), str(settings.get("edit_uri") or "")
    whole = urljoin(repository.rstrip("/") + "/", edit.lstrip("/")) if edit else ""
    try:
        return whole if urlsplit(whole).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _folder(settings: Mapping[str, Any], problems: list[str]) -> str:
    asked = settings.get("docs_dir", FOLDER)
    folder = inside("", str(asked)) if isinstance(asked, str) else None
    if folder is None or str(asked).startswith("/"):
        problems.append(f"docs_dir {asked!r} leads out of the repository; {FOLDER} is read instead")
        folder = FOLDER
    return f"{folder}/" if folder else ""


def _nav(
    asked: object, files: Mapping[str, bytes], problems: list[str], depth: int = 0
) -> tuple[Entry, ...]:
    if not isinstance(asked, list) or depth > DEPTH_MAX:
        return ()
    entries = (_entry(one, files, problems, depth) for one in asked)
    return tuple(entry for entry in entries if entry is not None)


def _entry(
    asked: object, files: Mapping[str, bytes], problems: list[str], depth: int
) -> Entry | None:
    title, value = "", asked
    if isinstance(asked, dict) and len(asked) == 1:
        ((name, value),) = asked.items()
        title = str(name)
    if isinstance(value, list):
        return Entry(title, children=_nav(value, files, problems, depth + 1))
    if not isinstance(value, str):
        problems.append(f"nav: {asked!r} is neither a page nor a list of pages")
        return None
    if urlsplit(value).scheme in ("http", "https"):
        return Entry(title or value, url=value)
    path = inside("", value)
    if path is None or path not in files:
        problems.append(f"nav names {value}, which is not there")
        return None
    return Entry(title or titled(path, files[path]), path)


def _by_folder(
    pages: Sequence[str], files: Mapping[str, bytes], folder: str = ""
) -> tuple[Entry, ...]:
    """Every page, the page of a folder first, folders after the pages beside them."""
    entries: list[Entry] = []
    below: dict[str, list[str]] = {}
    for path in pages:
        name, slash, _ = path.removeprefix(folder).partition("/")
        if slash:
            below.setdefault(name, []).append(path)
        else:
            entries.append(Entry(titled(path, files[path]), path))
    for name, inner in below.items():
        children = _by_folder(inner, files, f"{folder}{name}/")
        entries.append(Entry(titled(name, b""), children=children))
    return tuple(entries)


def _order(path: str) -> list[tuple[bool, str]]:
    return [(part not in INDEXES, part.lower()) for part in path.split("/")]


def flat(entries: Sequence[Entry]) -> Iterator[Entry]:
    for entry in entries:
        yield entry
        yield from flat(entry.children)
