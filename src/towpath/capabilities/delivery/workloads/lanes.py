"""Environment lanes: what runs in each stage of a workload, and what can be done there. Pure.

Everything is told from objects that the visitor has read; what may be offered is decided here, what
is allowed is decided by the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from towpath.capabilities.delivery.environments.kinds import approvals_required, by_order
from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    SUCCEEDED,
    WAITING_FOR_APPROVAL,
    commit_order,
    is_finished,
    is_unwell,
    newest_first,
    phase_of,
    release_to_go_back_to,
)
from towpath.hooks.commits import Span
from towpath.machinery.objects import RawObject

COMMIT_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read of one workload."""

    workload: RawObject
    environments: Sequence[RawObject]
    releases: Sequence[RawObject]
    promotions: Sequence[RawObject]
    """The newest first."""
    runs: Sequence[RawObject] = ()
    """Pipeline runs, the newest first."""
    user: str = ""
    may_promote: bool = False
    may_approve: bool = False

    @property
    def name(self) -> str:
        name: str = self.workload["metadata"]["name"]
        return name

    @property
    def status(self) -> RawObject:
        return self.workload.get("status") or {}

    def commit_of(self, release: str) -> str:
        """The whole id of the commit that it is a build of, "" when it is gone."""
        for one in self.releases:
            if one["metadata"]["name"] == release:
                commit: str = one["spec"]["commit"]
                return commit
        return ""

    @property
    def latest(self) -> str:
        latest: str = self.status.get("latestRelease", "")
        return latest

    def order_of(self, release: str) -> int:
        """0 is the newest release; -1 when it is gone."""
        names = [one["metadata"]["name"] for one in newest_first(self.releases)]
        return names.index(release) if release in names else -1


@dataclass(frozen=True, slots=True)
class Waiting:
    """A promotion that somebody must decide."""

    name: str
    release: str
    requested_by: str
    reason: str
    approved: int
    required: int
    mine: bool
    may_decide: bool


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    cluster: str
    mode: str
    release: str = ""
    commit: str = ""
    subject: str = ""
    """The first line of the commit's message."""
    full_commit: str = ""
    commit_href: str = ""
    author: str = ""
    since: str = ""
    health: str = ""
    health_since: str = ""
    sync: str = ""
    url: str = ""
    host: str = ""
    message: str = ""
    drift: Mapping[str, Any] = field(default_factory=dict)
    waiting: Waiting | None = None
    moving: Mapping[str, str] = field(default_factory=dict)
    """The promotion that goes on, or the last one when it failed: name, phase, release."""
    candidate: str = ""
    """The release that would come here next, "" when it runs here already."""
    previous: str = ""
    """The release to go back to, "" when there is none."""
    behind: int = 0
    """How many newer releases there are."""
    pending: Span = field(default_factory=Span)
    """The commits between what runs here and the candidate."""
    pending_href: str = ""
    approvals: int = 0

    @property
    def offers_candidate(self) -> bool:
        """A candidate that is no step back; going back has a button of its own."""
        settled = not self.moving or self.moving.get("phase") == FAILED
        return bool(self.candidate) and settled and self.pending.direction != "back"

    @property
    def when(self) -> str:
        return self.since

    @property
    def note(self) -> str:
        if not self.release and not self.waiting and not self.moving:
            how = "automatically" if self.mode == "auto" else "by a promotion"
            return f"The first release comes here {how}."
        return ""


def lanes_of(facts: Facts) -> list[Lane]:
    """The stages in their order."""
    known = {entry["name"]: entry for entry in facts.status.get("environments") or ()}
    listed: list[str] = facts.workload["spec"]["environments"]
    there = [one for one in facts.environments if one["metadata"]["name"] in listed]
    before = ""
    lanes = []
    for environment in sorted(there, key=by_order):
        entry = known.get(environment["metadata"]["name"], {})
        lanes.append(_lane(facts, environment, entry, before))
        before = entry.get("release") or before
    return lanes


def _lane(facts: Facts, environment: RawObject, entry: RawObject, before: str) -> Lane:
    name: str = environment["metadata"]["name"]
    here = [one for one in facts.promotions if one["spec"]["environment"] == name]
    release = entry.get("release", "")
    commit = entry.get("commit", "")
    run = _run_of(facts, commit)
    url = entry.get("url", "")
    order = facts.order_of(release) if release else -1
    candidate = before or facts.latest
    return Lane(
        name=name,
        cluster=environment["spec"]["cluster"],
        mode=environment["spec"].get("mode", "manual"),
        release=release,
        commit=commit[:COMMIT_CHARACTERS],
        full_commit=commit,
        subject=(run.get("status") or {}).get("title", ""),
        author=(run.get("spec") or {}).get("actor", ""),
        since=_since(here),
        health=entry.get("health", ""),
        health_since=entry.get("healthSince", ""),
        sync=entry.get("sync", ""),
        url=url,
        host=urlsplit(url).netloc,
        message="" if entry.get("phase") == WAITING_FOR_APPROVAL else entry.get("message", ""),
        drift=entry.get("drift") or {},
        waiting=_waiting(facts, environment, here),
        moving=_moving(here),
        candidate="" if candidate == release else candidate,
        previous=release_to_go_back_to(here, release) if release else "",
        behind=max(order, 0),
        approvals=approvals_required(environment),
    )


