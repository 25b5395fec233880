"""The Git hosts that must pass the suite, and a real socket for the ones that we serve."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.people import People
from tests.served import served

from towpath.engines.git.embedded import EmbeddedGitHost


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


@asynccontextmanager
async def open_world(tmp_path: Path, **options: int) -> AsyncIterator[GitWorld]:
    people = People(
        {
            ("alice", "get", "repositories"),
            ("alice", "update", "repositories"),
            ("carol", "get", "repositories"),
        }
    )
    host = EmbeddedGitHost(
        tmp_path / "git", lambda: "http://shown", people.authenticate, people.authorize, **options
    )
    work = tmp_path / "work"
    work.mkdir()
    async with host, served(host.app) as url:
        yield GitWorld(host, url, people, work)


@pytest.fixture
async def git_world(tmp_path: Path) -> AsyncIterator[GitWorld]:
    async with open_world(tmp_path) as world:
        yield world


@pytest.fixture
async def small_git_world(tmp_path: Path) -> AsyncIterator[GitWorld]:
    """A host that takes pushes of up to a mebibyte."""
    async with open_world(tmp_path, push_bytes_max=2**20) as world:
        yield world
