"""Deciding on something that waits for approval: from its page, and from the terminal.

Both create an Approval in the person's own name; the API refuses another's.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from towpath.client.protocols import Client
from towpath.hooks.approvals import APPROVAL, APPROVE, REJECT, WAITING_FOR_APPROVAL
from towpath.hooks.pages import Visit
from towpath.hooks.showing import may
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.objects import RawObject

_PROJECT_LABEL = "towpath.dev/project"
DECISIONS = {"approve": APPROVE, "reject": REJECT}
"""By the value of the button."""


class CannotDecide(Exception):
    """This person does not decide on that; `str()` says why, `status` as HTTP does."""

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Decision:
    """What the page of something that waits says and offers; for `web/decision.html`."""

    waits: bool = False
    mine: bool = False
    may_decide: bool = False
    decided: bool = False
    expires: str = ""
    approvers: tuple[str, ...] = ()
    decisions: tuple[dict[str, Any], ...] = ()


def approval_name(kind: str, name: str, user: str) -> str:
    """One decision of one person on one thing has one name."""
    readable = re.sub(r"[^a-z0-9]+", "-", user.lower()).strip("-")[:40]
    if readable != user:
        readable = f"{readable}-{hashlib.sha256(user.encode()).hexdigest()[:8]}".lstrip("-")
    # Promotions were first, and had no kind in the names of their approvals.
    before = "" if kind == "Promotion" else f"{kind.lower()}-"
    return f"{before}{name}-{readable}"


def approval_of(subject: RawObject, user: str, decision: str, comment: str) -> RawObject:
    metadata = subject["metadata"]
    name, project = metadata["name"], metadata["namespace"]
    spec: RawObject = {
        "subject": {"kind": subject["kind"], "name": name, "uid": metadata["uid"]},
        "decision": decision,
        "user": user,
    }
    if comment:
        spec["comment"] = comment
    approval = APPROVAL.object(approval_name(subject["kind"], name, user), project, spec=spec)
    approval["metadata"]["labels"] = {_PROJECT_LABEL: project}
    return approval


async def decide(
    api: Client, subject: RawObject, user: str, decision: str, comment: str
) -> RawObject:
    """The Approval, made. Raises CannotDecide and StatusError."""
    name = subject["metadata"]["name"]
    if decision == APPROVE and subject["spec"].get("requestedBy") == user:
        raise CannotDecide(f"{user} asked for {name}; somebody else must approve it")
    try:
        return await api.create(APPROVAL, approval_of(subject, user, decision, comment))
    except AlreadyExists:
        raise CannotDecide(f"{user} has decided on {name} already", 409) from None


async def decide_on_page(visit: Visit, subject: RawObject) -> str:
    """What was posted, done; the word for it. Raises CannotDecide and StatusError."""
    decision = DECISIONS.get(visit.form.get("decision", ""))
    if decision is None:
        raise CannotDecide("Choose approve or reject.", 422)
    user, comment = visit.user.name, visit.form.get("comment", "").strip()
    own = subject["spec"].get("requestedBy") == user
    if own and decision == APPROVE:
        raise CannotDecide("You asked for this; somebody else must approve it.")
    try:
        await decide(visit.api, subject, user, decision, comment)
    except CannotDecide as refused:
        if refused.status == 409:
            kind = subject["kind"].lower().removesuffix("run")
            raise CannotDecide(f"You have decided on this {kind} already.", 409) from None
        raise
    return "approved" if decision == APPROVE else "taken back" if own else "rejected"


async def decision_of(visit: Visit, subject: RawObject) -> Decision:
    status = subject.get("status") or {}
    decisions = tuple(status.get("approvals") or ())
    decided = any(one["user"] == visit.user.name for one in decisions)
    waits = status.get("phase") == WAITING_FOR_APPROVAL
    project = subject["metadata"]["namespace"]
    approval = status.get("approval") or {}
    return Decision(
        waits=waits,
        mine=subject["spec"].get("requestedBy") == visit.user.name,
        may_decide=waits and not decided and await may(visit.api, "create", APPROVAL, project),
        decided=decided,
        expires=approval.get("expiresAt", ""),
        approvers=tuple(approval.get("approvers") or ()),
        decisions=decisions,
    )
