"""The CI engine: runs workflows as programs of a project, a bounded number of jobs at once.

    async with CIEngine(git=..., processes=..., logs=..., runs_dir=..., cache_dir=...) as engine:
        phase = await engine.run(order, state, changed=..., stop=Stop())

`run` may be cancelled at any time: programs are killed, and `state` is what a later `run` of the
same order goes on from. Planning is pure (planning.py); this is the loop that does what is planned.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from towpath.engines.ci.actions import check_actions
from towpath.engines.ci.environments import Environments
from towpath.engines.ci.expressions import Value
from towpath.engines.ci.jobs import run_job
from towpath.engines.ci.jobwork import JobWork, Means
from towpath.engines.ci.masking import Mask
from towpath.engines.ci.network import host_network
from towpath.engines.ci.order import RunOrder
from towpath.engines.ci.places import JobPlace
from towpath.engines.ci.planning import (
    Plan,
    advance,
    fail_fast,
    first_state,
    is_finished,
    needs_context,
    result,
    to_cancel,
)
from towpath.engines.ci.programs import Programs, Stop
from towpath.engines.ci.scopes import github_context, runner_context
from towpath.engines.ci.state import JobState, Phase, RunState
from towpath.engines.ci.tail import FolderWatch
from towpath.engines.ci.tools import Tools
from towpath.engines.ci.workflow import read_workflow
from towpath.engines.ci.workflow.model import Job, Workflow
from towpath.engines.git.port import GitReader
from towpath.engines.processes.port import ProcessHost
from towpath.records.contract import LogBook


def load_workflow(file: str, text: str) -> Workflow:
    """A workflow that can be run here. Raises WorkflowInvalid, also for actions we do not have."""
    workflow = read_workflow(file, text)
    check_actions(workflow)
    return workflow


class CIEngine:
    """`runs_dir` is ours alone; in `cache_dir` each project gets a folder, and only that."""

    def __init__(
        self,
        *,
        git: GitReader,
        processes: ProcessHost,
        logs: LogBook,
        runs_dir: Path,
        cache_dir: Path,
    ) -> None:
        self._runs_dir = runs_dir
        self._watch = FolderWatch()
        self._tools = Tools(runs_dir / ".tools")
        self._means = Means(
            git,
            Programs(processes, self._watch),
            logs,
            Environments(cache_dir, processes.user_of),
            host_network(os.environ),
            self._tools,
        )
        self._slots = asyncio.Semaphore(max(2, os.cpu_count() or 2))

    async def __aenter__(self) -> "CIEngine":
        await asyncio.to_thread(self._tools.prepare)
        self._watch.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watch.close()

    async def run(
        self, order: RunOrder, state: RunState, *, changed: Callable[[], None], stop: Stop
    ) -> Phase:
        """Run every unfinished job; the result of the run. `stop` cancels in good order."""
        if not state.jobs:
            state.jobs = first_state(order.workflow).jobs
        state.begin_again()
        loop = _RunLoop(self._means, self._slots, self._runs_dir / order.uid, order, state, changed)
        return await loop.run(stop)

    async def forget(self, uid: str) -> None:
        """Remove the folder of a run."""
        await asyncio.to_thread(shutil.rmtree, self._runs_dir / uid, ignore_errors=True)

    async def known(self) -> list[str]:
        """The runs that have a folder."""
        names = await asyncio.to_thread(os.listdir, self._runs_dir)
        return [name for name in names if not name.startswith(".")]


class _RunLoop:
    def __init__(
        self,
        means: Means,
        slots: asyncio.Semaphore,
        root: Path,
        order: RunOrder,
        state: RunState,
        changed: Callable[[], None],
    ) -> None:
        self._means = means
        self._slots = slots
        self._root = root
        self._order = order
        self._state = state
        self._changed = changed
        self._plan = Plan(
            order.workflow,
            {
                "github": github_context(order),
                "inputs": dict(order.inputs),
                "vars": dict(order.variables),
            },
        )
        self._stops: dict[str, Stop] = {}
        self._wakeup = asyncio.Event()

    async def run(self, stop: Stop) -> Phase:
        """Start what is ready and wait for what happens, until every job has finished."""
        self._root.mkdir(parents=True, exist_ok=True)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._listen(stop))]
            while True:
                self._wakeup.clear()
                for job_state in advance(self._plan, self._state, cancelled=stop.is_set):
                    if job_state.id not in self._stops:
                        self._stops[job_state.id] = Stop()
                        task = tasks.create_task(self._run_job(job_state))
                        running.append(task)
                for doomed in to_cancel(self._plan, self._state):
                    self._cancel(doomed, "cancelled because another job of its matrix failed")
                self._changed()
                if is_finished(self._state):
                    break
                await self._wakeup.wait()
            for task in running:
                # Beside the listener: cancelled jobs that still wait for a slot.
                task.cancel()
        return result(self._state, cancelled=stop.is_set)

    async def _listen(self, stop: Stop) -> None:
        await stop.wait()
        for job in self._state.jobs:
            if job.phase is Phase.RUNNING:
                self._stops[job.id].set(stop.reason)
        self._wakeup.set()

    def _cancel(self, job: JobState, reason: str) -> None:
        if job.phase is Phase.PENDING:
            job.phase = Phase.CANCELLED
            job.message = reason
            self._wakeup.set()
        elif job.id in self._stops:
            self._stops[job.id].set(reason)

    async def _run_job(self, state: JobState) -> None:
        async with self._slots:
            if state.phase is Phase.PENDING:
                job = self._order.workflow.jobs[state.job]
                await run_job(self._work(job, state), job, state, self._changed)
        self._wakeup.set()

    def _work(self, job: Job, state: JobState) -> JobWork:
        order = self._order
        place = JobPlace(self._root / state.id, order.repository.name)
        secrets = {**order.secrets, "GITHUB_TOKEN": order.token}
        contexts: dict[str, Value] = {
            **self._plan.contexts,
            "github": github_context(order, job=job.id, workspace=str(place.workspace)),
            "needs": needs_context(self._state, job),
            "matrix": state.matrix,
            "strategy": self._strategy(job, state),
            "secrets": secrets,
            "runner": runner_context(place.temp, place.home / ".tools"),
        }
        return JobWork(
            means=self._means,
            order=order,
            place=place,
            number=self._state.jobs.index(state) + 1,
            mask=Mask([*secrets.values(), *self._means.network.secrets]),
            stop=self._stops[state.id],
            contexts=contexts,
        )

    def _strategy(self, job: Job, state: JobState) -> dict[str, Value]:
        siblings = [one.id for one in self._state.of(job.id)]
        return {
            "fail-fast": fail_fast(self._plan, self._state, job) if job.strategy else True,
            "job-index": siblings.index(state.id),
            "job-total": len(siblings),
            "max-parallel": len(siblings),
        }
