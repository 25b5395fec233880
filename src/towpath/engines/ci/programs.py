"""Running a step's program: start it, follow its output, end it when time or somebody says so."""

import asyncio
from dataclasses import dataclass
from typing import Any

from towpath.engines.ci.commands import Listener
from towpath.engines.ci.steplog import StepLog
from towpath.engines.ci.tail import FolderWatch, Tail
from towpath.engines.processes.port import Exit, ProcessHost, ProcessSpec, RunningProcess

TERMINATION_GRACE_S = 5.0
BYTES_BEFORE_SETTLING = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """`why` is "" when the program ended by itself, else what ended it."""

    exit_code: int
    why: str = ""


class Stop:
    """A reason to stop, once there is one. The first reason stays."""

    def __init__(self) -> None:
        self.reason = ""
        self._event = asyncio.Event()

    def set(self, reason: str) -> None:
        if not self._event.is_set():
            self.reason = reason
            self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        await self._event.wait()


@dataclass(frozen=True, slots=True)
class Programs:
    host: ProcessHost
    watch: FolderWatch

    async def run(
        self,
        spec: ProcessSpec,
        *,
        listener: Listener,
        log: StepLog,
        stop: Stop,
        deadline_s: float | None,
    ) -> Ended:
        """Raises ProcessError when it cannot be started. `deadline_s` is a time of the loop."""
        running = await self.host.start(spec)
        tail = Tail(spec.log)
        try:
            with self.watch.watching(spec.log.parent) as (changed, look_every_s):
                ending = asyncio.ensure_future(running.wait())
                ending.add_done_callback(lambda _: changed.set())
                following = asyncio.ensure_future(
                    _follow(tail, listener, log, ending, changed, look_every_s)
                )
                try:
                    ended = await _until_ended(running, ending, stop, deadline_s)
                    await following
                finally:
                    following.cancel()
                    ending.cancel()
        except asyncio.CancelledError:
            running.kill()
            raise
        finally:
            tail.close()
        if ended.why == "" and ending.result().oom_killed:
            return Ended(ended.exit_code, "it used more memory than it may have")
        return ended


async def _until_ended(
    running: RunningProcess,
    ending: "asyncio.Future[Exit]",
    stop: Stop,
    deadline_s: float | None,
) -> Ended:
    loop = asyncio.get_running_loop()
    stopping = asyncio.ensure_future(stop.wait())
    patience_s = None if deadline_s is None else max(deadline_s - loop.time(), 0.0)
    try:
        waiting: set[asyncio.Future[Any]] = {ending, stopping}
        await asyncio.wait(waiting, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return Ended(ending.result().code)
        why = stop.reason if stop.is_set else "it took longer than it may"
    finally:
        stopping.cancel()
    running.terminate()
    await asyncio.wait({ending}, timeout=TERMINATION_GRACE_S)
    if not ending.done():
        running.kill()
    return Ended((await ending).code, why)


async def _follow(
    tail: Tail,
    listener: Listener,
    log: StepLog,
    ending: "asyncio.Future[Exit]",
    changed: asyncio.Event,
    look_every_s: float | None,
) -> None:
    """Pass the output on until the program has ended and all of it is read."""
    unsettled = 0
    while True:
        changed.clear()
        was_ended = ending.done()
        while lines := tail.read():
            shown = [line for heard in lines for line in listener.hear(heard)]
            log.show(shown)
            unsettled += sum(map(len, shown))
            if unsettled > BYTES_BEFORE_SETTLING:
                await log.settled()
                unsettled = 0
            else:
                await asyncio.sleep(0)
        if was_ended:
            return
        try:
            await asyncio.wait_for(changed.wait(), look_every_s)
        except TimeoutError:
            continue
