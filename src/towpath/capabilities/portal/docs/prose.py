"""Markdown that somebody else wrote, as HTML that harms nobody.

What everything that is written becomes goes through one list of what may stay; see `markup` for
what is read at all. Ids get a prefix and classes are those of the renderer, so that nothing written
here is taken for a part of the portal. Pictures have addresses of their own, below the docs', where
they are served as what they are and can do nothing.
"""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from towpath.capabilities.portal.docs.site import Site, address

PAGE_CHARACTERS_MAX = 1024 * 1024
"""Of a page that is read as Markdown; of a larger one that much is shown as text."""
PASSAGE_CHARACTERS_MAX = 20_000
IMAGES = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
PREFIX = "doc-"

OF_THE_PORTAL = {"article", "aside", "footer", "header", "map", "area", "nav"}
"""The parts of a page; what is written only holds text."""
ATTRIBUTES = {
    "*": {"id", "class", "title", "lang", "dir"},
    "a": {"href"},
    "details": {"open", "name"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
SCHEMES = {"http", "https", "mailto"}
_CLASS = re.compile(
    r"admonition(-title)?|highlight|footnote(-ref|-backref)?|task-list(-item)?|"
    r"tabbed-(set|content)|diagram-title|headerlink|keys|"
    r"note|info|tip|success|question|warning|danger|failure|bug|example|quote|"
    r"[a-z][a-z0-9]{0,2}"
)
"""Those of the extensions; the short ones are Pygments'."""
_TITLE = re.compile(r"\A\s*<h1\b.*?</h1>", re.DOTALL)
"""Told by the page around it."""
_TASK = re.compile(r'<input type="checkbox" disabled(=""| ?)( checked(="")?)? ?/?>')
_HEADING = re.compile(r'<h([1-6])[^>]* id="([^"]+)"[^>]*>(.*?)</h\1>', re.DOTALL)
_ANCHOR = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)
_WITHIN_WORDS = re.compile(
    r"</?(?:a|abbr|b|code|del|em|i|ins|kbd|mark|span|strong|sub|sup)\b[^>]*>"
)
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class CleanHTML:
    """Made by `rendered` alone: what a template shows as it is."""

    text: str

    def __html__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Heading:
    id: str
    title: str
    level: int


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under a heading, as text, to be searched."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    html: CleanHTML
    title: str
    """The heading that it begins with, which is left out of the text; "" when there is none."""
    headings: tuple[Heading, ...]
    """Of the second and third level."""
    sections: tuple[Section, ...] = ()
    uses: Mapping[str, tuple[str, str] | None] = field(default_factory=dict)
    """Where each relative link led: a page has to be rendered again when one leads elsewhere."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Bases:
    """What addresses begin with, and end with: of pages, and of what lies beside them."""

    pages: str
    files: str = ""
    query: str = ""
    """`?version=v2`, of another version than the newest."""


def rendered(site: Site, page: str, text: str, bases: Bases) -> Prose:
    """A page of a site, of whose files only the names matter. Takes some 10 ms."""
    # The platform shows what was rendered and need not load what renders.
    import nh3

    from towpath.capabilities.portal.docs.markup import converter

    if len(text) > PAGE_CHARACTERS_MAX:
        return as_text(text, f"it is longer than {PAGE_CHARACTERS_MAX} characters")
    converting = converter()
    made = converting.convert(text)
    made = _TASK.sub(lambda box: "\u2611 " if "checked" in box[0] else "\u2610 ", made)
    links = _Links(site, page, bases)
    clean = nh3.clean(
        made,
        tags=nh3.ALLOWED_TAGS - OF_THE_PORTAL,
        attributes=ATTRIBUTES,
        attribute_filter=links.attribute,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
        # What may be wider than the page can be scrolled by keyboard.
        set_tag_attribute_values={"pre": {"tabindex": "0"}, "table": {"tabindex": "0"}},
    )
    headings = _headings(getattr(converting, "toc_tokens", []))
    title = headings[0].title if headings and _TITLE.match(clean) else ""
    return Prose(
        CleanHTML(_TITLE.sub("", clean, count=1)),
        title,
        tuple(one for one in headings if one.level in (2, 3)),
        _sections(clean, title),
        links.uses,
    )


def as_text(text: str, why: str) -> Prose:
    """A page that is not read as Markdown, and why."""
    shown = text[:PAGE_CHARACTERS_MAX]
    section = Section("", "", shown[:PASSAGE_CHARACTERS_MAX])
    problem = f"This page is shown as its text: {why}."
    return Prose(
        CleanHTML(f'<pre tabindex="0">{html.escape(shown)}</pre>'), "", (), (section,), {}, problem
    )


def _sections(clean: str, title: str) -> tuple[Section, ...]:
    """The first has no id: what stands before the second heading."""
    clean = _TITLE.sub("", clean, count=1)
    found = list(_HEADING.finditer(clean))
    ends = [*(one.start() for one in found[1:]), len(clean)][: len(found)]
    first = Section("", title, _plain(clean[: found[0].start() if found else len(clean)]))
    sections = [
        Section(one[2], _plain(one[3]), _plain(clean[one.end() : end]))
        for one, end in zip(found, ends, strict=True)
    ]
    return tuple(one for one in (first, *sections) if one.title or one.text)


def _plain(clean: str) -> str:
    text = html.unescape(_TAG.sub(" ", _WITHIN_WORDS.sub("", _ANCHOR.sub("", clean))))
    return " ".join(text.split())[:PASSAGE_CHARACTERS_MAX]


def _headings(tokens: Sequence[Mapping[str, Any]]) -> list[Heading]:
    found: list[Heading] = []
    for token in tokens:
        found.append(Heading(PREFIX + token["id"], html.unescape(token["name"]), token["level"]))
        found += _headings(token["children"])
    return found


class _Links:
    """What becomes of the attributes of one page."""

    def __init__(self, site: Site, page: str, bases: Bases) -> None:
        self._site = site
        self._page = page
        self._bases = bases
        self.uses: dict[str, tuple[str, str] | None] = {}

    def attribute(self, tag: str, name: str, value: str) -> str | None:
        match (tag, name):
            case ("a", "href"):
                return self._link(value)
            case ("img", "src"):
                return self._image(value)
            case (_, "id"):
                return PREFIX + value
            case ("details", "name"):
                return PREFIX + value
            case (_, "class"):
                return " ".join(one for one in value.split() if _CLASS.fullmatch(one)) or None
            case _:
                return value

    def _target(self, link: str) -> tuple[str, str] | None:
        try:
            found = self._site.target(self._page, link)
        except ValueError:
            found = None
        self.uses[link] = found
        return found

    def _link(self, link: str) -> str | None:
        """Web addresses stay, pages get their address; what leads nowhere is no link."""
        try:
            if scheme := urlsplit(link).scheme.lower():
                return link if scheme in SCHEMES else None
        except ValueError:
            return None
        found = self._target(link)
        if found is None:
            return None
        path, fragment = found
        where = f"#{PREFIX}{fragment}" if fragment else ""
        if path == self._page and where:
            return where
        if not path.endswith(".md"):
            return None
        page = "/".join(filter(None, (self._bases.pages, quote(address(path)))))
        return page + self._bases.query + where

    def _image(self, link: str) -> str | None:
        """A picture of the docs; nobody else is asked for one."""
        found = self._target(link)
        if found is None or "." + found[0].rpartition(".")[2].lower() not in IMAGES:
            return None
        return f"{self._bases.files}/{quote(found[0])}{self._bases.query}"
