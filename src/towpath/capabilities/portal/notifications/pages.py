"""The inbox as a page: what a person has been told, filtered by the address, newest first."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.portal.notifications.notices import SORTS
from towpath.hooks.pages import Answer, LiveRecords, Page, PageRoute, Redirect, Visit
from towpath.machinery.errors import BadRequest
from towpath.records.contract import Notification

INBOX = "/notifications"
PAGE_SIZE = 50
UNREAD = "unread"


async def show(visit: Visit) -> Page:
    query = _query(visit.parameters)
    found = await visit.records.inbox.page(
        visit.viewer,
        sorts=[query["about"]] if "about" in query else (),
        unread=query.get("show") == UNREAD,
        limit=PAGE_SIZE,
        continue_token=visit.parameters.get("continue", ""),
    )
    unread = await visit.records.inbox.unread(visit.viewer)
    data = {
        "rows": [_row(one) for one in found.notifications],
        "unread": unread.count,
        "tabs": _tabs(query, unread.count),
        "about": [_about(query, sort, label) for sort, label in SORTS.items()],
        "is_filtered": bool(query),
        "is_first": not visit.parameters.get("continue"),
        "here": _address(query),
        "next": _address({**query, "continue": found.continue_token})
        if found.continue_token
        else "",
    }
    return Page("notifications/inbox.html", data)


async def mark(visit: Visit) -> Answer:
    """Read, unread, or all read; and back to where one was."""
    back = _address(_query(visit.parameters))
    if visit.form.get("all"):
        await visit.records.inbox.mark(visit.viewer, (), read=True)
        return Redirect(back, "Everything is marked as read.")
    for name, read in (("read", True), ("unread", False)):
        if name in visit.form:
            await visit.records.inbox.mark(visit.viewer, [_id(visit.form[name])], read=read)
            return Redirect(back)
    if "dismiss" in visit.form:
        await visit.records.inbox.dismiss(visit.viewer, [_id(visit.form["dismiss"])])
        return Redirect(visit.form.get("back") or back, "It does not wait for you any more.")
    raise BadRequest("say what to do: read, unread, dismiss, or all")


def _id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        raise BadRequest(f"{text[:20]!r} is not the id of a notification")
    return int(text)


def _query(parameters: Mapping[str, str]) -> dict[str, str]:
    query = {name: parameters[name] for name in ("show", "about") if parameters.get(name)}
    if query.get("show", UNREAD) != UNREAD:
        raise BadRequest(f"show: {query['show']!r} is not {UNREAD}")
    if "about" in query and query["about"] not in SORTS:
        raise BadRequest(f"about: {query['about']!r} is none of {', '.join(SORTS)}")
    return query


def _tabs(query: Mapping[str, str], unread: int) -> list[dict[str, Any]]:
    rest = {name: value for name, value in query.items() if name != "show"}
    is_unread = query.get("show") == UNREAD
    return [
        {"label": "All", "href": _address(rest), "current": not is_unread},
        {
            "label": "Unread",
            "href": _address({**rest, "show": UNREAD}),
            "current": is_unread,
            "count": unread or None,
        },
    ]


def _about(query: Mapping[str, str], sort: str, label: str) -> dict[str, Any]:
    is_chosen = query.get("about") == sort
    rest = {name: value for name, value in query.items() if name != "about"}
    href = _address(rest if is_chosen else {**rest, "about": sort})
    return {"label": label, "href": href, "current": is_chosen}


def _address(query: Mapping[str, str]) -> str:
    return f"{INBOX}?{urlencode(query)}" if query else INBOX


def _row(notification: Notification) -> dict[str, Any]:
    notice = notification.notice
    return {
        "id": notification.id,
        "unread": not notification.read,
        "over": notification.settled,
        "project": notification.project,
        "status": notice.status,
        "title": notice.title,
        "text": notice.text,
        "href": notice.href,
        "who": notice.who,
        "why": notice.why,
        "time": notice.time_s,
    }


def _live(visit: Visit) -> Sequence[LiveRecords]:
    return (LiveRecords("inbox"),)


PAGES = (PageRoute(INBOX, show, "Inbox", submit=mark, live=_live, section=INBOX),)