def _run_of(facts: Facts, commit: str) -> RawObject:
    return next((run for run in facts.runs if commit and run["spec"]["commit"] == commit), {})


def _since(promotions: Sequence[RawObject]) -> str:
    arrived = [one for one in promotions if phase_of(one) == SUCCEEDED]
    newest = max(arrived, key=commit_order, default=None)
    since: str = ((newest or {}).get("status") or {}).get("finishedAt", "")
    return since


def _waiting(
    facts: Facts, environment: RawObject, promotions: Sequence[RawObject]
) -> Waiting | None:
    for promotion in promotions:
        if phase_of(promotion) != WAITING_FOR_APPROVAL:
            continue
        spec, status = promotion["spec"], promotion["status"]
        decisions = status.get("approvals") or ()
        mine = spec["requestedBy"] == facts.user
        decided = any(one["user"] == facts.user for one in decisions)
        return Waiting(
            name=promotion["metadata"]["name"],
            release=spec["release"],
            requested_by=spec["requestedBy"],
            reason=spec.get("reason", ""),
            approved=sum(1 for one in decisions if one.get("counts")),
            required=approvals_required(environment),
            mine=mine,
            may_decide=facts.may_approve and not decided,
        )
    return None


def _moving(promotions: Sequence[RawObject]) -> dict[str, str]:
    """Of the newest promotion, when it goes on or has failed; one that waits is told apart."""
    if not promotions:
        return {}
    newest = promotions[0]
    phase = phase_of(newest)
    if phase == WAITING_FOR_APPROVAL or (is_finished(newest) and phase != FAILED):
        return {}
    return {
        "name": newest["metadata"]["name"],
        "phase": phase,
        "release": newest["spec"]["release"],
        "message": (newest.get("status") or {}).get("message", ""),
        "unwell": "yes" if phase != FAILED and is_unwell(newest) else "",
        "commit": (newest.get("status") or {}).get("commit", ""),
    }


@dataclass(frozen=True, slots=True)
class Headline:
    """The health sentence: `Healthy` `in production` + for how long + `staging is 2 ahead`."""

    health: str
    place: str
    since: str = ""
    rest: str = ""


def headline(facts: Facts, lanes: Sequence[Lane]) -> Headline:
    """Is it well, in one sentence: of the last stage that anything runs in, and what differs."""
    if facts.workload["metadata"].get("deletionTimestamp"):
        return Headline("Terminating", "with all that it has")
    running = [lane for lane in lanes if lane.release]
    if not running:
        for lane in lanes:
            release = lane.moving.get("release", "")
            if lane.moving.get("phase") == FAILED:
                return Headline("Failed", f"{release} did not come to {lane.name}")
            if lane.moving.get("unwell") or (lane.moving and lane.health == "Degraded"):
                return Headline("Degraded", f"{release} does not come up in {lane.name}")
        if facts.latest and lanes and not any(lane.moving or lane.waiting for lane in lanes):
            return Headline("Pending", f"{facts.latest} waits to be promoted to {lanes[0].name}")
        if facts.latest:
            return Headline("Progressing", f"{facts.latest} is on its way to its first stage")
        return Headline("Pending", "it waits for its first release, which its pipeline makes")
    sick = [lane for lane in running if lane.health not in ("Healthy", "")]
    shown = sick[-1] if sick else running[-1]
    rest = [f"{lane.name} waits for an approval" for lane in lanes if lane.waiting]
    rest += _ahead(running)
    rest += [f"nothing runs in {lane.name} yet" for lane in lanes if _is_empty(lane)]
    since = max(shown.since, shown.health_since, key=_moment)
    return Headline(shown.health or "Unknown", f"in {shown.name}", since, "; ".join(rest))


def _moment(time: str) -> datetime:
    return datetime.fromisoformat(time) if time else datetime.min.replace(tzinfo=UTC)


def _is_empty(lane: Lane) -> bool:
    return not lane.release and lane.waiting is None and not lane.moving


def _ahead(running: Sequence[Lane]) -> list[str]:
    last = running[-1]
    told = []
    for lane in running[:-1]:
        ahead = last.behind - lane.behind
        if ahead > 0:
            told.append(f"{lane.name} is {ahead} release{'s' if ahead > 1 else ''} ahead")
    return told
