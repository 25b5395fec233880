"""A whole platform as people start it: `towpath up` as a process, used as people use it."""

import asyncio
import os
import random
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.support import eventually
from towpath.client.kubeconfig import from_kubeconfig
from towpath.client.kubernetes import KubernetesClient

TOWPATH = Path(sys.executable).with_name("towpath")
READY_DEADLINE_S = 60.0
STOP_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Finished:
    code: int
    stdout: str
    stderr: str


PORTS = range(20_000, 25_000, 10)
"""Where platforms of tests listen. Their other ports lie up to 7,500 above: still below those that
the kernel lends to clients, so that none can be lost between two starts. Tens, so that none of two
platforms that start at once is the other's port of something else."""


def free_port() -> int:
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no port of {PORTS} is free")


@dataclass(slots=True)
class PlatformProcess:
    """One data directory, and the platform process that serves it just now."""

    data_dir: Path
    port: int = field(default_factory=free_port)
    arguments: tuple[str, ...] = ("--demo",)
    launcher: tuple[str, ...] = (str(TOWPATH),)
    """What comes before `up`: another program, or another user."""
    output: str = ""
    _process: asyncio.subprocess.Process | None = None
    _killed: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def kubeconfig(self) -> Path:
        return self.data_dir / "kubeconfig"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the platform has not been started"
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "TOWPATH_DATA_DIR": str(self.data_dir),
            "TOWPATH_KUBECONFIG": str(self.kubeconfig),
            "KUBECONFIG": str(self.kubeconfig),
        }

    async def start(self, *, deadline_s: float = READY_DEADLINE_S) -> None:
        """Returns when the platform has printed that it is ready."""
        self.output = ""
        self._process = await asyncio.create_subprocess_exec(
            *self.launcher,
            "up",
            "--data-dir",
            str(self.data_dir),
            "--port",
            str(self.port),
            "--no-browser",
            *self.arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(deadline_s):
            while "Ctrl-C stops everything." not in self.output:
                line = await self._process.stdout.readline()
                if not line:
                    await self._process.wait()
                    raise AssertionError(f"the platform ended:\n{self.output}")
                self.output += line.decode()

    @property
    def sign_in_link(self) -> str:
        found = re.search(r"http://\S+/sign-in\?link=\S+", self.output)
        assert found is not None, self.output
        return found.group()

    async def stop(self) -> int:
        """Ctrl-C, and the exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
        async with asyncio.timeout(STOP_DEADLINE_S):
            rest, _ = await self._process.communicate()
        await self.forget_killed()
        self.output += rest.decode()
        assert self._process.returncode is not None
        return self._process.returncode

    async def kill(self) -> None:
        """kill -9, and nothing else; its children may live on for a moment, and do not matter."""
        process = self._process
        assert process is not None
        process.kill()

        async def dead() -> bool:
            return process.returncode is not None

        await eventually(dead, deadline_s=STOP_DEADLINE_S, every_s=0.001)
        self._killed.append(process)

    async def forget_killed(self) -> None:
        """Wait until nobody holds the output of killed platforms any more."""
        async with asyncio.timeout(STOP_DEADLINE_S):
            while self._killed:
                await self._killed.pop().communicate()

    async def forget(self) -> None:
        """Kill it where it still runs, and forget it."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()
        await self.forget_killed()

    async def run(self, *command: str, said: str = "", timeout_s: float = 60.0) -> Finished:
        """Any program, with this platform's kubeconfig, and what is said to it."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if said else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )
        try:
            async with asyncio.timeout(timeout_s):
                stdout, stderr = await process.communicate(said.encode() or None)
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
            raise
        assert process.returncode is not None
        return Finished(process.returncode, stdout.decode(), stderr.decode())

    async def towpath(self, *arguments: str, timeout_s: float = 60.0) -> Finished:
        return await self.run(str(TOWPATH), *arguments, timeout_s=timeout_s)

    @asynccontextmanager
    async def client(self, context: str = "platform") -> AsyncIterator[KubernetesClient]:
        async with KubernetesClient(from_kubeconfig(self.kubeconfig, context=context)) as client:
            yield client

    async def service(self, host: str, path: str = "/") -> httpx2.Response:
        """Ask a service through the gateway, as a browser would."""
        # Not to verify saves reading all certificates of the machine, for plain HTTP.
        async with httpx2.AsyncClient(trust_env=False, timeout=10, verify=False) as http:
            address = f"http://127.0.0.1:{self.port}{path}"
            return await http.get(address, headers={"host": f"{host}:{self.port}"})


@asynccontextmanager
async def running_platform_process(
    data_dir: Path, *arguments: str
) -> AsyncIterator[PlatformProcess]:
    """A started platform that is stopped at the end, and killed where it does not stop."""
    platform = PlatformProcess(data_dir, arguments=arguments or ("--demo",))
    try:
        await platform.start()
    except BaseException:
        await platform.forget()
        raise
    try:
        yield platform
    finally:
        try:
            await platform.stop()
        except TimeoutError:
            await platform.kill()
            await platform.forget_killed()
            raise
