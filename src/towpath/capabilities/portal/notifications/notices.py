"""What is said, and when it is over. Pure: objects in, notices out.

Of a line, what asks for something is told of its newest object alone: an older failure has been
overtaken. What has merely happened stays told.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from towpath.capabilities.delivery.pipelines.kinds import FAILED as RUN_FAILED
from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    SUPERSEDED,
    SYNCING,
    WAITING_FOR_APPROVAL,
    newest_first,
    phase_of,
)
from towpath.capabilities.portal.notifications.recipients import ASKED, PUSHED, Recipient
from towpath.hooks.showing import person
from towpath.machinery.objects import RawObject
from towpath.records.contract import Notice

APPROVAL_ASKED = "ApprovalAsked"
PROMOTION_DECIDED = "PromotionDecided"
PROMOTION_FAILED = "PromotionFailed"
RUN = "RunFailed"
SERVICE = "ServiceDegraded"
LEASE = "LeaseEnds"
"""Told by the leases themselves."""
SORTS = {
    APPROVAL_ASKED: "Approvals",
    PROMOTION_DECIDED: "Decisions",
    PROMOTION_FAILED: "Promotions",
    RUN: "Runs",
    SERVICE: "Services",
    LEASE: "Leases",
}
"""What there is, and what each is called."""

SICK = ("Degraded", "Missing")
REMIND_AFTER_S = 24 * 3600.0
"""Who has not decided is asked again, once a day."""

PROMOTIONS_TOLD = 10
"""Of one line, the newest."""


def waiting(promotions: Sequence[RawObject]) -> list[RawObject]:
    return [one for one in newest_first(promotions) if phase_of(one) == WAITING_FOR_APPROVAL]


def asked(promotion: RawObject, approvers: Sequence[Recipient]) -> Iterator[Notice]:
    """To everybody who may approve it and has not: never to who asked for it."""
    spec, status = promotion["spec"], promotion.get("status") or {}
    decided = {one["user"] for one in status.get("approvals") or ()}
    for one in approvers:
        if one.name == spec["requestedBy"] or one.name in decided:
            continue
        yield Notice(
            person=one.name,
            cause=f"asked/{promotion['metadata']['uid']}",
            sort=APPROVAL_ASKED,
            title=f"Approve {spec['release']} for {spec['environment']}",
            text=spec.get("reason", ""),
            href=promotion_page(promotion),
            who=f"asked by {person(spec['requestedBy'])}",
            why=one.why,
            time_s=moment(status.get("startedAt"), promotion),
            status=WAITING_FOR_APPROVAL,
            asks=True,
        )


def outcomes(promotions: Sequence[RawObject], team: Sequence[Recipient]) -> Iterator[Notice]:
    """To who asked for them; that the platform's own failed, to `team`."""
    for place, promotion in enumerate(newest_first(promotions)[:PROMOTIONS_TOLD]):
        requester = promotion["spec"]["requestedBy"]
        own = person(requester) == requester
        told = [Recipient(requester, ASKED)] if own else []
        for one in told:
            yield from _decided(promotion, one)
        if phase_of(promotion) == FAILED and not _rejection(promotion) and place == 0:
            yield from (_promotion_failed(promotion, one) for one in told or team)


def _decided(promotion: RawObject, to: Recipient) -> Iterator[Notice]:
    spec, status = promotion["spec"], promotion.get("status") or {}
    what = f"{spec['release']} for {spec['environment']}"
    rejection = _rejection(promotion)
    if rejection and rejection["user"] == to.name:
        return  # who takes it back knows
    if rejection:
        yield _decision(promotion, to, "rejected", f"{rejection['user']} rejected {what}", "Failed")
    elif phase_of(promotion) == SUPERSEDED:
        title = f"{spec['release']} will not go to {spec['environment']}"
        yield _decision(promotion, to, "superseded", title, SUPERSEDED)
    elif phase_of(promotion) != WAITING_FOR_APPROVAL:
        by = [one["user"] for one in status.get("approvals") or () if one.get("counts")]
        if by:
            title = f"{' and '.join(by)} approved {what}"
            yield _decision(promotion, to, "approved", title, "Approved")


