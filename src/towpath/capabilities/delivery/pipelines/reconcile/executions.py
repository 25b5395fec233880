"""The runs that go on and those that wait: a bounded number at once, the oldest first.

A run that goes on is a task of this component, not of a worker: so its object can be looked at
while it runs, which is how a cancel is heard. When the platform stops, tasks end with their
programs and the status stays Running; the next start goes on from it.
"""

import asyncio
import logging
from dataclasses import dataclass

from towpath.capabilities.delivery.pipelines.kinds import (
    CANCELLED,
    FAILED,
    FINALIZER,
    PENDING,
    PIPELINE_RUN,
    RUNNING,
    is_finished,
    log_prefix,
    phase_of,
)
from towpath.capabilities.delivery.pipelines.reconcile.orders import (
    Group,
    OrderInvalid,
    Orders,
    group_of,
    title_of,
)
from towpath.capabilities.delivery.pipelines.reconcile.outcome import message_of
from towpath.capabilities.delivery.pipelines.reconcile.progress import (
    StatusWriter,
    set_outcome,
    state_of,
)
from towpath.capabilities.delivery.pipelines.reconcile.retention import Retention
from towpath.client.protocols import Client
from towpath.engines.ci.engine import CIEngine
from towpath.engines.ci.order import RunOrder
from towpath.engines.ci.programs import Stop
from towpath.engines.ci.state import RunState
from towpath.engines.ci.workflow import WorkflowInvalid
from towpath.engines.git.port import GitError, RepositoryNotFound
from towpath.machinery.conditions import now
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.objects import Key, RawObject, is_deleting, uid_of
from towpath.records.contract import LogBook
from towpath.runtime.sources import Enqueue

log = logging.getLogger(__name__)

RUNS_AT_ONCE = 2
NO_ACCOUNT_RETRY_S = 0.5
STOPPING_RETRY_S = 0.1


@dataclass(slots=True)
class _Execution:
    key: Key
    group: tuple[str, str, str] | None
    """Project, repository and name of its concurrency group."""
    stop: Stop


