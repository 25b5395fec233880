"""What a person holds: the sessions and tokens that open the platform in their name."""

from collections.abc import Callable, Sequence

from towpath.engines.identity.port import Issued
from towpath.hooks.pages import Answer, Page, PageRoute, Redirect, Visit
from towpath.web.identity import Identity

PATH = "/account"
LABEL_CHARACTERS_MAX = 60


def account_page(identity: Identity, ended: Callable[[str], None]) -> PageRoute:
    """`ended` is told the id of each session that somebody ends here."""

    async def show(visit: Visit) -> Page:
        return _page(visit, await identity.issued(visit.user))

    async def submit(visit: Visit) -> Answer:
        if issued_id := visit.form.get("revoke"):
            if not await identity.revoke(visit.user, issued_id):
                return Redirect(PATH, "It had ended already.")
            ended(issued_id)
            return Redirect(PATH, "Ended. It opens nothing any more.")
        label = visit.form.get("label", "").strip()
        if not label or len(label) > LABEL_CHARACTERS_MAX:
            error = f"Say in up to {LABEL_CHARACTERS_MAX} characters what it is for."
            return _page(visit, await identity.issued(visit.user), error=error)
        token = await identity.issue_token(visit.user, label)
        return _page(visit, await identity.issued(visit.user), token=token)

    return PageRoute(PATH, show, "Sessions and tokens", submit=submit, section="/account")


def _page(visit: Visit, issued: Sequence[Issued], *, token: str = "", error: str = "") -> Page:
    data = {
        "sessions": [one for one in issued if one.kind == "session"],
        "tokens": [one for one in issued if one.kind == "token"],
        "current": visit.session,
        "token": token,
        "error": error,
        "label": visit.form.get("label", "") if error else "",
        "groups": [group for group in visit.user.groups if not group.startswith("system:")],
        "git": visit.addresses.portal("/git/"),
    }
    return Page("web/account.html", data, status=422 if error else 200)
