"""The portal as one ASGI application: pages of capabilities, sign-in, static files, reads."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from towpath.client.protocols import Client
from towpath.hooks.pages import Page, PageRoute, Visit
from towpath.hooks.platform import Addresses
from towpath.machinery.errors import StatusError
from towpath.machinery.users import UserInfo
from towpath.web import session
from towpath.web.guard import Guard
from towpath.web.identity import Identity
from towpath.web.reads import ViewerOf

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Portal:
    """What the pages stand on."""

    identity: Identity
    client_of: Callable[[UserInfo], Client]
    viewer_of: ViewerOf
    addresses: Addresses
    hosts: tuple[str, ...]
    pages: tuple[PageRoute, ...]
    template_folders: Mapping[str, Path]
    """Each capability's `templates/` folder, by the capability's name."""


def build_portal(portal: Portal, reads: Iterable[Route]) -> ASGIApp:
    templates = _environment(portal.template_folders)
    routes = [
        Route("/sign-in", _SignIn(portal, templates).show, methods=["GET"]),
        Route("/sign-in", _SignIn(portal, templates).redeem, methods=["POST"]),
        Route("/sign-out", _sign_out(portal), methods=["POST"]),
        *reads,
        *(Route(page.path, _page(portal, templates, page)) for page in portal.pages),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    handlers = {
        StatusError: _failure(templates),
        HTTPException: _failure(templates),
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    return Guard(app, hosts=portal.hosts)


def _environment(folders: Mapping[str, Path]) -> jinja2.Environment:
    own: dict[str, jinja2.BaseLoader] = {"web": jinja2.FileSystemLoader(HERE / "templates")}
    for name, folder in folders.items():
        own[name] = jinja2.FileSystemLoader(folder)
    return jinja2.Environment(
        loader=jinja2.PrefixLoader(own),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(
    templates: jinja2.Environment, request: Request, page: Page, user: UserInfo | None, title: str
) -> Response:
    text = templates.get_template(page.template).render(
        **page.data,
        user=user,
        title=title,
        csrf=session.csrf_token(request) if user else "",
    )
    headers = {"Cache-Control": "no-store"}
    return HTMLResponse(text, status_code=page.status, headers=headers)


class _SignIn:
    """A link signs in once. It takes a click, so that a preview of the link does not use it up."""

    def __init__(self, portal: Portal, templates: jinja2.Environment) -> None:
        self._portal = portal
        self._templates = templates

    async def show(self, request: Request) -> Response:
        link = request.query_params.get("link", "")
        return self._form(request, Page("web/sign_in.html", {"link": link, "refused": False}))

    async def redeem(self, request: Request) -> Response:
        form = await request.form()
        user = await self._portal.identity.redeem_link(str(form.get("link", "")))
        if user is None:
            data = {"link": "", "refused": True}
            return self._form(request, Page("web/sign_in.html", data, status=403))
        response = RedirectResponse("/", status_code=303)
        session.remember(response, await self._portal.identity.open_session(user))
        return response

    def _form(self, request: Request, page: Page) -> Response:
        return _render(self._templates, request, page, None, "Sign in")


def _sign_out(portal: Portal) -> Callable[[Request], object]:
    async def sign_out(request: Request) -> Response:
        if not await session.is_own_form(request):
            raise HTTPException(403, "This form has expired; go back, reload and try again.")
        await portal.identity.close_session(request.cookies.get(session.COOKIE, ""))
        response = RedirectResponse("/sign-in", status_code=303)
        session.forget(response)
        return response

    return sign_out


def _page(
    portal: Portal, templates: jinja2.Environment, page: PageRoute
) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        user = await session.visitor(request, portal.identity)
        if user is None:
            return RedirectResponse(f"/sign-in?next={quote(request.url.path)}", status_code=303)
        visit = Visit(
            user=user,
            viewer=await portal.viewer_of(user),
            api=portal.client_of(user),
            addresses=portal.addresses,
            parameters={**request.query_params, **request.path_params},
        )
        return _render(templates, request, await page.answer(visit), user, page.name)

    return answer


def _failure(templates: jinja2.Environment) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, StatusError):
            code, sentence = error.code, error.message
        else:
            assert isinstance(error, HTTPException)
            code, sentence = error.status_code, error.detail
        data = {"code": code, "sentence": sentence}
        return _render(templates, request, Page("web/error.html", data, code), None, "Error")

    return answer
