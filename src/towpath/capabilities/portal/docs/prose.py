"""Markdown that somebody else wrote, as HTML that harms nobody.

Python-Markdown with the extensions of Backstage's `mkdocs-techdocs-core` that need neither scripts
nor files; then everything that is not on the list below goes. Ids get a prefix and classes are
those of the renderer, so that nothing written here is taken for a part of the portal.
"""

import base64
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import markdown
import nh3

from towpath.capabilities.portal.docs.site import Site, address

IMAGE_BYTES_MAX = 1024 * 1024
IMAGES_BYTES_MAX = 4 * 1024 * 1024
"""Of a page, for they are sent within it."""
IMAGES = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
PREFIX = "doc-"

EXTENSIONS = (
    "abbr",
    "admonition",
    "attr_list",
    "def_list",
    "footnotes",
    "md_in_html",
    "meta",
    "sane_lists",
    "tables",
    "toc",
    "pymdownx.betterem",
    "pymdownx.caret",
    "pymdownx.details",
    "pymdownx.highlight",
    "pymdownx.inlinehilite",
    "pymdownx.mark",
    "pymdownx.smartsymbols",
    "pymdownx.superfences",
    "pymdownx.tasklist",
    "pymdownx.tilde",
)
SETTINGS: dict[str, dict[str, Any]] = {
    "pymdownx.highlight": {"guess_lang": False, "noclasses": False},
    "toc": {"permalink": False},
}
TAGS = nh3.ALLOWED_TAGS - {"article", "aside", "footer", "header", "map", "area", "nav"}
"""What only holds text: the parts of a page are the portal's."""
ATTRIBUTES = {
    "*": {"id", "class", "title", "lang", "dir"},
    "a": {"href"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
SCHEMES = {"http", "https", "mailto"}
_CLASS = re.compile(
    r"admonition(-title)?|highlight|footnote(-ref|-backref)?|task-list(-item)?|"
    r"note|info|tip|success|question|warning|danger|failure|bug|example|quote|"
    r"[a-z][a-z0-9]{0,2}"
)
"""Those of the extensions; the short ones are Pygments'."""
_TITLE = re.compile(r"\A\s*<h1\b.*?</h1>", re.DOTALL)
"""Told by the page around it."""
_TASK = re.compile(r'<input type="checkbox" disabled(=""| ?)( checked(="")?)? ?/?>')


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
class Prose:
    html: CleanHTML
    title: str
    """The heading that it begins with, which is left out of the text; "" when there is none."""
    headings: tuple[Heading, ...]
    """Of the second and third level."""


def rendered(site: Site, page: str, base: str) -> Prose:
    """A page of a site whose pages have addresses below `base`. Takes some 10 ms."""
    converter = markdown.Markdown(extensions=EXTENSIONS, extension_configs=SETTINGS)
    made = converter.convert(site.files[page].decode("utf-8", "replace"))
    made = _TASK.sub(lambda box: "\u2611 " if "checked" in box[0] else "\u2610 ", made)
    links = _Links(site, page, base)
    clean = nh3.clean(
        made,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=links.attribute,
        url_schemes=SCHEMES | {"data"},
        link_rel="noopener noreferrer",
        # What may be wider than the page can be scrolled by keyboard.
        set_tag_attribute_values={"pre": {"tabindex": "0"}, "table": {"tabindex": "0"}},
    )
    headings = _headings(getattr(converter, "toc_tokens", []))
    return Prose(
        CleanHTML(_TITLE.sub("", clean, count=1)),
        headings[0].title if headings and _TITLE.match(clean) else "",
        tuple(one for one in headings if one.level in (2, 3)),
    )


def _headings(tokens: list[Mapping[str, Any]]) -> list[Heading]:
    found: list[Heading] = []
    for token in tokens:
        found.append(Heading(PREFIX + token["id"], html.unescape(token["name"]), token["level"]))
        found += _headings(token["children"])
    return found


class _Links:
    """What becomes of the attributes of one page."""

    def __init__(self, site: Site, page: str, base: str) -> None:
        self._site = site
        self._page = page
        self._base = base
        self._left = IMAGES_BYTES_MAX

    def attribute(self, tag: str, name: str, value: str) -> str | None:
        match (tag, name):
            case ("a", "href"):
                return self._link(value)
            case ("img", "src"):
                return self._image(value)
            case (_, "id"):
                return PREFIX + value
            case (_, "class"):
                return " ".join(one for one in value.split() if _CLASS.fullmatch(one)) or None
            case _:
                return value

    def _link(self, link: str) -> str | None:
        """Web addresses stay, pages get their address; what leads nowhere is no link."""
        try:
            if scheme := urlsplit(link).scheme.lower():
                return link if scheme in SCHEMES else None
            found = self._site.target(self._page, link)
        except ValueError:
            return None
        if found is None:
            return None
        path, fragment = found
        where = f"#{PREFIX}{fragment}" if fragment else ""
        if path == self._page and where:
            return where
        if not path.endswith(".md"):
            return None
        return "/".join(filter(None, (self._base, address(path)))) + where

    def _image(self, link: str) -> str | None:
        """A picture of the docs, sent with the page; nobody else is asked for one."""
        try:
            found = self._site.target(self._page, link)
        except ValueError:
            return None
        media = IMAGES.get("." + found[0].rpartition(".")[2].lower()) if found else None
        content = self._site.files[found[0]] if found and media else b""
        if not content or len(content) > min(IMAGE_BYTES_MAX, self._left):
            return None
        self._left -= len(content)
        return f"data:{media};base64,{base64.b64encode(content).decode()}"
