"""Warn, bound, reclaim: one controller for each kind that can be leased.

Kinds come as they are needed: workloads, environments and runs of templates always, every offering
as soon as it is defined, and whatever an action has made. Time is the wall's for what people read,
and the machine's own besides: what is due is reclaimed when it has been seen due for minutes on
end, so that neither a start nor a clock that jumps takes anything from anybody.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.leases.bounds import OFFERINGS, latest_end, longest_of
from towpath.capabilities.governance.leases.owners import owners_of
from towpath.capabilities.governance.leases.taking import hand_over, take
from towpath.capabilities.governance.leases.terms import (
    Warned,
    due_warning,
    may_reclaim,
    next_look,
)
from towpath.capabilities.infrastructure.compositions.kinds import DEFINITION
from towpath.capabilities.portal.actions.kinds import ACTION_RUN
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.leases import EXPIRES, WARNED, BadLease, expires_of, moment, written
from towpath.hooks.platform import Platform
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject, is_deleting, key_of, uid_of
from towpath.records.contract import Notice
from towpath.runtime.controller import Controller
from towpath.runtime.dynamic import DynamicControllers
from towpath.runtime.events import EventRecorder
from towpath.runtime.sources import Watch

GRACE = timedelta(minutes=5)
LOOK_AGAIN_S = 3600.0
NOT_SERVED_S = 1.0
SORT = "LeaseEnds"
ALWAYS = (WORKLOAD, ENVIRONMENT, TEMPLATE_RUN)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The wall's, and the machine's own, which nobody sets."""

    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    steady_s: Callable[[], float] = time.monotonic
    grace: timedelta = GRACE


def controllers(platform: Platform) -> Sequence[Controller]:
    return all_of(platform, Clocks())


def all_of(platform: Platform, clocks: Clocks) -> Sequence[Controller]:
    kinds = _Kinds(platform, clocks)
    always = [_controller(platform, clocks, resource) for resource in ALWAYS]
    return (
        *always,
        Controller(
            "leases-of-offerings",
            kinds.of_definition,
            [kinds.dynamic, Watch(platform.api, DEFINITION)],
        ),
        Controller("leases-of-actions", kinds.of_run, [Watch(platform.api, ACTION_RUN, _leasing)]),
    )


def _controller(platform: Platform, clocks: Clocks, resource: Resource) -> Controller:
    reconcile = Leases(platform, clocks, resource)
    name = f"leases-{resource.plural}.{resource.group or 'core'}"
    return Controller(name, reconcile, [Watch(platform.api, resource, reconcile.concerned)])


def _leasing(run: RawObject) -> Iterable[Key]:
    """Runs that have made something for a while."""
    plan = (run.get("status") or {}).get("plan") or {}
    if plan.get("lease") and plan.get("type") == "object":
        yield key_of(run)


@dataclass(slots=True)
class _Kinds:
    """The kinds that turn out to be leased."""

    platform: Platform
    clocks: Clocks
    dynamic: DynamicControllers = field(default_factory=DynamicControllers)

    async def of_definition(self, key: Key) -> float | None:
        try:
            found = await self.platform.api.get(DEFINITION, key.name)
        except NotFound:
            return None
        spec = found["spec"]
        version = next((one for one in spec["versions"] if one.get("referenceable")), None)
        if spec["group"] != OFFERINGS or spec.get("scope", "Namespaced") != "Namespaced":
            return None
        if version is None:
            return None
        return await self._start(f"{spec['group']}/{version['name']}", spec["names"]["kind"])

    async def of_run(self, key: Key) -> float | None:
        try:
            run = await self.platform.api.get(ACTION_RUN, key.name, key.namespace)
        except NotFound:
            return None
        manifest = (run["status"]["plan"]["spec"] or {}).get("manifest") or {}
        if not manifest:
            return None
        return await self._start(str(manifest.get("apiVersion", "")), str(manifest.get("kind", "")))

    async def _start(self, api_version: str, kind: str) -> float | None:
        """When to look again for a kind that is not served yet, as at every first start."""
        try:
            resource = await self.platform.api.resolve(api_version, kind)
        except NotFound:
            return NOT_SERVED_S
        if resource not in ALWAYS:
            self.dynamic.start(_controller(self.platform, self.clocks, resource))
        return None


