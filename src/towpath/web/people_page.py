"""The pages of people: who there is, adding somebody, their groups, and closing an account."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from towpath.engines.identity.port import ACCOUNTS, Account, BadAccount, UnknownPerson
from towpath.hooks.pages import Answer, Page, PageRoute, Redirect, Visit
from towpath.machinery.errors import NotFound
from towpath.records.contract import AuditFilter
from towpath.web.people import People

PATH = "/people"
SECTION = "/about"
PEOPLE_SHOWN = 50
CHANGES_SHOWN = 15
_DID = {
    "create": "Added",
    "update": "Put into other groups",
    "deactivate": "Deactivated",
    "activate": "Activated again",
    "impersonate": "Made a sign-in link",
    "revoke": "Signed out everywhere",
}


def people_pages(people: People) -> Sequence[PageRoute]:
    async def show_all(visit: Visit) -> Page:
        return await _list(visit, people)

    async def add(visit: Visit) -> Answer:
        form = visit.form
        account = Account(
            name=form.get("name", "").strip(),
            display_name=form.get("display_name", "").strip(),
            email=form.get("email", "").strip(),
            groups=tuple(form.get("groups", "").replace(",", " ").split()),
        )
        try:
            secret = await people.add(visit.user, account)
        except BadAccount as bad:
            return await _list(visit, people, error=str(bad))
        link = visit.addresses.portal(f"/sign-in?link={secret}")
        return await _list(visit, people, link=link, added=account.name)

    async def show_one(visit: Visit) -> Page:
        return await _one(visit, people)

    async def change(visit: Visit) -> Answer:
        name, user = visit.parameters["name"], visit.user
        try:
            match visit.form.get("action"):
                case "link":
                    secret = await people.link(user, name)
                    link = visit.addresses.portal(f"/sign-in?link={secret}")
                    return await _one(visit, people, link=link)
                case "deactivate" if name == user.name:
                    return await _one(visit, people, error="Ask somebody else to deactivate you.")
                case "deactivate":
                    await people.deactivate(user, name)
                    notice = f"{name} is signed out everywhere and cannot sign in any more."
                case "activate":
                    await people.activate(user, name)
                    notice = f"{name} can sign in again, with a new link."
                case _:
                    groups = visit.form.get("groups", "").replace(",", " ").split()
                    await people.set_groups(user, name, groups)
                    notice = f"{name} is in {', '.join(groups) or 'no group'} now."
        except (BadAccount, UnknownPerson) as bad:
            return await _one(visit, people, error=str(bad))
        return Redirect(f"{PATH}/{quote(name)}", notice)

    return (
        PageRoute(PATH, show_all, "People", submit=add, section=SECTION),
        PageRoute(f"{PATH}/{{name}}", show_one, "Person", submit=change, section=SECTION),
    )


async def _list(
    visit: Visit, people: People, *, error: str = "", link: str = "", added: str = ""
) -> Page:
    text, after = visit.parameters.get("q", ""), visit.parameters.get("after", "")
    found = await people.list(visit.user, text=text, after=after, limit=PEOPLE_SHOWN + 1)
    query = {"q": text} if text else {}
    following = found[PEOPLE_SHOWN - 1].name if len(found) > PEOPLE_SHOWN else ""
    data = {
        "people": found[:PEOPLE_SHOWN],
        "text": text,
        "next": f"{PATH}?{urlencode({**query, 'after': following})}" if following else "",
        "first": f"{PATH}?{urlencode(query)}" if after and query else (PATH if after else ""),
        "error": error,
        "link": link,
        "added": added,
        "given": visit.form if error else {},
    }
    return Page("web/people.html", data, status=422 if error else 200)


async def _one(visit: Visit, people: People, *, error: str = "", link: str = "") -> Page:
    name = visit.parameters["name"]
    account = await people.get(visit.user, name)
    if account is None:
        raise NotFound(f"nobody is called {name!r}; see the list of people")
    data = {
        "person": account,
        "groups": " ".join(account.groups),
        "error": error,
        "link": link,
        "changes": await _changes(visit, name),
        "is_you": name == visit.user.name,
    }
    status = 422 if error else 200
    return Page("web/person.html", data, status, title=account.display_name or name)


async def _changes(visit: Visit, name: str) -> list[dict[str, Any]]:
    where = AuditFilter(cluster="", resource=ACCOUNTS, name=name)
    page = await visit.records.audit.query(visit.viewer, where, limit=CHANGES_SHOWN)
    return [
        {
            "title": _DID.get(one.verb, one.verb),
            "text": ", ".join(one.detail.get("groups") or ()),
            "who": one.user,
            "time": one.time_s,
        }
        for one in page.entries
    ]
