"""One container: started when it can be, watched, and started again after its pod's policy."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

from towpath.engines.processes.port import (
    Exit,
    ProcessError,
    ProcessHost,
    ProcessSpec,
    RunningProcess,
    Stdio,
)
from towpath.engines.registry.port import ImageError
from towpath.localcluster.happenings import Happenings
from towpath.localcluster.pods.commands import ImageRefused
from towpath.localcluster.pods.console import Attached, Console
from towpath.localcluster.pods.environment import ConfigMissing
from towpath.localcluster.pods.execution import Execution
from towpath.localcluster.pods.images import Image
from towpath.localcluster.pods.preparation import PodPlace, Preparation
from towpath.localcluster.pods.probes import Probing, attempt_of, port_probe, probe_of
from towpath.localcluster.pods.status import ContainerState, Terminated
from towpath.localcluster.pods.volumes import VolumeRefused
from towpath.machinery.conditions import timestamp
from towpath.machinery.objects import RawObject, key_of

log = logging.getLogger(__name__)

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 60.0
BACKOFF_FORGET_AFTER_S = 120.0
"""A container that ran this long starts anew with the shortest delay."""
RETRY_PREPARATION_S = 5.0
LOGS_KEPT = 2


class Container:
    def __init__(
        self,
        pod: RawObject,
        container: RawObject,
        state: ContainerState,
        place: PodPlace,
        *,
        preparation: Preparation,
        processes: ProcessHost,
        events: Happenings,
        changed: Callable[[], None],
        config_changed: Callable[[], "asyncio.Event"],
        is_init: bool = False,
    ) -> None:
        self._pod = pod
        self._container = container
        self.state = state
        self._place = place
        self._preparation = preparation
        self._processes = processes
        self._events = events
        self._changed = changed
        self._config_changed = config_changed
        self._is_init = is_init
        self._running: RunningProcess | None = None
        self._request: ProcessSpec | None = None
        self._console: Console | None = None
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._backoff_s = 0.0

    @property
    def name(self) -> str:
        return str(self._container["name"])

    async def run(self) -> None:
        """Until the container has ended for good, or has been stopped."""
        try:
            while not self._stopping.is_set():
                request = await self._prepare()
                if request is None:
                    return
                ended = await self._run_once(request)
                if ended is None or not self._starts_again(ended):
                    return
                await self._back_off()
        finally:
            self._ended.set()

    async def stop(self, grace_s: float) -> None:
        """preStop, SIGTERM, after `grace_s` in all SIGKILL; returns when the container ended."""
        self._stopping.set()
        if self._running is not None:
            self._events.normal(self._pod, "Killing", f"Stopping container {self.name}")
            loop = asyncio.get_running_loop()
            deadline_s = loop.time() + grace_s
            await self._prepare_stop(grace_s)
            if self._running is not None:
                await self._end(self._running, max(0.0, deadline_s - loop.time()))
        await self._ended.wait()

    async def _prepare_stop(self, grace_s: float) -> None:
        """The container's preStop hook, for as long as the grace allows."""
        hook = (self._container.get("lifecycle") or {}).get("preStop")
        if not hook or self._request is None:
            return
        address = self._place.address
        try:
            async with asyncio.timeout(grace_s):
                if pause := hook.get("sleep"):
                    await asyncio.sleep(float(pause["seconds"]))
                else:
                    attempt = attempt_of(hook, self._container, address, grace_s, self._execute)
                    result = await attempt()
                    if not result.success:
                        text = f"PreStopHook failed: {result.message}"
                        self._events.warning(self._pod, "FailedPreStopHook", text)
        except TimeoutError:
            self._events.warning(
                self._pod, "FailedPreStopHook", f"PreStopHook took longer than {grace_s:g}s"
            )
        except ProcessError as error:
            self._events.warning(self._pod, "FailedPreStopHook", f"PreStopHook failed: {error}")

    async def execute(self, command: list[str], *, terminal: bool, stdin: bool) -> Execution:
        """Somebody's command, in the running container. Raises ProcessError."""
        running, request = self._running, self._request
        if running is None or request is None:
            raise ProcessError(f"container {self.name} is not running")
        asked = self._preparation.probe_request(request, command)

        def start(stdio: Stdio) -> Awaitable[RunningProcess]:
            return self._processes.start(replace(asked, stdio=stdio, beside=running))

        return await Execution.start(start, terminal=terminal, stdin=stdin)

    def attach(self, *, stdin: bool) -> Attached | None:
        """To the program that runs now; None when what it says is in its log only."""
        if self._running is None:
            raise ProcessError(f"container {self.name} is not running")
        return self._console.attach(stdin=stdin) if self._console else None

    async def _execute(self, command: list[str], timeout_s: float) -> int:
        """Run a command as the container would."""
        assert self._request is not None
        probe = await self._processes.start(self._preparation.probe_request(self._request, command))
        try:
            async with asyncio.timeout(timeout_s):
                return (await probe.wait()).code
        finally:
            probe.kill()

    # -- before the start --------------------------------------------------------------------

    async def _prepare(self) -> ProcessSpec | None:
        """Try until everything is there; None when stopped meanwhile."""
        image: Image | None = None
        delay_s = 0.5
        while not self._stopping.is_set():
            config_changed = self._config_changed()
            try:
                if image is None:
                    image = await self._preparation.image(self._container, self._place.project)
                return await self._preparation.request(
                    self._pod, self._container, image, self._place, self.state.restarts
                )
            except (ImageError, OSError) as error:
                delay_s = min(delay_s * 2, BACKOFF_MAX_S)
                again = "ImagePullBackOff" if delay_s > 1.0 else "ErrImagePull"
                self._waits(again, f"Failed to pull image: {error}")
                await self._pause(delay_s)
            except ImageRefused as error:
                self._waits("InvalidImageName", str(error))
                await self._pause(BACKOFF_MAX_S)
            except (ConfigMissing, VolumeRefused) as error:
                self._waits("CreateContainerConfigError", str(error))
                await self._pause(RETRY_PREPARATION_S, config_changed)
        return None

    def _waits(self, reason: str, message: str) -> None:
        if (self.state.waiting_reason, self.state.waiting_message) == (reason, message):
            return
        self.state.wait(reason, message)
        self._events.warning(self._pod, "Failed", f"Error: {reason}: {message}")
        self._changed()

    async def _pause(self, delay_s: float, early: asyncio.Event | None = None) -> None:
        """Wait, unless stopped or something relevant happens."""
        waits = [asyncio.ensure_future(self._stopping.wait())]
        if early is not None:
            waits.append(asyncio.ensure_future(early.wait()))
        try:
            await asyncio.wait(waits, timeout=delay_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    # -- one run -----------------------------------------------------------------------------

    async def _run_once(self, request: ProcessSpec) -> Exit | None:
        """Start it and wait for its end; None when it could not even be started by fault."""
        self._drop_old_logs()
        try:
            running = await self._start(request)
        except ProcessError as error:
            self._events.warning(self._pod, "Failed", f"Error: {error}")
            moment = datetime.now(UTC).timestamp()
            failed = Exit(128, moment, moment)
            self._note_end(failed, "StartError", str(error))
            return failed
        self._running, self._request = running, request
        self.state.run(_time(running.started_s), f"{running.pid}")
        if self._is_init:
            self.state.started = True
        self._events.normal(self._pod, "Started", f"Started container {self.name}")
        self._changed()
        if self._stopping.is_set():
            running.terminate()
        probing = asyncio.create_task(self._probe(running))
        talking = asyncio.create_task(self._talk())
        try:
            ended = await running.wait()
            await talking
        finally:
            self._running = None
            await _cancelled(probing)
            await _cancelled(talking)
        self._note_end(ended)
        return ended

    async def _start(self, request: ProcessSpec) -> RunningProcess:
        """With somebody's hands on it where the container asks for that. Raises ProcessError."""
        self._console = None
        if not (self._container.get("stdin") or self._container.get("tty")):
            return await self._processes.start(request)

        def start(stdio: Stdio) -> Awaitable[RunningProcess]:
            return self._processes.start(replace(request, stdio=stdio))

        self._console = await Console.start(start, self._container, request.log)
        return self._console.running

    async def _talk(self) -> None:
        if self._console is not None:
            await self._console.run()

    async def _probe(self, running: RunningProcess) -> None:
        if self._is_init:
            return

        container, address = self._container, self._place.address
        startup = probe_of(container, "startupProbe", address, self._execute)
        readiness = probe_of(container, "readinessProbe", address, self._execute)
        if startup is None and readiness is None:
            readiness = port_probe(container, address)
        probing = Probing(
            startup,
            readiness,
            probe_of(container, "livenessProbe", address, self._execute),
            self.state,
            self._listening_hint(),
            self._changed,
            self._unhealthy,
            lambda why: self._give_up(running, why),
        )
        try:
            await probing.run()
        except Exception:
            log.exception("probes failed", extra={"pod": str(key_of(self._pod))})

    def _listening_hint(self) -> str:
        ports = self._container.get("ports") or ()
        port = ports[0]["containerPort"] if ports else "?"
        return (
            f"container {self.name} does not listen on {self._place.address}:{port}; let it bind "
            "to the address in $HOST and the port in $PORT"
        )

    def _unhealthy(self, kind: str, message: str) -> None:
        self._events.warning(self._pod, "Unhealthy", f"{kind} probe failed: {message}")

    def _give_up(self, running: RunningProcess, why: str) -> None:
        self._events.normal(self._pod, "Killing", f"Container {self.name} {why}, will be restarted")
        grace_s = float(self._pod["spec"].get("terminationGracePeriodSeconds", 30))
        running.terminate()
        asyncio.get_running_loop().call_later(grace_s, running.kill)

    async def _end(self, running: RunningProcess, grace_s: float) -> None:
        running.terminate()
        try:
            async with asyncio.timeout(grace_s):
                await running.wait()
        except TimeoutError:
            running.kill()
            await running.wait()

    def _note_end(self, ended: Exit, reason: str = "", message: str = "") -> None:
        if not reason:
            reason = "OOMKilled" if ended.oom_killed else "Completed" if not ended.code else "Error"
        self.state.end(
            Terminated(ended.code, reason, _time(ended.started_s), _time(ended.finished_s), message)
        )
        if ended.finished_s - ended.started_s > BACKOFF_FORGET_AFTER_S:
            self._backoff_s = 0.0
        self._changed()

    # -- again -------------------------------------------------------------------------------

    def _starts_again(self, ended: Exit) -> bool:
        policy = self._pod["spec"].get("restartPolicy", "Always")
        if self._stopping.is_set():
            return False
        if self._is_init:
            return ended.code != 0 and policy != "Never"
        return policy == "Always" or (policy == "OnFailure" and ended.code != 0)

    async def _back_off(self) -> None:
        """The first restart is at once; a container that keeps ending waits longer and longer."""
        self.state.last = self.state.terminated
        if self._backoff_s:
            name = f"{self.name} pod={key_of(self._pod).name}"
            message = f"back-off {self._backoff_s:g}s restarting failed container={name}"
            self._events.warning(
                self._pod, "BackOff", f"Back-off restarting failed container {name}"
            )
            self.state.wait("CrashLoopBackOff", message)
            self._changed()
            await self._pause(self._backoff_s)
        self._backoff_s = min(max(self._backoff_s * 2, BACKOFF_FIRST_S), BACKOFF_MAX_S)
        if self._stopping.is_set():
            if self.state.terminated is None and self.state.last is not None:
                self.state.end(self.state.last)
            return
        self.state.restarts += 1

    def _drop_old_logs(self) -> None:
        for restart in range(self.state.restarts - LOGS_KEPT, -1, -1):
            path = self._place.log(self.name, restart)
            if not path.exists():
                return
            path.unlink()
            path.with_name(path.name + ".1").unlink(missing_ok=True)


def _time(moment_s: float) -> str:
    return timestamp(datetime.fromtimestamp(moment_s, UTC))


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
