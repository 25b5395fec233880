"""The portal as one ASGI application: pages of capabilities, sign-in, static files, reads."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, compile_path
from starlette.types import Receive, Scope, Send

from towpath.client.protocols import Client
from towpath.engines.git.port import GitReader
from towpath.hooks.checks import ServiceCheck
from towpath.hooks.offered_actions import ActionSource
from towpath.hooks.pages import Answer, LiveWatch, Page, PageRoute, Records, Redirect, Visit
from towpath.hooks.palette import PaletteSource
from towpath.hooks.platform import Addresses
from towpath.hooks.tabs import ServiceTab
from towpath.machinery.errors import StatusError
from towpath.machinery.plain_words import plainly
from towpath.machinery.users import UserInfo
from towpath.plugin.reports import PluginReport
from towpath.records.contract import Viewer
from towpath.web import bell, palette, session, styleguide, wording
from towpath.web.about_page import Engine, about_page
from towpath.web.account_page import account_page
from towpath.web.apis import ForeignApis
from towpath.web.guard import Guard
from towpath.web.identity import Identity
from towpath.web.live import LiveStreams, listening
from towpath.web.reads import ViewerOf
from towpath.web.rendering import Frame, Rendering

FORM_FIELDS_MAX = 500
FORM_BYTES_MAX = 1024 * 1024
FORM_S_MAX = 30.0
BROKEN = (
    "This page broke: a defect of the platform. Its log says where; whoever runs it can read it."
)
EXPIRED = "This form was made for a sign-in that has ended. Nothing was done."


VisitAs = Callable[[UserInfo], Awaitable[Visit]]


@dataclass(frozen=True, slots=True)
class Portal:
    """What the pages stand on."""

    identity: Identity
    client_of: Callable[[UserInfo], Client]
    viewer_of: ViewerOf
    cluster_of: Callable[[UserInfo, str], Client]
    """A workload cluster's API with that user's rights. Raises NotFound."""
    git_of: Callable[[UserInfo], GitReader]
    """Repositories with that user's rights."""
    projects_of: Callable[[Viewer], Awaitable[list[str]]]
    """The names of the projects that a viewer may see."""
    records: Records
    engines: tuple[Engine, ...]
    addresses: Addresses
    hosts: tuple[str, ...]
    pages: tuple[PageRoute, ...]
    template_folders: Mapping[str, Path]
    """Each capability's `templates/` folder, by the capability's name."""
    palette: tuple[PaletteSource, ...] = ()
    """What capabilities offer there."""
    actions: tuple[ActionSource, ...] = ()
    """What they offer to do with a thing, on its pages."""
    tabs: Callable[[], Sequence[ServiceTab]] = tuple
    """Of the service page, those that come and go with plug-ins too."""
    checks: Callable[[], Sequence[ServiceCheck]] = tuple
    plugins: Callable[[], Sequence[PluginReport]] = tuple
    program: str = "towpath"
    """What to type for it in the folder where the platform was started."""


