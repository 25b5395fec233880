"""Probes: one attempt over HTTP, TCP or by a program, and the loops that make states of them.

The first success is looked for often, for people wait for it: every 20 ms in the first second.
After it a probe keeps the period that its author gave it. HTTP and TCP go to the pod's own address
only, whatever `host` says: the platform is nobody's proxy.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from towpath.localcluster.pods.status import ContainerState
from towpath.machinery.objects import RawObject

NOT_LISTENING_AFTER_S = 5.0
_HEAD_SIZE_MAX = 16 * 1024


@dataclass(frozen=True, slots=True)
class Attempt:
    success: bool
    message: str = ""
    refused: bool = False
    """Nobody listens at that port."""


RunProgram = Callable[[list[str], float], Awaitable[int]]
"""Run a command as the container would, within seconds; its exit code. Raises TimeoutError."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of a container, parsed; `attempt` is what it does."""

    kind: str
    attempt: Callable[[], Awaitable[Attempt]]
    initial_delay_s: float
    period_s: float
    success_threshold: int
    failure_threshold: int


def probe_of(
    container: RawObject, field: str, address: str, run_program: RunProgram
) -> Probe | None:
    """`field` is startupProbe, readinessProbe or livenessProbe."""
    raw = container.get(field)
    if not raw:
        return None
    timeout_s = float(raw.get("timeoutSeconds") or 1)
    return Probe(
        kind=field.removesuffix("Probe").capitalize(),
        attempt=attempt_of(raw, container, address, timeout_s, run_program),
        initial_delay_s=float(raw.get("initialDelaySeconds") or 0),
        period_s=float(raw.get("periodSeconds") or 10),
        success_threshold=int(raw.get("successThreshold") or 1),
        failure_threshold=int(raw.get("failureThreshold") or 3),
    )


def port_probe(container: RawObject, address: str) -> Probe | None:
    """For a container with a port and nothing that says when it is ready: when the port opens."""
    ports = [port for port in container.get("ports") or () if port.get("protocol") != "UDP"]
    if not ports:
        return None
    number = int(ports[0]["containerPort"])
    return Probe("Readiness", lambda: tcp(address, number, 1.0), 0.0, 1.0, 1, 3)


def attempt_of(
    raw: RawObject,
    container: RawObject,
    address: str,
    timeout_s: float,
    run_program: RunProgram,
) -> Callable[[], Awaitable[Attempt]]:
    """What a probe or a hook does once."""
    if request := raw.get("httpGet"):
        port = port_number(container, request["port"])
        headers = {h["name"]: h["value"] for h in request.get("httpHeaders") or ()}
        if request.get("scheme", "HTTP").upper() == "HTTPS":
            # A certificate for a loopback address proves nothing; that it speaks must do.
            return lambda: tcp(address, port, timeout_s)
        return lambda: http(address, port, request.get("path") or "/", headers, timeout_s)
    if chosen := raw.get("tcpSocket") or raw.get("grpc"):
        port = port_number(container, chosen["port"])
        return lambda: tcp(address, port, timeout_s)
    command = [str(word) for word in (raw.get("exec") or {}).get("command") or ["true"]]
    return lambda: program(command, timeout_s, run_program)


def port_number(container: RawObject, port: int | str) -> int:
    for declared in container.get("ports") or ():
        if declared.get("name") == port:
            return int(declared["containerPort"])
    return int(port)


async def tcp(address: str, port: int, timeout_s: float) -> Attempt:
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return Attempt(False, f"dial tcp {address}:{port}: i/o timeout")
    except OSError as error:
        refused = isinstance(error, ConnectionRefusedError)
        return Attempt(False, f"dial tcp {address}:{port}: connect: {error.strerror}", refused)
    await _close(writer)
    return Attempt(True)