class Executions:
    """The component, and at once the Source of the keys of runs whose turn has come."""

    def __init__(
        self,
        api: Client,
        logs: LogBook,
        engine: CIEngine,
        orders: Orders,
    ) -> None:
        self._api = api
        self._logs = logs
        self._engine = engine
        self._orders = orders
        self._retention = Retention(api, logs, engine)
        self._going_on: dict[str, _Execution] = {}
        self._waiting: dict[Key, tuple[str, str]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._enqueue: Enqueue = lambda _: None

    async def run(self, enqueue: Enqueue) -> None:
        async with self._engine, asyncio.TaskGroup() as tasks:
            await self._retention.sweep()
            self._tasks = tasks
            self._enqueue = enqueue
            for key in list(self._waiting):
                enqueue(key)
            try:
                await asyncio.Event().wait()
            finally:
                self._tasks = None

    async def reconcile(self, key: Key) -> float | None:
        try:
            run = await self._api.get(PIPELINE_RUN, key.name, key.namespace)
        except NotFound:
            self._waiting.pop(key, None)
            return None
        if is_deleting(run):
            return await self._release(key, run)
        execution = self._going_on.get(uid_of(run))
        if is_finished(run):
            self._waiting.pop(key, None)
            return None
        if execution is not None:
            if run["spec"]["cancel"]:
                execution.stop.set("the run was cancelled")
            return None
        if FINALIZER not in (run["metadata"].get("finalizers") or ()):
            run = await self._add_finalizer(key, run)
        if run["spec"]["cancel"] and phase_of(run) == PENDING:
            await self._end(key, run, CANCELLED, "Cancelled", "cancelled before it began")
            return None
        return await self._begin(key, run)

    # -- beginning ---------------------------------------------------------------------------

    async def _begin(self, key: Key, run: RawObject) -> float | None:
        try:
            workflow = await self._orders.workflow(run)
            order = await self._orders.order(run, workflow)
            group = group_of(order)
        except (OrderInvalid, WorkflowInvalid, RepositoryNotFound) as error:
            await self._end(key, run, FAILED, "WorkflowInvalid", str(error))
            return None
        except NotFound as error:
            await self._wait(key, run, "NotReady", f"waits for the project: {error}")
            return NO_ACCOUNT_RETRY_S
        except GitError as error:
            await self._wait(key, run, "GitUnavailable", f"the commit cannot be read: {error}")
            raise
        if reason := self._reason_to_wait(run, group):
            await self._wait(key, run, "Queued", reason)
            return None
        # From the question to the answer nobody else has had a turn: no await in between.
        assert self._tasks is not None
        execution = _Execution(key, _group_key(run, group), Stop())
        self._going_on[uid_of(run)] = execution
        self._waiting.pop(key, None)
        if run["spec"]["cancel"]:
            execution.stop.set("the run was cancelled")
        self._tasks.create_task(self._execute(key, run, order, execution), name=f"run-{key}")
        return None

    def _reason_to_wait(self, run: RawObject, group: Group | None) -> str:
        """Why the run cannot begin now; "" when it can."""
        if self._tasks is None:
            return "waits for the platform to start"
        wanted = _group_key(run, group)
        if wanted is not None and group is not None:
            for other in self._going_on.values():
                if other.group == wanted:
                    if group.cancels_others:
                        other.stop.set(f"replaced by {run['metadata']['name']}")
                    return f"waits for {other.key.name}, of the same concurrency group {group.name}"
        if len(self._going_on) >= RUNS_AT_ONCE:
            names = ", ".join(sorted(other.key.name for other in self._going_on.values()))
            return f"waits for a free place: {names} are running"
        return ""

    async def _wait(self, key: Key, run: RawObject, reason: str, message: str) -> None:
        metadata = run["metadata"]
        self._waiting[key] = (metadata["creationTimestamp"], metadata["name"])
        status = run.get("status") or {}
        if status.get("message") == message:
            return
        phase = RUNNING if status.get("jobs") else PENDING
        set_outcome(run, phase, reason, message)
        await self._write(key, run)

    async def _add_finalizer(self, key: Key, run: RawObject) -> RawObject:
        metadata = run["metadata"]
        finalizers = [*(metadata.get("finalizers") or ()), FINALIZER]
        patch = {
            "metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": finalizers}
        }
        return await self._api.patch(PIPELINE_RUN, key.name, key.namespace, patch)

    # -- going on ----------------------------------------------------------------------------

    async def _execute(
        self, key: Key, run: RawObject, order: RunOrder, execution: _Execution
    ) -> None:
        state = state_of(run.get("status") or {})
        status = run.setdefault("status", {})
        status.setdefault("startedAt", now())
        message = str((order.payload.get("head_commit") or {}).get("message", ""))
        status["title"] = title_of(order, (message.splitlines() or [""])[0])
        status["warnings"] = list(order.workflow.warnings)
        set_outcome(run, RUNNING, "Running", "")
        writer = StatusWriter(self._api, key, run, state)
        try:
            async with writer:
                await self._run_engine(run, order, state, execution.stop, writer)
            status["finishedAt"] = now()
            await writer.write_until_done()
        finally:
            del self._going_on[uid_of(run)]
            self._next()
        try:
            await self._engine.forget(order.uid)
            await self._retention.after(run)
        except (StatusError, OSError) as error:
            # Tidying up is tried again after the next run, and at the next start.
            log.warning("run not tidied up", extra={"run": order.name, "why": str(error)})

    async def _run_engine(
        self,
        run: RawObject,
        order: RunOrder,
        state: RunState,
        stop: Stop,
        writer: StatusWriter,
    ) -> None:
        try:
            phase = await self._engine.run(order, state, changed=writer.changed, stop=stop)
        except Exception as error:
            log.exception("run failed", extra={"run": order.name, "project": order.repository})
            message = f"the platform could not run it: {str(error) or type(error).__name__}"
            set_outcome(run, FAILED, "PlatformError", message)
        else:
            set_outcome(run, str(phase), str(phase), message_of(order, state, phase, stop))

    def _next(self) -> None:
        """Wake those that wait; the oldest is looked at first."""
        for key in sorted(self._waiting, key=lambda key: self._waiting[key]):
            self._enqueue(key)

    # -- ending ------------------------------------------------------------------------------

    async def _end(self, key: Key, run: RawObject, phase: str, reason: str, message: str) -> None:
        self._waiting.pop(key, None)
        set_outcome(run, phase, reason, message)
        run["status"]["finishedAt"] = now()
        await self._write(key, run)

    async def _write(self, key: Key, run: RawObject) -> None:
        await self._api.patch(
            PIPELINE_RUN, key.name, key.namespace, {"status": run["status"]}, subresource="status"
        )

    async def _release(self, key: Key, run: RawObject) -> float | None:
        """Deleted: gone when its programs, its folder and its logs are."""
        self._waiting.pop(key, None)
        if (execution := self._going_on.get(uid_of(run))) is not None:
            execution.stop.set("the run was deleted")
            return STOPPING_RETRY_S
        await self._engine.forget(uid_of(run))
        await self._logs.forget(log_prefix(key.namespace, key.name))
        finalizers = [name for name in run["metadata"]["finalizers"] if name != FINALIZER]
        version = run["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version, "finalizers": finalizers}}
        try:
            await self._api.patch(PIPELINE_RUN, key.name, key.namespace, patch)
        except NotFound:
            return None
        return None


def _group_key(run: RawObject, group: Group | None) -> tuple[str, str, str] | None:
    if group is None:
        return None
    return run["metadata"]["namespace"], run["spec"]["repository"], group.name
