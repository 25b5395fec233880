"""A platform that has just what pipelines need: a real API, Git host, process host and log book."""

import asyncio
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tests import people
from tests.support import eventually, running_api_server

from towpath.apiserver.inprocess import InProcessClient
from towpath.capabilities.delivery.pipelines.kinds import (
    PIPELINE_RUN,
    PIPELINE_RUN_CRD,
    is_finished,
    log_stream,
)
from towpath.capabilities.delivery.pipelines.reconcile import controllers
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.engines.processes.host import SupervisedProcesses
from towpath.hooks.platform import Platform
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AccessRequest, UserInfo
from towpath.records.sqlite import SqliteRecords

REPOSITORY = RepositoryName("demo", "orders")
FILE = ".github/workflows/ci.yaml"
ADA = Signature("Ada", "ada@example.com")


class Addresses:
    def portal(self, path: str = "/") -> str:
        return f"http://localhost:8080{path}"

    def api(self, cluster: str = "") -> str:
        return "https://localhost:8443"

    def service(self, host: str) -> str:
        return f"http://{host}:8080"

    def registry(self) -> str:
        return "localhost:8080"


async def nobody(token: str) -> UserInfo | None:
    return None


async def never(user: UserInfo, request: AccessRequest) -> bool:
    return False


async def issue_token(namespace: str, name: str, *, ttl_s: int) -> str:
    return f"token-of-{namespace}-{name}"


@dataclass
class World:
    """What outlives a crash of the platform: data directory, API store, repositories."""

    api: InProcessClient
    git: EmbeddedGitHost
    records: SqliteRecords
    processes: SupervisedProcesses
    platform: Platform
    files: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def controllers(self) -> AsyncIterator[None]:
        """The controllers of pipelines; leaving it is a crash of them, for all they know."""
        tasks = [asyncio.create_task(one.run()) for one in controllers(self.platform)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def push(
        self, workflow: str = "", *, message: str = "Change", ref: str = "refs/heads/main"
    ) -> str:
        """Commit `files` and the workflow; returns the commit."""
        files = dict(self.files)
        if workflow:
            files[FILE] = textwrap.dedent(workflow)
        return await self.git.write(
            REPOSITORY,
            {path: File(text.encode()) for path, text in files.items()},
            message=message,
            author=ADA,
            expected=await self.git.head(REPOSITORY, ref),
            ref=ref,
        )

    async def runs(self) -> list[RawObject]:
        listed = await self.api.list(PIPELINE_RUN, "demo")
        return sorted(listed.items, key=lambda run: str(run["metadata"]["name"]))

    async def run(self, name: str) -> RawObject:
        return await self.api.get(PIPELINE_RUN, name, "demo")

    async def wait(
        self, name: str, condition: Callable[[RawObject], bool], *, deadline_s: float = 20.0
    ) -> RawObject:
        last: RawObject = {}

        async def holds() -> bool:
            nonlocal last
            try:
                last = await self.run(name)
            except NotFound:
                return False
            return condition(last)

        try:
            await eventually(holds, deadline_s=deadline_s)
        except TimeoutError:
            raise AssertionError(f"{name} did not get there: {last.get('status')}") from None
        return last

    async def finished(self, name: str) -> RawObject:
        return await self.wait(name, is_finished)

    async def wait_for_heads(self, commit: str) -> None:
        """Until it is remembered that this commit has been dealt with."""
        config_map = Resource("", "v1", "ConfigMap", "configmaps")

        async def remembered() -> bool:
            listed = await self.api.list(config_map, "demo")
            return any(commit in str(one.get("data")) for one in listed.items)

        await eventually(remembered)

    async def log(self, run: str, job: str, step: int) -> list[str]:
        await self.records.logs.settled()
        stream = log_stream("demo", run, job, step)
        lines = [line.text for line in await self.records.logs.read(stream)]
        return lines[lines.index("##[endgroup]") + 1 :] if "##[endgroup]" in lines else lines


@asynccontextmanager
async def world(tmp_path: Path) -> AsyncIterator[World]:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    ca_file = data_dir / "ca.pem"
    ca_file.write_text("a certificate")
    async with (
        running_api_server(kinds=[PIPELINE_RUN_CRD]) as api,
        SqliteRecords(data_dir / "records.db") as records,
        SupervisedProcesses(data_dir / "run", grace_s=1.0) as processes,
        EmbeddedGitHost(data_dir / "git", lambda: "http://localhost", nobody, never) as git,
    ):
        client = api.client()
        await client.create(NAMESPACE, NAMESPACE.object("demo"))
        await git.create(REPOSITORY, owner_uid="owner")
        unused = cast(Any, None)
        platform = Platform(
            api=client,
            clusters=unused,
            git=git,
            images=unused,
            processes=processes,
            logs=records.logs,
            catalog=records.catalog,
            trail=unused,
            audit=records.audit,
            inbox=records.inbox,
            passages=records.passages,
            docs=records.docs,
            seen=records.seen,
            scores=records.scores,
            provisioned=records.provisioned,
            changes=records.changes,
            people=people.nobody,
            sign_out=people.holds_nothing,
            addresses=Addresses(),
            authorize=never,
            service_account_token=issue_token,
            template_actions=dict,
            data_dir=data_dir,
            cache_dir=tmp_path / "cache",
            database_url="",
            ca_file=ca_file,
        )
        yield World(client, git, records, processes, platform)
