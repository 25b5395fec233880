"""What a person has been told, for the command line and agents.

GET /api/v1/notifications?unread=true&about=RunFailed&limit=50
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from towpath.capabilities.portal.notifications.notices import SORTS
from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read
from towpath.machinery.conditions import timestamp
from towpath.machinery.errors import BadRequest
from towpath.records.contract import Notification, Viewer

LIMIT_DEFAULT, LIMIT_MAX = 50, 500


def reads(platform: Platform) -> Sequence[Read]:
    async def notifications(viewer: Viewer, parameters: Mapping[str, str]) -> Any:
        """The newest first, of projects that the viewer may see."""
        about = parameters.get("about", "")
        if about and about not in SORTS:
            raise BadRequest(f"about: {about!r} is none of {', '.join(SORTS)}")
        page = await platform.inbox.page(
            viewer,
            sorts=[about] if about else (),
            unread=parameters.get("unread") == "true",
            limit=_limit(parameters.get("limit") or str(LIMIT_DEFAULT)),
            continue_token=parameters.get("continue", ""),
        )
        unread = await platform.inbox.unread(viewer)
        return {
            "items": [_shown(one) for one in page.notifications],
            "unread": unread.count,
            "continue": page.continue_token,
        }

    return (Read("notifications", notifications),)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= LIMIT_MAX):
        raise BadRequest(f"limit: {text[:20]!r} is not a number from 1 to {LIMIT_MAX}")
    return int(text)


def _shown(notification: Notification) -> dict[str, Any]:
    notice = notification.notice
    return {
        "id": notification.id,
        "about": notice.sort,
        "project": notification.project,
        "title": notice.title,
        "text": notice.text,
        "path": notice.href,
        "who": notice.who,
        "why": notice.why,
        "time": timestamp(datetime.fromtimestamp(notice.time_s, UTC)),
        "read": notification.read,
        "over": notification.settled,
    }