def _decision(
    promotion: RawObject, to: Recipient, word: str, title: str, status_word: str
) -> Notice:
    status = promotion.get("status") or {}
    comments = [one.get("comment", "") for one in status.get("approvals") or ()]
    text = status.get("message", "") if word == "superseded" else " ".join(filter(None, comments))
    return Notice(
        person=to.name,
        cause=f"{word}/{promotion['metadata']['uid']}",
        sort=PROMOTION_DECIDED,
        title=title,
        text=text,
        href=promotion_page(promotion),
        why=to.why,
        time_s=moment(status.get("committedAt") or status.get("finishedAt"), promotion),
        status=status_word,
    )


def _promotion_failed(promotion: RawObject, to: Recipient) -> Notice:
    spec, status = promotion["spec"], promotion["status"]
    return Notice(
        person=to.name,
        cause=f"failed/{promotion['metadata']['uid']}",
        sort=PROMOTION_FAILED,
        title=f"{spec['release']} did not reach {spec['environment']}",
        text=status.get("message", ""),
        href=promotion_page(promotion),
        why=to.why,
        time_s=moment(status.get("finishedAt"), promotion),
        status=FAILED,
        asks=True,
    )


def _rejection(promotion: RawObject) -> RawObject | None:
    decisions: Sequence[RawObject] = (promotion.get("status") or {}).get("approvals") or ()
    if phase_of(promotion) != FAILED:
        return None
    return next(
        (one for one in decisions if one["decision"] == "Reject" and one.get("counts")), None
    )


def what_of_action(run: RawObject) -> str:
    """`Restart: shop`"""
    title = ((run.get("status") or {}).get("action") or {}).get("title")
    target = (run["spec"].get("target") or {}).get("name", "")
    return ": ".join(filter(None, [str(title or run["spec"]["action"]["name"]), target]))


def what_of_template(run: RawObject) -> str:
    wanted = (run["spec"].get("parameters") or {}).get("name")
    return f"creating {wanted or run['spec']['template']['name']}"


def asked_of(
    run: RawObject, what: str, approvers: Sequence[Recipient], now_s: float | None = None
) -> Iterator[Notice]:
    """To everybody whose word it waits for, and again every day until somebody has decided."""
    spec, status, metadata = run["spec"], run.get("status") or {}, run["metadata"]
    decided = {one["user"] for one in status.get("approvals") or ()}
    asked_s = _asked_s(run)
    count = _reminders(asked_s, now_s or time.time())
    expires = (status.get("approval") or {}).get("expiresAt", "")
    for one in approvers:
        if one.name == spec["requestedBy"] or one.name in decided:
            continue
        yield Notice(
            person=one.name,
            cause=f"asked/{metadata['uid']}" + (f"/{count}" if count else ""),
            sort=APPROVAL_ASKED,
            title=f"{'Still waiting: approve' if count else 'Approve'} {what}",
            text=" ".join(
                filter(
                    None, [spec.get("reason", ""), f"It expires at {expires}." if expires else ""]
                )
            ),
            href=_run_page(run),
            who=f"asked by {person(spec['requestedBy'])}",
            why=one.why,
            time_s=asked_s + count * REMIND_AFTER_S,
            status=WAITING_FOR_APPROVAL,
            asks=True,
        )


def _asked_s(run: RawObject) -> float:
    return moment(((run.get("status") or {}).get("approval") or {}).get("since"), run)


