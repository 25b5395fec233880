"""The engine's loop: what makes it look at an Application, and how the look is written down.

A push to a repository names the Applications that read it at once; a change on a cluster names the
one that tracks the object; all are looked at again every few minutes, in case a word was lost.

    application  one look: compare, decide, sync, tell
    policy       when to sync, and when to try again
    sync         applying and pruning
    cascade      taking everything back at the end
    drift        what was changed past Git, and by whom
    status       what a look has found, in Argo CD's words
"""

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.gitops.kinds import (
    APP_PROJECT,
    APPLICATION,
    ARGOCD_NAMESPACE,
    CASCADE_FINALIZER,
    REFRESH_ANNOTATION,
    SKIP_RECONCILE_ANNOTATION,
    repository_url,
)
from towpath.capabilities.delivery.gitops.reconcile import status as statuses
from towpath.capabilities.delivery.gitops.reconcile.application import Engine, Round, Wrong, begin
from towpath.capabilities.delivery.gitops.reconcile.cascade import remove_all
from towpath.capabilities.delivery.gitops.state.desired import DesiredState
from towpath.capabilities.delivery.gitops.state.destination import Destinations
from towpath.capabilities.delivery.gitops.state.differences import merge_patch_between
from towpath.capabilities.delivery.gitops.state.live import LiveState
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER
from towpath.client.protocols import Client
from towpath.engines.git.port import PushSource
from towpath.hooks.platform import Platform
from towpath.machinery.conditions import now
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.objects import Key, RawObject, annotations_of, is_deleting, key_of
from towpath.runtime.controller import Controller
from towpath.runtime.events import EventRecorder
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Periodic, Running, SpecWatch, Stream

log = logging.getLogger(__name__)

REFRESH_S = 180.0
OTHER_ENGINE = "argocd-application-controller"
"""Argo CD's own field manager: where it writes status, two engines would fight."""


def controllers(platform: Platform) -> Sequence[Controller]:
    informer = Informer(platform.api, APPLICATION)
    live = LiveState()
    engine = Engine(
        api=platform.api,
        destinations=Destinations(platform.api, platform.clusters),
        desired=DesiredState(platform.git),
        live=live,
        trail=platform.trail,
        events=EventRecorder(platform.api, "gitops"),
    )
    loop = ApplicationLoop(platform.api, engine)
    readers = Readers(informer)
    return (
        Controller(
            name="gitops",
            reconcile=loop.reconcile,
            sources=(
                Running(informer),
                live,
                Stream(lambda: readers.of_pushes(platform.git)),
                SpecWatch(platform.api, APP_PROJECT, readers.of_project),
                SpecWatch(platform.api, CLUSTER, readers.of_cluster),
                Periodic(REFRESH_S, readers.all),
            ),
            concurrency=8,
        ),
    )


@dataclass(frozen=True, slots=True)
class Readers:
    """Which Applications something concerns."""

    informer: Informer

    async def of_pushes(self, git: PushSource) -> AsyncIterator[Key]:
        async for push in git.pushes():
            url = repository_url(push.repository.project, push.repository.name)
            for app in self.informer.list():
                if (app["spec"].get("source") or {}).get("repoURL") == url:
                    yield key_of(app)

    def of_project(self, project: RawObject) -> Iterable[Key]:
        name = project["metadata"]["name"]
        return [key_of(app) for app in self.informer.list() if app["spec"]["project"] == name]

    def of_cluster(self, cluster: RawObject) -> Iterable[Key]:
        name = cluster["metadata"]["name"]
        return [
            key_of(app)
            for app in self.informer.list()
            if app["spec"]["destination"].get("name") == name
        ]

    async def all(self) -> Iterable[Key]:
        return [key_of(app) for app in self.informer.list() if not _is_skipped(app)]


@dataclass(frozen=True, slots=True)
class ApplicationLoop:
    api: Client
    engine: Engine

    async def reconcile(self, key: Key) -> float | None:
        if key.namespace != ARGOCD_NAMESPACE:
            return None
        try:
            app = await self.api.get(APPLICATION, key.name, key.namespace)
        except NotFound:
            return None
        turn = begin(app)
        if is_deleting(app):
            return await self._delete(turn)
        if _is_skipped(app) or await self._is_external(turn):
            return None
        if _other_engine_at_work(app):
            message = (
                "Another Argo CD writes this Application's status. Set the Cluster's "
                "spec.engines.gitops to external, or stop the other one"
            )
            turn.problems.append(("EngineConflict", message))
        else:
            await self.engine.look(turn, publish=self._write)
        await self._write(turn)
        return turn.again_s

    async def _is_external(self, turn: Round) -> bool:
        try:
            return (await self.engine.world(turn)).destination.external
        except Wrong:
            return False  # the look will say what is wrong

    async def _write(self, turn: Round) -> None:
        """Write the status, and take away what was asked for and is done; nothing if all is so."""
        turn.status["conditions"] = statuses.conditions(turn.before, turn.problems)
        patch: RawObject = {}
        if changed := merge_patch_between(turn.before, turn.status):
            turn.status["reconciledAt"] = now()
            patch["status"] = {**changed, "reconciledAt": turn.status["reconciledAt"]}
        if turn.operation_done and "operation" in turn.app:
            patch["operation"] = None
        if REFRESH_ANNOTATION in annotations_of(turn.app):
            patch["metadata"] = {"annotations": {REFRESH_ANNOTATION: None}}
        if not patch:
            return
        try:
            turn.app = await self.api.patch(APPLICATION, turn.name, ARGOCD_NAMESPACE, patch)
        except NotFound:
            log.debug("application went while it was looked at", extra={"application": turn.name})

    async def _delete(self, turn: Round) -> float | None:
        finalizers: list[str] = turn.app["metadata"].get("finalizers") or []
        ours = [name for name in finalizers if name.startswith(CASCADE_FINALIZER)]
        if not ours:
            return None
        try:
            left = await self._remove_resources(turn)
        except Wrong as wrong:
            turn.problems.append(("DeletionError", str(wrong)))
            await self._write(turn)
            return wrong.again_s or 30.0
        if left:
            turn.problems.append(("DeletionError", f"Waiting for {left} to go."))
            await self._write(turn)
            return 10.0
        remaining = [name for name in finalizers if name not in ours]
        await self.api.patch(
            APPLICATION,
            turn.name,
            ARGOCD_NAMESPACE,
            {"metadata": {"finalizers": remaining or None}},
        )
        return None

    async def _remove_resources(self, turn: Round) -> str:
        world = await self.engine.world(turn)
        if world.destination.external:
            return ""
        try:
            return await remove_all(world, turn.name, turn.before.get("resources") or ())
        except (StatusError, TimeoutError) as error:
            raise Wrong("DeletionError", str(error) or "the cluster does not answer") from error


def _is_skipped(app: RawObject) -> bool:
    return annotations_of(app).get(SKIP_RECONCILE_ANNOTATION) == "true"


def _other_engine_at_work(app: RawObject) -> bool:
    return any(
        entry["manager"] == OTHER_ENGINE for entry in app["metadata"].get("managedFields") or ()
    )
