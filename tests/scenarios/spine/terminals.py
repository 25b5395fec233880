"""People at terminals of their own, and the load that a service is under meanwhile."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from tests.platform import Finished, PlatformProcess

TOWPATH_FOLDER = Path(sys.executable).parent
KUBECTL = str(TOWPATH_FOLDER / "kubectl")
REQUESTS_PER_S = 50


@dataclass(slots=True)
class Person:
    """Somebody at another terminal, with a home of their own."""

    platform: PlatformProcess
    home: Path

    async def run(self, *command: str, timeout_s: float = 60.0) -> Finished:
        environment = {
            name: value
            for name, value in self.platform.environment.items()
            if not name.startswith("TOWPATH_") and name not in ("KUBECONFIG", "XDG_CONFIG_HOME")
        }
        environment["HOME"] = str(self.home)
        environment["GIT_TERMINAL_PROMPT"] = "0"
        environment["PATH"] = f"{TOWPATH_FOLDER}:{environment['PATH']}"
        return await finished(*command, environment=environment, timeout_s=timeout_s)

    async def towpath(self, *arguments: str) -> Finished:
        return await self.run("towpath", *arguments)

    async def git(self, *arguments: str) -> Finished:
        return await self.run("git", *arguments)


async def finished(*command: str, environment: dict[str, str], timeout_s: float = 60.0) -> Finished:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    async with asyncio.timeout(timeout_s):
        stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return Finished(process.returncode, stdout.decode(), stderr.decode())


async def sign_in(platform: PlatformProcess, name: str, home: Path) -> Person:
    """A person as the issue says: a link from somebody who may make it, then `towpath login`."""
    link = await platform.towpath("login-link", "--user", name)
    assert link.code == 0, link.stderr
    home.mkdir(parents=True)
    person = Person(platform, home)
    signed_in = await person.towpath("login", link.stdout.strip())
    assert signed_in.code == 0, signed_in.stderr
    assert f"Signed in as {name}" in signed_in.stdout
    return person


@dataclass(slots=True)
class Load:
    """How a steady load fared."""

    statuses: dict[str, int] = field(default_factory=dict)
    greetings: set[str] = field(default_factory=set)

    @property
    def failed(self) -> dict[str, int]:
        return {status: count for status, count in self.statuses.items() if status != "200"}

    @property
    def count(self) -> int:
        return sum(self.statuses.values())


@asynccontextmanager
async def steady_load(platform: PlatformProcess, host: str) -> AsyncIterator[Load]:
    """So many requests a second, each sent when it is due, whatever became of the last one."""
    load = Load()

    async def ask(http: httpx2.AsyncClient) -> None:
        try:
            answer = await http.get(
                f"http://127.0.0.1:{platform.port}/", headers={"host": f"{host}:{platform.port}"}
            )
        except httpx2.HTTPError as error:
            outcome = type(error).__name__
        else:
            outcome = str(answer.status_code)
            if answer.status_code == 200:
                load.greetings.add(answer.json()["greeting"])
        load.statuses[outcome] = load.statuses.get(outcome, 0) + 1

    async def send(http: httpx2.AsyncClient) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        async with asyncio.TaskGroup() as requests:
            while not stopped.is_set():
                requests.create_task(ask(http))
                due += 1 / REQUESTS_PER_S
                try:
                    async with asyncio.timeout_at(due):
                        await stopped.wait()
                except TimeoutError:
                    continue

    stopped = asyncio.Event()
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as http, asyncio.TaskGroup() as work:
        work.create_task(send(http))
        try:
            yield load
        finally:
            stopped.set()