def _reminders(asked_s: float, now_s: float) -> int:
    return max(int((now_s - asked_s) // REMIND_AFTER_S), 0)


def next_reminder_s(run: RawObject, now_s: float | None = None) -> float:
    """Seconds until it is due to ask again."""
    now = now_s or time.time()
    asked_s = _asked_s(run)
    return max(asked_s + (_reminders(asked_s, now) + 1) * REMIND_AFTER_S - now, 1.0)


def action_outcome(run: RawObject) -> Iterator[Notice]:
    """To who asked: that it failed, or what somebody decided of it."""
    spec, status, metadata = run["spec"], run.get("status") or {}, run["metadata"]
    by = [one["user"] for one in status.get("approvals") or () if one.get("counts")]
    failed = status.get("phase") == FAILED
    if person(spec["requestedBy"]) != spec["requestedBy"] or not (failed or by):
        return
    if by == [spec["requestedBy"]]:
        return  # who takes it back knows
    what = what_of_action(run)
    yield Notice(
        person=spec["requestedBy"],
        cause=f"{'failed' if failed else 'approved'}/{metadata['uid']}",
        sort=RUN if failed else PROMOTION_DECIDED,
        title=f"{what} failed" if failed else f"{' and '.join(by)} approved {what}",
        text=status.get("message", "") if failed else "",
        href=_run_page(run),
        why=ASKED,
        time_s=moment(status.get("finishedAt"), run),
        status=FAILED if failed else "Approved",
        asks=failed,
    )


def _run_page(run: RawObject) -> str:
    metadata = run["metadata"]
    part = "action-runs" if "action" in run["spec"] else "runs"
    return f"/projects/{metadata['namespace']}/{part}/{metadata['name']}"


def pipeline_failed(run: RawObject, told: Sequence[Recipient]) -> Iterator[Notice]:
    spec, status, metadata = run["spec"], run.get("status") or {}, run["metadata"]
    actor = spec.get("actor", "")
    for one in told:
        yield Notice(
            person=one.name,
            cause=f"failed/{metadata['uid']}",
            sort=RUN,
            title=f"The pipeline of {spec['repository']} failed",
            text=status.get("message") or status.get("title", ""),
            href=f"/projects/{metadata['namespace']}/pipelines/{metadata['name']}",
            who=f"pushed by {person(actor)}" if actor and one.why != PUSHED else "",
            why=one.why,
            time_s=moment(status.get("finishedAt"), run),
            status=RUN_FAILED,
            asks=True,
        )


def template_failed(run: RawObject) -> Iterator[Notice]:
    spec, status, metadata = run["spec"], run.get("status") or {}, run["metadata"]
    wanted = (spec.get("parameters") or {}).get("name") or spec["template"]["name"]
    yield Notice(
        person=spec["requestedBy"],
        cause=f"failed/{metadata['uid']}",
        sort=RUN,
        title=f"Creating {wanted} failed",
        text=status.get("message", ""),
        href=f"/projects/{metadata['namespace']}/runs/{metadata['name']}",
        why=ASKED,
        time_s=moment(status.get("finishedAt"), run),
        status=RUN_FAILED,
        asks=True,
    )


def sick_stage(workload: RawObject) -> RawObject | None:
    """The most public of its stages that is not well.

    Before the last one a promotion that has failed is told as such, and not twice.
    """
    stages: Sequence[RawObject] = (workload.get("status") or {}).get("environments") or ()
    for stage in reversed(stages):
        told = stage is not stages[-1] and stage.get("phase") == FAILED
        if stage.get("health") in SICK and not told and (stage.get("release") or _moves(stage)):
            return stage
    return None


def _moves(stage: RawObject) -> bool:
    """Nothing has come there yet; something tries to."""
    return stage.get("phase") == SYNCING


def service_degraded(
    workload: RawObject, stage: RawObject, told: Sequence[Recipient], now_s: float
) -> Iterator[Notice]:
    metadata = workload["metadata"]
    for one in told:
        yield Notice(
            person=one.name,
            cause=f"degraded/{metadata['uid']}/{stage['name']}",
            sort=SERVICE,
            title=f"{metadata['name']} is {stage['health'].lower()} in {stage['name']}",
            text=stage.get("message", ""),
            href=f"/projects/{metadata['namespace']}/workloads/{metadata['name']}",
            why=one.why,
            time_s=now_s,
            status=stage["health"],
            asks=True,
        )


def promotion_page(promotion: RawObject) -> str:
    metadata = promotion["metadata"]
    return f"/projects/{metadata['namespace']}/promotions/{metadata['name']}"


def moment(text: str | None, obj: RawObject) -> float:
    """Of a time in a status, else of the object's making."""
    said = text or obj["metadata"].get("creationTimestamp", "")
    return datetime.fromisoformat(said).timestamp()
