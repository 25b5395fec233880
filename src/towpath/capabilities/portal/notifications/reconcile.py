"""Inboxes follow promotions, runs and services: one controller for each, on lines of objects.

Each pass works out all notices about its line and hands them over; the inbox knows which are new.
After a restart every line is looked at again, and lines that are no more are forgotten.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.delivery.pipelines.kinds import FAILED as RUN_FAILED
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    PROMOTION,
    SYNCING,
    creation_order,
    phase_of,
)
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.actions.kinds import ACTION_RUN
from towpath.capabilities.portal.notifications import notices
from towpath.capabilities.portal.notifications.lines import Lines
from towpath.capabilities.portal.notifications.recipients import PUSHED, Recipient, Recipients
from towpath.capabilities.portal.templates.kinds import FAILED as TEMPLATE_FAILED
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN, UNDONE
from towpath.client.protocols import Client
from towpath.hooks.approvals import WAITING_FOR_APPROVAL
from towpath.hooks.platform import Platform
from towpath.hooks.showing import get_if_there, person
from towpath.machinery.objects import Key, RawObject, is_deleting, key_of
from towpath.records.contract import Inbox, Notice
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Enqueue, Source, Watch

SICK_FOR_S = 15.0
"""Nobody is woken by a service that is well again by itself."""


def controllers(platform: Platform) -> Sequence[Controller]:
    recipients = Recipients(platform.api, platform.authorize, platform.people)
    return all_of(platform.api, platform.inbox, recipients)


def all_of(api: Client, inbox: Inbox, recipients: Recipients) -> Sequence[Controller]:
    return (
        _promotions(api, inbox, recipients),
        _controller("pipelines", PipelineNotices, api, inbox, recipients),
        _controller("templates", TemplateNotices, api, inbox, recipients),
        _controller("services", ServiceNotices, api, inbox, recipients),
        _controller("actions", ActionNotices, api, inbox, recipients),
    )


def _promotions(api: Client, inbox: Inbox, recipients: Recipients) -> Controller:
    lines = Lines(api, PROMOTION, _promotion_line)

    def of_project(project: RawObject) -> Iterable[Key]:
        # Who has just become a member may be asked too.
        return lines.within(project["metadata"]["name"])

    reconcile = PromotionNotices(Kept(inbox, "promotion"), lines, recipients)
    sources: list[Source] = [lines, Known(reconcile.kept), Watch(api, PROJECT, of_project)]
    return Controller("notifications-promotions", reconcile, sources)


def _controller(
    noun: str,
    make: "type[PipelineNotices | TemplateNotices | ServiceNotices | ActionNotices]",
    api: Client,
    inbox: Inbox,
    recipients: Recipients,
) -> Controller:
    lines = Lines(api, make.resource, make.line_of)
    reconcile = make(Kept(inbox, noun), lines, recipients)
    return Controller(f"notifications-{noun}", reconcile, [lines, Known(reconcile.kept)])


@dataclass
class Kept:
    """What the inbox holds of one noun, so that lines without notices cost nothing."""

    inbox: Inbox
    noun: str
    _subjects: set[str] | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def put(self, line: Key, told: Sequence[Notice]) -> None:
        subject, subjects = self._subject(line), await self._known()
        if told:
            subjects.add(subject)
            await self.inbox.settle(subject, line.namespace, told)
        elif subject in subjects:
            await self.inbox.settle(subject, line.namespace, ())

    async def forget(self, line: Key) -> None:
        subject, subjects = self._subject(line), await self._known()
        if subject in subjects:
            await self.inbox.forget(subject)
            subjects.discard(subject)

    async def lines(self) -> list[Key]:
        names = (subject.removeprefix(f"{self.noun}:") for subject in await self._known())
        return [Key(name.partition("/")[0], name.partition("/")[2]) for name in names]

    def _subject(self, line: Key) -> str:
        return f"{self.noun}:{line}"

    async def _known(self) -> set[str]:
        async with self._reading:
            if self._subjects is None:
                self._subjects = set(await self.inbox.subjects(f"{self.noun}:"))
        return self._subjects


@dataclass(frozen=True, slots=True)
class Known:
    """Once: the lines that the inbox holds notices of, for what has gone while nobody looked."""

    kept: Kept

    async def run(self, enqueue: Enqueue) -> None:
        for line in await self.kept.lines():
            enqueue(line)


def _promotion_line(promotion: RawObject) -> Key:
    spec = promotion["spec"]
    return Key(promotion["metadata"]["namespace"], f"{spec['workload']}/{spec['environment']}")


@dataclass(frozen=True, slots=True)
class PromotionNotices:
    """About the promotions of one service to one stage."""

    kept: Kept
    lines: Lines
    recipients: Recipients

    async def __call__(self, line: Key) -> None:
        found = [one for one in await self.lines.of(line) if not is_deleting(one)]
        if not found:
            await self.kept.forget(line)
            return
        told: list[Notice] = []
        for promotion in notices.waiting(found):
            told += notices.asked(promotion, await self.recipients.approvers(line.namespace))
        team = await self._team(found, line)
        await self.kept.put(line, [*told, *notices.outcomes(found, team)])

    async def _team(self, promotions: Sequence[RawObject], line: Key) -> list[Recipient]:
        """Who is told of what the platform wanted; looked up when there is something to tell."""
        newest = max(promotions, key=creation_order)
        requester = newest["spec"]["requestedBy"]
        if phase_of(newest) != FAILED or person(requester) == requester:
            return []
        spec = newest["spec"]
        team = await self.recipients.person_or_team("", "", line.namespace, spec["workload"])
        return await self.recipients.with_pusher(team, line.namespace, spec["release"])


@dataclass(frozen=True, slots=True)
class PipelineNotices:
    """About the newest run of one workflow."""

    kept: Kept
    lines: Lines
    recipients: Recipients

    resource = PIPELINE_RUN

    @staticmethod
    def line_of(run: RawObject) -> Key:
        spec = run["spec"]
        return Key(run["metadata"]["namespace"], f"{spec['repository']}/{spec['workflow']}")

    async def __call__(self, line: Key) -> None:
        newest = _newest(await self.lines.of(line))
        if newest is None:
            await self.kept.forget(line)
            return
        if _phase(newest) != RUN_FAILED:
            await self.kept.put(line, ())
            return
        spec = newest["spec"]
        told = await self.recipients.person_or_team(
            spec.get("actor", ""), PUSHED, line.namespace, spec["repository"]
        )
        await self.kept.put(line, list(notices.pipeline_failed(newest, told)))


@dataclass(frozen=True, slots=True)
class TemplateNotices:
    """About the newest attempt of one person to make one thing."""

    kept: Kept
    lines: Lines
    recipients: Recipients

    resource = TEMPLATE_RUN

    @staticmethod
    def line_of(run: RawObject) -> Key:
        spec = run["spec"]
        wanted = (spec.get("parameters") or {}).get("name") or spec["template"]["name"]
        return Key(run["metadata"]["namespace"], f"{spec['requestedBy']}/{wanted}")

    async def __call__(self, line: Key) -> float | None:
        newest = _newest(await self.lines.of(line))
        if newest is None:
            await self.kept.forget(line)
        elif _phase(newest) == WAITING_FOR_APPROVAL:
            approvers = await self.recipients.approvers_of(newest)
            what = notices.what_of_template(newest)
            await self.kept.put(line, list(notices.asked_of(newest, what, approvers)))
            return notices.next_reminder_s(newest)
        elif _phase(newest) in (TEMPLATE_FAILED, UNDONE):
            await self.kept.put(line, list(notices.template_failed(newest)))
        else:
            await self.kept.put(line, ())
        return None


@dataclass(frozen=True, slots=True)
class ActionNotices:
    """About one run of an action: whose word it waits for, and how it went."""

    kept: Kept
    lines: Lines
    recipients: Recipients

    resource = ACTION_RUN
    line_of = staticmethod(key_of)

    async def __call__(self, line: Key) -> float | None:
        found = await self.lines.of(line)
        if not found or is_deleting(found[0]):
            await self.kept.forget(line)
            return None
        run = {"kind": ACTION_RUN.kind, **found[0]}
        if _phase(run) != WAITING_FOR_APPROVAL:
            await self.kept.put(line, list(notices.action_outcome(run)))
            return None
        approvers = await self.recipients.approvers_of(run)
        what = notices.what_of_action(run)
        await self.kept.put(line, list(notices.asked_of(run, what, approvers)))
        return notices.next_reminder_s(run)


@dataclass(frozen=True, slots=True)
class ServiceNotices:
    """About one service, where it runs."""

    kept: Kept
    lines: Lines
    recipients: Recipients
    sick_since: dict[Key, float] = field(default_factory=dict)

    resource = WORKLOAD
    line_of = staticmethod(key_of)

    async def __call__(self, line: Key) -> float | None:
        found = await self.lines.of(line)
        if not found or is_deleting(found[0]):
            self.sick_since.pop(line, None)
            await self.kept.forget(line)
            return None
        stage = notices.sick_stage(found[0])
        if stage is None:
            self.sick_since.pop(line, None)
            await self.kept.put(line, ())
            return None
        now_s = asyncio.get_running_loop().time()
        since_s = self.sick_since.setdefault(line, now_s)
        if now_s - since_s < SICK_FOR_S:
            return SICK_FOR_S - (now_s - since_s)
        team = await self.recipients.team(found[0]["spec"].get("owner") or "", line.name)
        release = await self._tried(line.namespace, stage)
        told = await self.recipients.with_pusher(team, line.namespace, release)
        about = notices.service_degraded(found[0], stage, told, time.time())
        await self.kept.put(line, list(about))
        return None

    async def _tried(self, project: str, stage: RawObject) -> str:
        """The release that is not well there: the one on its way, else the one that runs."""
        name = stage.get("promotion", "")
        api = self.recipients.api
        newest = await get_if_there(api, PROMOTION, name, project) if name else None
        if newest is not None and phase_of(newest) == SYNCING:
            return str(newest["spec"]["release"])
        return str(stage.get("release", ""))


def _newest(runs: Sequence[RawObject]) -> RawObject | None:
    return max((one for one in runs if not is_deleting(one)), key=creation_order, default=None)


def _phase(run: RawObject) -> str:
    return str((run.get("status") or {}).get("phase", ""))
