"""How a page becomes HTML: the templates of the shell and of every capability, in one environment.

Escaping is always on; `Markup` comes from macros and from `icons` only. A template that prints what
it was not given fails; that it asks whether something was given is no failure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from towpath.hooks.pages import Page, PageRoute
from towpath.machinery.users import UserInfo
from towpath.records.contract import Unread
from towpath.web import bell, drawing, session, wording
from towpath.web.assets import Assets
from towpath.web.bundles import script, stylesheet
from towpath.web.icons import icon

HERE = Path(__file__).parent
STATIC = HERE / "static"

SECTIONS = (
    ("/", "Home", "home"),
    (bell.INBOX, "Inbox", "bell"),
    ("/catalog", "Catalog", "catalog"),
    ("/create", "Create", "create"),
    ("/delivery", "Delivery", "delivery"),
    ("/infrastructure", "Infrastructure", "infrastructure"),
    ("/clusters", "Clusters", "clusters"),
    ("/docs", "Docs", "docs"),
    ("/insights", "Insights", "insights"),
    ("/about", "Admin", "admin"),
)
"""The rail, in its order; a section without a page is left out."""


class Missing(jinja2.Undefined):
    """Nothing: may be asked for and compared, and must not be printed or gone through."""

    def __str__(self) -> str:
        raise self._refusal()

    def __iter__(self) -> Iterator[Any]:
        raise self._refusal()

    def __len__(self) -> int:
        raise self._refusal()

    def _refusal(self) -> jinja2.UndefinedError:
        return jinja2.UndefinedError(self._undefined_message)


NOTHING = Unread()


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a page: whose it is, and what belongs to the visitor."""

    user: UserInfo | None = None
    projects: tuple[str, ...] = ()
    project: str = ""
    """The project that the address names."""
    section: str = ""
    live: bool = False
    notice: str = ""
    unread: Unread = NOTHING


class Rendering:
    def __init__(self, folders: Mapping[str, Path], routes: tuple[PageRoute, ...]) -> None:
        self._templates = _environment(folders)
        paths = {route.path for route in routes}
        self.rail = tuple(one for one in SECTIONS if one[0] in paths)
        self.assets = Assets(STATIC, {"portal.css": stylesheet(), "portal.js": script()})

    def render(self, request: Request, page: Page, title: str, frame: Frame) -> Response:
        user = frame.user
        text = self._templates.get_template(page.template).render(
            **page.data,
            user=user,
            title=page.title or title,
            csrf=session.csrf_token(request) if user else "",
            frame=frame,
            rail=self.rail if user else (),
            theme=session.theme(request),
            rail_folded=session.rail_folded(request),
            path=request.url.path,
            address=_address(request),
            asset=self.assets.address,
        )
        return HTMLResponse(text, status_code=page.status, headers={"Cache-Control": "no-store"})


def _address(request: Request) -> str:
    """Where we are, to come back to."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _environment(folders: Mapping[str, Path]) -> jinja2.Environment:
    own: dict[str, jinja2.BaseLoader] = {"web": jinja2.FileSystemLoader(HERE / "templates")}
    for name, folder in folders.items():
        own[name] = jinja2.FileSystemLoader(folder)
    environment = jinja2.Environment(
        loader=jinja2.PrefixLoader(own),
        autoescape=True,
        undefined=Missing,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    for word in (
        wording.ago,
        wording.ansi_parts,
        wording.clock,
        wording.diff_lines,
        wording.duration,
        wording.exact,
        wording.hue,
        wording.initials,
        wording.lasting,
        wording.machine_time,
        wording.plain,
        wording.status_of,
        wording.words,
    ):
        environment.filters[word.__name__] = word
    for drawn in (drawing.spark, drawing.yaml_lines):
        environment.filters[drawn.__name__] = drawn
    environment.filters["without_scheme"] = _without_scheme
    environment.filters["pattern"] = _pattern
    environment.globals["draw_icon"] = icon
    return environment


def _pattern(text: str) -> str:
    """What a browser's `pattern` takes for that text alone; it refuses needless backslashes."""
    return re.sub(r"[\\^$.*+?()\[\]{}|/]", r"\\\g<0>", text)


def _without_scheme(url: Any) -> str:
    parts = urlsplit(str(url))
    return parts.netloc + parts.path.rstrip("/")
