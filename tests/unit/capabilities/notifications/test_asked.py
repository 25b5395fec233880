"""Whose word a run waits for: asked once, reminded daily, and never who has decided."""

from typing import Any

from towpath.capabilities.portal.notifications import notices
from towpath.capabilities.portal.notifications.recipients import Recipient

PEOPLE = [Recipient(name, "You may.") for name in ("alice", "bob", "dave")]
ASKED_S = 1_767_225_600.0
DAY_S = 24 * 3600.0


def run(**status: Any) -> dict[str, Any]:
    approval = {"since": "2026-01-01T00:00:00Z", "expiresAt": "2026-01-04T00:00:00Z"}
    return {
        "kind": "ActionRun",
        "metadata": {
            "name": "r",
            "namespace": "demo",
            "uid": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "action": {"name": "restart"},
            "target": {"name": "shop"},
            "requestedBy": "alice",
            "reason": "It hangs.",
        },
        "status": {"phase": "WaitingForApproval", "approval": approval, **status},
    }


def test_everybody_is_asked_but_who_asked_and_who_has_decided() -> None:
    waits = run(approvals=[{"user": "dave", "decision": "Approve", "counts": True}])
    (told,) = notices.asked_of(waits, "Restart: shop", PEOPLE, ASKED_S + 60)
    assert told.person == "bob"
    assert told.title == "Approve Restart: shop"
    assert told.text == "It hangs. It expires at 2026-01-04T00:00:00Z."
    assert told.href == "/projects/demo/action-runs/r"


def test_after_a_day_it_is_another_notice() -> None:
    first = {one.cause for one in notices.asked_of(run(), "x", PEOPLE, ASKED_S + 60)}
    later = list(notices.asked_of(run(), "x", PEOPLE, ASKED_S + 2 * DAY_S + 60))
    assert first == {"asked/1"}
    assert {one.cause for one in later} == {"asked/1/2"}
    assert later[0].title.startswith("Still waiting")
    assert notices.next_reminder_s(run(), ASKED_S + 60) == DAY_S - 60


def test_who_asked_hears_how_it_went() -> None:
    approved = [{"user": "bob", "decision": "Approve", "counts": True}]
    (told,) = notices.action_outcome(run(phase="Running", approvals=approved))
    assert (told.person, told.title) == ("alice", "bob approved restart: shop")
    (told,) = notices.action_outcome(run(phase="Failed", message="The service answered 500."))
    assert (told.title, told.asks) == ("restart: shop failed", True)
    taken_back = [{"user": "alice", "decision": "Reject", "counts": True}]
    assert list(notices.action_outcome(run(phase="Failed", approvals=taken_back))) == []
