"""Commands of the terminal: `notifications`."""

from towpath.hooks.commands import Command, Terminal


async def notifications(terminal: Terminal, *, unread: bool = False, about: str = "") -> None:
    """List what you have been told: approvals to give, failures, services that are not well.

    Parameters
    ----------
    unread
        Only what you have not read.
    about
        Only ApprovalAsked, PromotionDecided, PromotionFailed, RunFailed or ServiceDegraded.
    """
    asked = {**({"unread": "true"} if unread else {}), **({"about": about} if about else {})}
    told = await terminal.read("notifications", **asked)
    portal = await terminal.portal()
    rows = [
        {
            "time": one["time"],
            "what": one["title"],
            "project": one["project"],
            "state": "over" if one["over"] else "read" if one["read"] else "unread",
            "where": portal + one["path"],
            "+why": one["why"],
        }
        for one in told["items"]
    ]
    terminal.show(told, rows)


COMMANDS = (Command(("notifications",), notifications),)