class PortalApplication:
    """The portal, guarded."""

    def __init__(
        self,
        app: Starlette,
        apis: ForeignApis | None,
        live: LiveStreams,
        hosts: Iterable[str],
        visit_as: VisitAs,
    ) -> None:
        self.routes: Sequence[BaseRoute] = app.routes
        """All that it answers to."""
        self._app = Guard(apis.before(app) if apis else app, hosts=hosts)
        self._live = live
        self.visit_as = visit_as
        """What a page would be given for that user: for checks that nobody looks at."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def end_streams(self) -> None:
        """End the streams of all open pages, so that the listener can stop at once."""
        self._live.end_all()


def build_portal(
    portal: Portal, reads: Iterable[BaseRoute], apis: ForeignApis | None = None
) -> PortalApplication:
    live = LiveStreams()
    account = account_page(portal.identity, live.end_session)
    pages = (*portal.pages, account, about_page(portal.engines, portal.plugins), *styleguide.PAGES)
    rendering = Rendering(portal.template_folders, pages)
    shell = _Shell(portal, rendering, live)
    routes: list[BaseRoute] = [
        # First: what a page waits for should not wait itself.
        rendering.assets.route,
        Route("/sign-in", shell.show_sign_in, methods=["GET"]),
        Route("/sign-in", shell.redeem, methods=["POST"]),
        Route("/sign-out", shell.sign_out, methods=["POST"]),
        Route("/-/look", shell.choose_look, methods=["POST"]),
        *reads,
        *(Route(page.path, _endpoint(shell, page), methods=_methods(page)) for page in pages),
        Route("/-/live", shell.live, methods=["GET"]),
        Route("/-/palette", shell.palette, methods=["GET"]),
        Route("/-/inbox", shell.inbox, methods=["GET"]),
    ]
    handlers = {
        StatusError: shell.failure,
        HTTPException: shell.failure,
        Exception: shell.defect,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    return PortalApplication(app, apis, live, portal.hosts, shell.visit_as)


def _methods(page: PageRoute) -> list[str]:
    return ["GET", "POST"] if page.submit else ["GET"]


def _endpoint(shell: "_Shell", page: PageRoute) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await shell.page(request, page)

    return answer


class _Shell:
    """What every page has around it, and the few pages that need nobody signed in."""

    def __init__(self, portal: Portal, rendering: Rendering, streams: LiveStreams) -> None:
        self._portal = portal
        self._rendering = rendering
        self._streams = streams
        self._live_pages = [
            (compile_path(route.path), route) for route in portal.pages if route.live
        ]

    async def page(self, request: Request, route: PageRoute) -> Response:
        user = await session.visitor(request, self._portal.identity)
        if user is None:
            back = quote(f"{request.url.path}?{request.url.query}".rstrip("?"))
            return RedirectResponse(f"/sign-in?next={back}", status_code=303)
        parameters = {**request.query_params, **request.path_params}
        visit = replace(await self._visit(user, parameters), session=self._session(request))
        if not _may_see(visit, request.path_params):
            raise HTTPException(404)
        if request.method != "POST" or not route.submit:
            return await self._answered(request, route, visit, await route.answer(visit))
        form = await _form(request)
        if not await session.is_own_form(request):
            return self._ask_again(request, user, form)
        answer = await route.submit(replace(visit, form=_fields(form)))
        return await self._answered(request, route, visit, answer)

    def _ask_again(self, request: Request, user: UserInfo, form: FormData) -> Response:
        """Nothing that was typed is lost; nothing is done that the visitor has not looked at."""
        typed = [(name, str(value)) for name, value in form.multi_items() if name != "csrf"]
        page = Page("web/ask_again.html", {"sentence": EXPIRED, "typed": typed}, 403)
        return self._rendering.render(request, page, "Send it again?", Frame(user=user))

    async def visit_as(self, user: UserInfo) -> Visit:
        return await self._visit(user, {})

    async def _visit(self, user: UserInfo, parameters: Mapping[str, str]) -> Visit:
        portal = self._portal
        return Visit(
            user=user,
            viewer=await portal.viewer_of(user),
            api=portal.client_of(user),
            addresses=portal.addresses,
            parameters=parameters,
            records=portal.records,
            cluster=lambda name: portal.cluster_of(user, name),
            git=portal.git_of(user),
            tabs=portal.tabs(),
            checks=portal.checks(),
            offers=portal.palette,
            actions=portal.actions,
        )

    async def _answered(
        self, request: Request, route: PageRoute, visit: Visit, answer: Answer
    ) -> Response:
        if isinstance(answer, Redirect):
            response: Response = RedirectResponse(own_path(answer.path), status_code=303)
            if answer.notice:
                session.give_notice(request, response, answer.notice)
            return response
        notice = session.notice(request)
        frame = Frame(
            user=visit.user,
            projects=tuple(await self._portal.projects_of(visit.viewer)),
            project=visit.parameters.get("project", ""),
            section=route.section or route.path,
            live=bool(route.live and route.live(visit)),
            notice=notice,
            unread=await visit.records.inbox.unread(visit.viewer),
        )
        response = self._rendering.render(request, answer, route.name, frame)
        if notice:
            session.forget_notice(request, response)
        return response

    async def live(self, request: Request) -> Response:
        user = await session.visitor(request, self._portal.identity)
        if user is None:
            return PlainTextResponse("sign in first", 401)
        visit, route = await self._open_page(user, request.query_params.get("page", ""))
        shown = route.live(visit) if route and route.live else ()
        return self._streams.answer(
            [one for one in shown if isinstance(one, LiveWatch)],
            listening(self._portal.records.changes, shown, visit.viewer),
            self._clients(visit),
            self._signed_in(request),
            session=self._session(request),
        )

    async def _open_page(self, user: UserInfo, address: str) -> tuple[Visit, PageRoute | None]:
        """What somebody looks at, when it changes by itself and is theirs to see."""
        path, _, query = address.partition("?")
        for (pattern, _, convertors), route in self._live_pages:
            if found := pattern.match(path):
                parts = {
                    name: convertors[name].convert(text) for name, text in found.groupdict().items()
                }
                visit = await self._visit(user, {**dict(parse_qsl(query)), **parts})
                if _may_see(visit, parts):
                    return visit, route
                break
        return await self._visit(user, {}), None

    async def inbox(self, request: Request) -> Response:
        """What the bell shows, and what is new since `after`, for a page that is open."""
        user = await session.visitor(request, self._portal.identity)
        if user is None:
            return PlainTextResponse("sign in first", 401)
        visit = await self._visit(user, {})
        return await bell.answer(visit, request.query_params.get("after", ""))

    def _session(self, request: Request) -> str:
        return self._portal.identity.id_of(session.secret_of(request))

    async def palette(self, request: Request) -> Response:
        user = await session.visitor(request, self._portal.identity)
        if user is None:
            return PlainTextResponse("sign in first", 401)
        visit = await self._visit(user, {})
        question = palette.question_of(request.query_params)
        projects = await self._portal.projects_of(visit.viewer)
        rail = self._rendering.rail
        return await palette.answer(visit, question, rail, projects, self._portal.palette)

    def _clients(self, visit: Visit) -> Callable[[str], Client]:
        return lambda cluster: visit.cluster(cluster) if cluster else visit.api

    def _signed_in(self, request: Request) -> Callable[[], Awaitable[bool]]:
        async def still() -> bool:
            return await session.visitor(request, self._portal.identity) is not None

        return still

    async def show_sign_in(self, request: Request) -> Response:
        link = request.query_params.get("link", "")
        back = request.query_params.get("next", "")
        return self._sign_in(request, link=link, back=back)

    def _sign_in(
        self, request: Request, *, link: str = "", back: str = "", refused: bool = False
    ) -> Response:
        program = self._portal.program
        data = {"link": link, "next": back, "refused": refused, "program": program}
        page = Page("web/sign_in.html", data, 403 if refused else 200)
        return self._plain(request, page, "Sign in")

    async def redeem(self, request: Request) -> Response:
        """A link signs in once. It takes a click: a preview of the link does not use it up."""
        form = await _form(request)
        user = await self._portal.identity.redeem_link(str(form.get("link", "")))
        if user is None:
            return self._sign_in(request, refused=True)
        response = RedirectResponse(own_path(str(form.get("next", ""))), status_code=303)
        where = wording.browser(request.headers.get("user-agent", ""))
        await self._portal.identity.close_session(session.secret_of(request))
        opened = await self._portal.identity.open_session(user, where)
        session.remember(request, response, opened)
        # Open pages ask again at once: the browser has to know the new session by then.
        response.background = BackgroundTask(self._tell_pages, self._session(request))
        return response

    async def _tell_pages(self, ended: str) -> None:
        self._streams.end_session(ended)

    async def sign_out(self, request: Request) -> Response:
        if await session.visitor(request, self._portal.identity) is None:
            return RedirectResponse("/sign-in", status_code=303)
        await _own_form(request)
        await self._portal.identity.close_session(session.secret_of(request))
        self._streams.end_session(self._session(request))
        response = RedirectResponse("/sign-in", status_code=303)
        session.forget(request, response)
        return response

    async def choose_look(self, request: Request) -> Response:
        """Theme and rail, kept in the browser. Harmless, but other sites have no say in it."""
        form = await _own_form(request)
        response = RedirectResponse(own_path(str(form.get("next", ""))), status_code=303)
        if "theme" in form:
            session.choose_theme(response, str(form["theme"]))
        if "rail" in form:
            session.choose_rail(response, str(form["rail"]))
        return response

    async def failure(self, request: Request, error: Exception) -> Response:
        if isinstance(error, StatusError):
            project = request.scope.get("path_params", {}).get("project", "")
            code, sentence = error.code, _sentence(plainly(error, project))
        else:
            assert isinstance(error, HTTPException)
            code, sentence = error.status_code, error.detail
        if code == 404 and isinstance(error, HTTPException):
            sentence = f"There is nothing at {request.url.path}, or it is not yours to see."
        response = await self._failed(request, code, sentence)
        for name, value in _headers_of(error).items():
            response.headers[name] = value
        return response

    async def defect(self, request: Request, error: Exception) -> Response:
        """What went wrong is in the platform's log, and nobody else's to read."""
        return await self._failed(request, 500, BROKEN)

    async def _failed(self, request: Request, code: int, sentence: str) -> Response:
        data = {"code": code, "sentence": sentence}
        user = await session.visitor(request, self._portal.identity)
        page = Page("web/error.html", data, code)
        return self._rendering.render(request, page, "Error", Frame(user=user))

    def _plain(self, request: Request, page: Page, title: str) -> Response:
        return self._rendering.render(request, page, title, Frame())


def _sentence(text: str) -> str:
    """As a page says it: our own begin like a sentence, a name stays as it is."""
    ours = text.startswith(("there is no ", "only "))
    return f"{text[0].upper()}{text[1:]}." if ours else text


def own_path(path: str) -> str:
    """The path if it stays on this site, else the home page."""
    parts = urlsplit(path)
    stays = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if stays and not parts.netloc and path.isprintable() else "/"


def _may_see(visit: Visit, parts: Mapping[str, str]) -> bool:
    """What belongs to somebody else's project is as if it were not, whatever its page would say."""
    return "project" not in parts or visit.viewer.may_see(parts["project"])


