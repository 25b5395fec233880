"""The bell: how much a visitor has not read, and what has come since their page was opened."""

import orjson
from starlette.responses import Response

from towpath.hooks.pages import Visit
from towpath.machinery.errors import BadRequest

INBOX = "/notifications"
NEW_MAX = 3
"""A page that was away for long is not covered with news."""


async def answer(visit: Visit, after: str) -> Response:
    if after and not (after.isascii() and after.isdecimal() and len(after) < 18):
        raise BadRequest("after: it is not the id of a notification")
    unread = await visit.records.inbox.unread(visit.viewer)
    new = []
    if after and unread.latest > int(after):
        page = await visit.records.inbox.page(
            visit.viewer, unread=True, after=int(after), limit=NEW_MAX
        )
        new = [
            {
                "id": one.id,
                "title": one.notice.title,
                "text": one.notice.text,
                "href": one.notice.href,
            }
            for one in reversed(page.notifications)
        ]
    body = {"unread": unread.count, "latest": unread.latest, "new": new}
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)
