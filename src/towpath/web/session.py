"""Who is visiting: the session cookie, and the token that proves a form came from our own page."""

import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import Response

from towpath.machinery.users import UserInfo
from towpath.web.identity import Identity

COOKIE = "towpath_session"
SESSION_S = 12 * 60 * 60


async def visitor(request: Request, identity: Identity) -> UserInfo | None:
    secret = request.cookies.get(COOKIE)
    return await identity.session(secret) if secret else None


def remember(response: Response, secret: str) -> None:
    response.set_cookie(COOKIE, secret, max_age=SESSION_S, httponly=True, samesite="lax", path="/")


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/")


def csrf_token(request: Request) -> str:
    """Bound to the session: who cannot read the cookie cannot make it."""
    secret = request.cookies.get(COOKIE, "")
    return hmac.new(secret.encode(), b"towpath form", hashlib.sha256).hexdigest()


async def is_own_form(request: Request) -> bool:
    form = await request.form()
    given = str(form.get("csrf", ""))
    return hmac.compare_digest(given, csrf_token(request))