def _headers_of(error: Exception) -> Mapping[str, str]:
    if isinstance(error, HTTPException):
        return error.headers or {}
    retry_after_s = getattr(error, "retry_after_s", None)
    return {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}


async def _form(request: Request) -> FormData:
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > FORM_BYTES_MAX:
        raise HTTPException(413, f"A form may hold at most {FORM_BYTES_MAX} bytes.")
    try:
        async with asyncio.timeout(FORM_S_MAX):
            return await request.form(max_files=0, max_fields=FORM_FIELDS_MAX)
    except TimeoutError:
        raise HTTPException(408, f"The form did not arrive within {FORM_S_MAX:g} s.") from None


async def _own_form(request: Request) -> FormData:
    """What was posted, from a page of ours."""
    form = await _form(request)
    if not await session.is_own_form(request):
        raise HTTPException(403, EXPIRED)
    return form


def _fields(form: FormData) -> dict[str, str]:
    """A field that came twice is its values' lines; of a box, ticked wins over its absence."""
    fields: dict[str, str] = {}
    for name in form:
        values = [str(value) for value in form.getlist(name)]
        if values[0] == "false" and values[1:] == ["true"]:
            values = ["true"]
        fields[name] = "\n".join(values)
    fields.pop("csrf", None)
    return fields
