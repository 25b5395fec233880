"""The Git hosts that must pass the suite, and a real socket for the ones that we serve."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn

from towpath.engines.asgi import App
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.machinery.users import AccessRequest, UserInfo


@asynccontextmanager
async def served(app: App) -> AsyncIterator[str]:
    """The app on a real socket: its base URL."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(server._serve())
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await task


@dataclass
class People:
    """Tokens are `token-<name>`; rights are (name, verb, resource) or everything for a name."""

    rights: set[tuple[str, str, str]] = field(default_factory=set)
    asked: list[tuple[str, AccessRequest]] = field(default_factory=list)

    async def authenticate(self, token: str) -> UserInfo | None:
        return UserInfo(token.removeprefix("token-")) if token.startswith("token-") else None

    async def authorize(self, user: UserInfo, question: AccessRequest) -> bool:
        self.asked.append((user.name, question))
        return (user.name, question.verb, question.resource) in self.rights


@dataclass
class GitWorld:
    """An embedded host, its address, its people, and a real git client."""

    host: EmbeddedGitHost
    url: str
    people: People
    work: Path

    def address(self, repository: str, token: str = "token-alice") -> str:
        credentials = f"x:{token}@" if token else ""
        return f"{self.url.replace('://', '://' + credentials)}/git/{repository}.git"

    async def git(self, *arguments: str, cwd: Path | None = None) -> tuple[int, str]:
        environment: Mapping[str, str] = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.work),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Alice",
            "GIT_AUTHOR_EMAIL": "alice@example.com",
            "GIT_COMMITTER_NAME": "Alice",
            "GIT_COMMITTER_EMAIL": "alice@example.com",
        }
        process = await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            cwd=cwd or self.work,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def must(self, *arguments: str, cwd: Path | None = None) -> str:
        code, output = await self.git(*arguments, cwd=cwd)
        assert code == 0, output
        return output


@pytest.fixture
async def git_world(tmp_path: Path) -> AsyncIterator[GitWorld]:
    people = People(
        {
            ("alice", "get", "repositories"),
            ("alice", "update", "repositories"),
            ("carol", "get", "repositories"),
        }
    )
    url = ""
    host = EmbeddedGitHost(tmp_path / "git", lambda: url, people.authenticate, people.authorize)
    work = tmp_path / "work"
    work.mkdir()
    async with host, served(host.app) as url:
        yield GitWorld(host, url, people, work)
