"""One look at an Application: read Git, read the world, sync if that is wanted, and say how it is.

A look always ends in a status. What stops it is a condition in Argo CD's words: InvalidSpecError,
ComparisonError, SyncError, DeletionError; drift that stands is our own, Drifted.
"""

import copy
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.delivery.gitops.app_project import (
    NotPermitted,
    check_destination,
    check_kind,
    check_source,
)
from towpath.capabilities.delivery.gitops.kinds import APP_PROJECT, ARGOCD_NAMESPACE
from towpath.capabilities.delivery.gitops.reconcile import status as statuses
from towpath.capabilities.delivery.gitops.reconcile.drift import Drift, find_drift, recorded
from towpath.capabilities.delivery.gitops.reconcile.policy import (
    Intent,
    intent_of,
    may_attempt,
    retry_delay_s,
)
from towpath.capabilities.delivery.gitops.reconcile.status import Look
from towpath.capabilities.delivery.gitops.reconcile.sync import (
    Phase,
    SyncOutcome,
    apply_all,
    is_prunable,
    mass_deletion,
    prune,
)
from towpath.capabilities.delivery.gitops.state.desired import (
    Desired,
    DesiredState,
    UnknownDesired,
    source_of,
)
from towpath.capabilities.delivery.gitops.state.destination import (
    Destination,
    Destinations,
    UnknownDestination,
)
from towpath.capabilities.delivery.gitops.state.live import LiveState
from towpath.capabilities.delivery.gitops.state.manifests import digest, placed
from towpath.capabilities.delivery.gitops.state.world import Compared, Verdicts, Wanted, World
from towpath.client.protocols import Client
from towpath.hooks.platform import Trail
from towpath.machinery.conditions import now
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.objects import RawObject
from towpath.runtime.events import EventRecorder

WAVE_CHECK_S = 10.0


class Wrong(Exception):
    """The look ends here: a condition says why. `again_s` is when another may go better."""

    def __init__(self, condition: str, message: str, *, again_s: float | None = None) -> None:
        super().__init__(message)
        self.condition = condition
        self.again_s = again_s


@dataclass(slots=True)
class Round:
    """One look in progress: the object as it was, and the status that is to be."""

    app: RawObject
    status: RawObject
    problems: list[tuple[str, str]] = field(default_factory=list)
    again_s: float | None = None
    operation_done: bool = False

    @property
    def name(self) -> str:
        name: str = self.app["metadata"]["name"]
        return name

    @property
    def spec(self) -> RawObject:
        spec: RawObject = self.app["spec"]
        return spec

    @property
    def before(self) -> RawObject:
        before: RawObject = self.app.get("status") or {}
        return before


def begin(app: RawObject) -> Round:
    return Round(app, copy.deepcopy(app.get("status") or {}))