async def http(
    address: str, port: int, path: str, headers: dict[str, str], timeout_s: float
) -> Attempt:
    url = f"http://{address}:{port}{path}"
    lines = {"Host": f"{address}:{port}", "User-Agent": "kube-probe/towpath", "Accept": "*/*"}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **headers}.items())
    request = f"GET {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode()
    writer = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(address, port, limit=_HEAD_SIZE_MAX)
            writer.write(request)
            status = int((await reader.readline()).split(b" ", 2)[1])
    except TimeoutError:
        return Attempt(False, f'Get "{url}": context deadline exceeded')
    except OSError as error:
        refused = isinstance(error, ConnectionRefusedError)
        return Attempt(False, f'Get "{url}": connect: {error.strerror or error}', refused)
    except (ValueError, IndexError):
        return Attempt(False, f'Get "{url}": no HTTP response')
    finally:
        if writer is not None:
            await _close(writer)
    if 200 <= status < 400:
        return Attempt(True)
    return Attempt(False, f"HTTP probe failed with statuscode: {status}")


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def program(command: list[str], timeout_s: float, run_program: RunProgram) -> Attempt:
    try:
        code = await run_program(command, timeout_s)
    except TimeoutError:
        return Attempt(False, f"command {command[0]} timed out after {timeout_s:g}s")
    if code == 0:
        return Attempt(True)
    return Attempt(False, f"command {command[0]} exited with {code}")


def pause_s(waited_s: float, period_s: float) -> float:
    """How long until the next attempt while there has been no success yet."""
    if waited_s < 1.0:
        return 0.02
    if waited_s < 10.0:
        return min(0.2, period_s)
    return min(1.0, period_s)


@dataclass(frozen=True, slots=True)
class Probing:
    """The probes of one run of a container, and whom to tell."""

    startup: Probe | None
    readiness: Probe | None
    liveness: Probe | None
    state: ContainerState
    listening_hint: str
    changed: Callable[[], None]
    unhealthy: Callable[[str, str], None]
    """Kind and message of a failure that people should see."""
    give_up: Callable[[str], None]
    """The container must be killed; why."""

    async def run(self) -> None:
        """Until cancelled, or until nothing is left to probe."""
        if self.startup is not None and not await self._first_success(self.startup, mortal=True):
            return
        self.state.started = True
        self.changed()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_readiness())
            if self.liveness is not None:
                tasks.create_task(self._watch_liveness(self.liveness))

    async def _first_success(self, probe: Probe, *, mortal: bool) -> bool:
        """Try often until it succeeds; give up on a mortal one after its threshold."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(probe.initial_delay_s)
        began_s = counted_s = loop.time()
        failures = 0
        while True:
            attempt = await probe.attempt()
            if attempt.success:
                self._listens("")
                self._fails("")
                return True
            waited_s = loop.time() - began_s
            if loop.time() - counted_s >= probe.period_s:
                counted_s, failures = loop.time(), failures + 1
                self.unhealthy(probe.kind, attempt.message)
                self._fails(attempt.message)
            if mortal and failures >= probe.failure_threshold:
                self.give_up(f"failed {probe.kind.lower()} probe")
                return False
            if attempt.refused and waited_s > NOT_LISTENING_AFTER_S:
                self._listens(self.listening_hint)
            await asyncio.sleep(pause_s(waited_s, probe.period_s))

    def _listens(self, hint: str) -> None:
        if self.state.not_listening != hint:
            self.state.not_listening = hint
            self.changed()

    def _fails(self, why: str) -> None:
        if self.state.failing_check != why:
            self.state.failing_check = why
            self.changed()

    async def _watch_readiness(self) -> None:
        probe = self.readiness
        if probe is None:
            self._set_ready(True)
            return
        await self._first_success(probe, mortal=False)
        self._set_ready(True)
        successes = failures = 0
        while True:
            await asyncio.sleep(probe.period_s)
            attempt = await probe.attempt()
            successes = successes + 1 if attempt.success else 0
            failures = 0 if attempt.success else failures + 1
            if not attempt.success:
                self.unhealthy(probe.kind, attempt.message)
            self._fails("" if attempt.success else attempt.message)
            if failures >= probe.failure_threshold:
                self._set_ready(False)
            elif successes >= probe.success_threshold:
                self._set_ready(True)

    def _set_ready(self, ready: bool) -> None:
        if self.state.ready != ready:
            self.state.ready = ready
            self.changed()

    async def _watch_liveness(self, probe: Probe) -> None:
        await asyncio.sleep(probe.initial_delay_s)
        failures = 0
        while failures < probe.failure_threshold:
            await asyncio.sleep(probe.period_s)
            attempt = await probe.attempt()
            failures = 0 if attempt.success else failures + 1
            if not attempt.success:
                self.unhealthy(probe.kind, attempt.message)
        self.give_up("failed liveness probe")