@dataclass(slots=True)
class Leases:
    """Of one kind."""

    platform: Platform
    clocks: Clocks
    resource: Resource
    due_since_s: dict[str, float] = field(default_factory=dict)
    """By uid and end, when it was first seen over, by the machine's own clock."""
    leased: set[Key] = field(default_factory=set)

    def concerned(self, obj: RawObject) -> Iterable[Key]:
        """Most objects have no lease, and never had one."""
        if expires_of(obj) or key_of(obj) in self.leased:
            yield key_of(obj)

    async def __call__(self, key: Key) -> float | None:
        try:
            obj = await self.platform.api.get(self.resource, key.name, key.namespace)
        except NotFound:
            await self._forget(key)
            return None
        text = expires_of(obj)
        if not text or is_deleting(obj):
            await self._forget(key)
            return None
        self.leased.add(key)
        if self.resource == TEMPLATE_RUN and await hand_over(self.platform, obj):
            return None
        try:
            end = moment(text)
        except BadLease as error:
            await self._events().warning(obj, "LeaseInvalid", f"{EXPIRES}: {error}")
            return None
        if bound := await self._beyond(obj, end):
            await self._shorten(obj, end, bound)
            return None
        return await self._look(obj, end)

    async def _beyond(self, obj: RawObject, end: datetime) -> datetime | None:
        """The bound, where the lease goes on beyond it."""
        latest = latest_end(obj, await longest_of(self.platform.api, self.resource, obj))
        return latest if latest is not None and end > latest else None

    async def _shorten(self, obj: RawObject, end: datetime, bound: datetime) -> None:
        message = f"It was to be kept until {written(end)}; {written(bound)} is as long as it may."
        await self._annotate(obj, {EXPIRES: written(bound)})
        await self._events().warning(obj, "LeaseShortened", message)

    async def _look(self, obj: RawObject, end: datetime) -> float:
        now, begun = self.clocks.wall(), moment(obj["metadata"]["creationTimestamp"])
        count = due_warning(begun, end, now)
        if count:
            await self._tell(obj, end, count)
        warned = Warned.of(obj)
        if count and (warned is None or warned.end != end or warned.at > now):
            await self._annotate(obj, {WARNED: Warned(end, now).text()})
            return next_look(begun, end, now)
        if now < end:
            self.due_since_s.pop(uid_of(obj), None)
            return min(next_look(begun, end, now), LOOK_AGAIN_S)
        since_s = self.due_since_s.setdefault(uid_of(obj), self.clocks.steady_s())
        grace_s = self.clocks.grace.total_seconds()
        left_s = grace_s - (self.clocks.steady_s() - since_s)
        if left_s > 0 or not may_reclaim(warned, end, now, self.clocks.grace):
            return min(max(left_s, 1.0), grace_s or 1.0)
        await self._reclaim(obj, end)
        return LOOK_AGAIN_S

    async def _reclaim(self, obj: RawObject, end: datetime) -> None:
        metadata = obj["metadata"]
        message = f"It was kept until {written(end)}, and nobody extended that."
        await self._events().normal(obj, "LeaseEnded", message)
        await take(self.platform, self.resource, obj)
        self.due_since_s.pop(metadata["uid"], None)

    async def _tell(self, obj: RawObject, end: datetime, count: int) -> None:
        """In the inbox of whose it is; the next warning takes the place of the one before."""
        metadata = obj["metadata"]
        name, project = metadata["name"], metadata.get("namespace", "")
        told = await owners_of(self.platform.api, self.platform.people, obj)
        notices = [
            Notice(
                person=person,
                cause=f"lease/{metadata['uid']}/{written(end)}/{count}",
                sort=SORT,
                title=f"{self.resource.kind} {name} goes {end:%d %B, %H:%M} UTC",
                text="Extend its lease if you still need it; else there is nothing to do.",
                href=f"/projects/{project}/leases",
                why=why,
                time_s=self.clocks.wall().timestamp(),
                status="Waiting",
                asks=True,
            )
            for person, why in told
        ]
        await self.platform.inbox.settle(self._subject(key_of(obj)), project, notices)

    async def _forget(self, key: Key) -> None:
        if key in self.leased:
            self.leased.discard(key)
            await self.platform.inbox.forget(self._subject(key))

    def _subject(self, key: Key) -> str:
        return f"lease:{self.resource.plural}.{self.resource.group}/{key}"

    def _events(self) -> EventRecorder:
        return EventRecorder(self.platform.api, "leases")

    async def _annotate(self, obj: RawObject, annotations: dict[str, str]) -> None:
        metadata = obj["metadata"]
        patch = {
            "metadata": {
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
                "annotations": annotations,
            }
        }
        await self.platform.api.patch(
            self.resource, metadata["name"], metadata.get("namespace", ""), patch
        )