Publish = Callable[[Round], Awaitable[None]]
"""Writes the status of a look that still goes on."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What a look needs, and what the looks share."""

    api: Client
    destinations: Destinations
    desired: DesiredState
    live: LiveState
    trail: Trail
    events: EventRecorder
    verdicts: Verdicts = field(default_factory=Verdicts)

    async def look(self, turn: Round, *, publish: Publish) -> None:
        """Fill `turn.status`; `publish` shows it before a healing, so that drift is seen."""
        try:
            world, wanted, desired = await self._prepare(turn)
            look = await self._compare(turn, world, wanted, desired)
            await self._act(turn, world, wanted, look, publish)
        except Wrong as wrong:
            turn.problems.append((wrong.condition, str(wrong)))
            turn.again_s = wrong.again_s
            sync = turn.status.setdefault("sync", {})
            refused = wrong.condition == "SyncError"
            sync["status"] = statuses.OUT_OF_SYNC if refused else statuses.UNKNOWN
            turn.status.setdefault("health", {}).setdefault("status", "Unknown")

    async def world(self, turn: Round) -> World:
        """Raises Wrong."""
        try:
            destination = await self.destinations.find(turn.spec)
        except UnknownDestination as error:
            raise Wrong("InvalidSpecError", str(error)) from error
        return World(destination, self.live, self.verdicts, turn.spec)

    async def _prepare(self, turn: Round) -> tuple[World, list[Wanted], Desired]:
        world = await self.world(turn)
        project = await self._project(turn, world.destination)
        try:
            desired = await self.desired.read(source_of(turn.spec))
        except UnknownDesired as error:
            again_s = 2.0 if error.passing else None
            raise Wrong("ComparisonError", str(error), again_s=again_s) from error
        wanted = await self._place(turn, world, project, desired)
        try:
            await world.follow(wanted, turn.before.get("resources") or ())
        except TimeoutError as error:
            message = f"cluster {world.destination.cluster} does not answer; looking again soon"
            raise Wrong("ComparisonError", message, again_s=5.0) from error
        return world, wanted, desired

    async def _project(self, turn: Round, destination: Destination) -> RawObject:
        name = turn.spec["project"]
        try:
            project = await self.api.get(APP_PROJECT, name, ARGOCD_NAMESPACE)
        except NotFound as error:
            message = f"Application references project {name} which does not exist"
            raise Wrong("InvalidSpecError", message) from error
        try:
            check_source(project, (turn.spec.get("source") or {}).get("repoURL", ""))
            check_destination(project, destination.cluster, destination.namespace)
        except NotPermitted as error:
            raise Wrong("InvalidSpecError", str(error)) from error
        return project

    async def _place(
        self, turn: Round, world: World, project: RawObject, desired: Desired
    ) -> list[Wanted]:
        """Every manifest with its collection. One that is not allowed stops the whole commit."""
        wanted = []
        namespace = world.destination.namespace
        for manifest in desired.manifests:
            where = f"{manifest.file} (commit {desired.revision[:8]})"
            resource = await world.resolve(manifest.api_version, manifest.id.kind)
            if resource is None:
                raise Wrong(
                    "SyncError",
                    f"{where}: cluster {world.destination.cluster} does not serve "
                    f"{manifest.api_version} {manifest.id.kind}",
                    again_s=5.0,
                )
            entry = Wanted(
                placed(manifest, turn.name, namespace, namespaced=resource.namespaced), resource
            )
            try:
                check_kind(project, entry.id.group, entry.id.kind, namespaced=resource.namespaced)
                if resource.namespaced:
                    check_destination(project, world.destination.cluster, entry.id.namespace)
            except NotPermitted as error:
                raise Wrong("SyncError", f"{where}: {error}; nothing was applied") from error
            wanted.append(entry)
        return wanted

    async def _compare(
        self, turn: Round, world: World, wanted: Sequence[Wanted], desired: Desired
    ) -> Look:
        look = Look(desired.revision, digest([entry.manifest for entry in wanted]))
        known = turn.before.get("sync", {}).get("digest") == look.digest
        intent = intent_of(turn.app)
        for entry in wanted:
            live = await world.look(entry)
            look.live[entry.id] = live
            look.versions[entry.id] = entry.manifest.version
            if live is None:
                look.differing[entry.id] = ()
            elif known or not intent.automated:
                # A new commit that is synced anyway needs no comparison: applying tells.
                compared = await self._compare_one(world, entry, live)
                look.live[entry.id] = compared.live
                if compared.differing or compared.live is None:
                    look.differing[entry.id] = compared.differing
            else:
                look.differing[entry.id] = ()
        look.extra = world.beyond_git(turn.name, wanted)
        return look

    async def _compare_one(self, world: World, wanted: Wanted, live: RawObject) -> Compared:
        try:
            return await world.compare(wanted, live)
        except StatusError as error:
            raise Wrong(
                "ComparisonError",
                f"{wanted.manifest.file}: {error.message}",
                again_s=5.0,
            ) from error

    async def _act(
        self,
        turn: Round,
        world: World,
        wanted: Sequence[Wanted],
        look: Look,
        publish: Publish,
    ) -> None:
        intent = intent_of(turn.app)
        drifts: list[Drift] = []
        if turn.before.get("sync", {}).get("digest") == look.digest:
            drifts = await find_drift(self.trail, world.destination, look, wanted)
        if drifts:
            turn.status["drift"] = recorded(turn.before, drifts, healed=False)
            for drift in drifts:
                await self.events.warning(turn.app, "Drifted", drift.sentence)
        if not look.needs_sync(prune=intent.prune) and not intent.requested:
            self._describe(turn, world, look)
            return
        if not may_attempt(turn.spec, intent, turn.before, look.digest, drifted=bool(drifts)):
            self._describe(turn, world, look)
            self._explain_standstill(turn, intent, drifts)
            return
        if drifts:
            self._describe(turn, world, look)
            turn.problems += [("Drifted", drift.sentence) for drift in drifts]
            await publish(turn)
            turn.problems = [problem for problem in turn.problems if problem[0] != "Drifted"]
        await self._sync(turn, world, wanted, look, intent)

    async def _sync(
        self, turn: Round, world: World, wanted: Sequence[Wanted], look: Look, intent: Intent
    ) -> None:
        chosen = [entry for entry in wanted if entry.id in look.differing or intent.requested]
        outcome = await apply_all(world, turn.name, chosen)
        if outcome.phase is Phase.SUCCEEDED:
            await self._prune(turn, world, wanted, look, intent, outcome)
        for identity, obj in outcome.objects.items():
            look.live[identity] = obj
            look.differing.pop(identity, None)
        turn.status["operationState"] = statuses.operation_state(
            turn.before, outcome, look.revision, intent.operation(look.revision), look.digest
        )
        turn.operation_done = outcome.phase is not Phase.RUNNING
        if outcome.phase is Phase.SUCCEEDED:
            self._remember(turn, look, intent)
        elif outcome.phase is Phase.RUNNING:
            turn.again_s = WAVE_CHECK_S
        else:
            turn.problems.append(("SyncError", outcome.message))
            turn.again_s = retry_delay_s(turn.spec, turn.status["operationState"])
            await self.events.warning(turn.app, "OperationCompleted", outcome.message)
        self._describe(turn, world, look)

    async def _prune(
        self,
        turn: Round,
        world: World,
        wanted: Sequence[Wanted],
        look: Look,
        intent: Intent,
        outcome: SyncOutcome,
    ) -> None:
        if not look.extra or not intent.prune:
            return
        if reason := mass_deletion(turn.app, look.extra, wanted, look.revision):
            outcome.fail(reason)
            return
        await prune(world, look.extra, outcome)
        if outcome.phase is Phase.SUCCEEDED:
            # Gone, or on their way: they are no difference to Git any more.
            look.extra = [obj for obj in look.extra if not is_prunable(obj)]

    def _remember(self, turn: Round, look: Look, intent: Intent) -> None:
        limit = turn.spec.get("revisionHistoryLimit", statuses.HISTORY_MAX)
        entry = {
            "revision": look.revision,
            "deployedAt": now(),
            "source": turn.spec["source"],
            "initiatedBy": intent.initiated_by,
        }
        turn.status["history"] = statuses.history(turn.before, entry, limit)
        turn.status["drift"] = recorded(turn.status, (), healed=True)
        turn.status.setdefault("sync", {})["digest"] = look.digest

    def _describe(self, turn: Round, world: World, look: Look) -> None:
        sync = turn.status.setdefault("sync", {})
        sync["status"] = statuses.SYNCED if look.in_sync else statuses.OUT_OF_SYNC
        sync["revision"] = look.revision
        sync["comparedTo"] = {
            "source": turn.spec["source"],
            "destination": turn.spec["destination"],
        }
        if look.in_sync:
            sync["digest"] = look.digest
        turn.status["health"] = statuses.overall_health(look).to_raw()
        turn.status["resources"] = statuses.resources(look)
        turn.status["summary"] = statuses.summary(look.live.values())
        roots = [obj for obj in look.live.values() if obj is not None]
        turn.status["tree"] = self.live.tree(world.destination.cluster, roots)

    def _explain_standstill(self, turn: Round, intent: Intent, drifts: Sequence[Drift]) -> None:
        """OutOfSync, and nothing is done about it: say which of the reasons it is."""
        if drifts and not intent.self_heal:
            turn.problems += [("Drifted", drift.sentence) for drift in drifts]
        state = turn.before.get("operationState") or {}
        if state.get("phase") == Phase.FAILED:
            turn.problems.append(("SyncError", state.get("message", "")))
            turn.again_s = retry_delay_s(turn.spec, state)
