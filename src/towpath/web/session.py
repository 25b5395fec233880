"""Who is visiting: the session cookie, and the token that proves a form came from our own page.

Beside it, what a visitor's browser remembers of the look, and the notice for the next page. Cookies
belong to a host and know no ports, so what is a platform's own carries its port in its name: two
platforms on one machine do not sign each other's visitors out.
"""

import base64
import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import Response

from towpath.machinery.users import UserInfo
from towpath.web.guard import name_and_port
from towpath.web.identity import Identity

COOKIE = "towpath_session"
SESSION_S = 12 * 60 * 60
NOTICE = "towpath_notice"
NOTICE_S = 60
NOTICE_CHARACTERS_MAX = 500
THEME = "towpath_theme"
THEMES = ("auto", "light", "dark")
RAIL = "towpath_rail"
LOOK_S = 365 * 24 * 60 * 60


async def visitor(request: Request, identity: Identity) -> UserInfo | None:
    secret = secret_of(request)
    return await identity.session(secret) if secret else None


def secret_of(request: Request) -> str:
    """What opens the visitor's session, "" for a stranger."""
    return request.cookies.get(_own(request, COOKIE), "")


def remember(request: Request, response: Response, secret: str) -> None:
    _keep(response, _own(request, COOKIE), secret, SESSION_S)


def forget(request: Request, response: Response) -> None:
    response.delete_cookie(_own(request, COOKIE), path="/")


def csrf_token(request: Request) -> str:
    """Bound to the session: who cannot read the cookie cannot make it."""
    return _signature(request, b"towpath form")


async def is_own_form(request: Request) -> bool:
    form = await request.form()
    given = str(form.get("csrf", ""))
    return hmac.compare_digest(given.encode(), csrf_token(request).encode())


def give_notice(request: Request, response: Response, text: str) -> None:
    """Signed, so that nothing else on this host can put words into our mouth."""
    kept = base64.urlsafe_b64encode(text[:NOTICE_CHARACTERS_MAX].encode()).decode()
    value = f"{kept}.{_signature(request, kept.encode())}"
    _keep(response, _own(request, NOTICE), value, NOTICE_S)


def notice(request: Request) -> str:
    kept, _, signature = request.cookies.get(_own(request, NOTICE), "").partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(request, kept.encode()).encode()):
        return ""
    return base64.urlsafe_b64decode(kept).decode()


def forget_notice(request: Request, response: Response) -> None:
    response.delete_cookie(_own(request, NOTICE), path="/")


def theme(request: Request) -> str:
    chosen = request.cookies.get(THEME, "")
    return chosen if chosen in THEMES else "auto"


def rail_folded(request: Request) -> bool:
    return request.cookies.get(RAIL) == "folded"


def choose_theme(response: Response, chosen: str) -> None:
    _keep_look(response, THEME, chosen if chosen in THEMES else "auto")


def choose_rail(response: Response, chosen: str) -> None:
    _keep_look(response, RAIL, "folded" if chosen == "folded" else "open")


def _keep_look(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=LOOK_S, samesite="lax", path="/")


def _own(request: Request, name: str) -> str:
    """The name of this platform's cookie: with the port that the browser knows it by."""
    _, port = name_and_port(request.headers.get("host", ""))
    return f"{name}_{port}" if port else name


def _keep(response: Response, name: str, value: str, life_s: int) -> None:
    response.set_cookie(name, value, max_age=life_s, httponly=True, samesite="lax", path="/")


def _signature(request: Request, message: bytes) -> str:
    return hmac.new(secret_of(request).encode(), message, hashlib.sha256).hexdigest()
