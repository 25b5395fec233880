"""A real Git host, process host and log book, and a CI engine on top of them."""

import textwrap
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from towpath.engines.ci.engine import CIEngine, load_workflow
from towpath.engines.ci.order import RunOrder
from towpath.engines.ci.programs import Stop
from towpath.engines.ci.state import JobState, Phase, RunState
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.engines.processes.host import SupervisedProcesses
from towpath.machinery.users import AccessRequest, UserInfo
from towpath.records.sqlite import SqliteRecords

REPOSITORY = RepositoryName("demo", "orders")
FILE = ".github/workflows/ci.yaml"
ADA = Signature("Ada", "ada@example.com")


@dataclass
class Bench:
    """Runs workflow texts, and tells what came of them."""

    engine: CIEngine
    git: EmbeddedGitHost
    records: SqliteRecords
    processes: SupervisedProcesses
    data_dir: Path
    files: dict[str, str] = field(default_factory=dict)
    runs: int = 0
    changes: int = 0

    async def order(self, workflow: str, **changes: object) -> RunOrder:
        text = textwrap.dedent(workflow)
        content = {FILE: text, **self.files}
        head = await self.git.head(REPOSITORY)
        commit = await self.git.write(
            REPOSITORY,
            {path: File(content.encode()) for path, content in content.items()},
            message="Change",
            author=ADA,
            expected=head,
        )
        self.runs += 1
        run = f"run{self.runs}"
        order = RunOrder(
            uid=f"00000000-0000-0000-0000-{self.runs:012}",
            name=run,
            repository=REPOSITORY,
            ref="refs/heads/main",
            commit=commit,
            workflow=load_workflow(FILE, text),
            event="push",
            actor="ada",
            log_stream=lambda job, step: f"pipelinerun/demo/{run}/{job}/{step}",
            secrets={"PASSWORD": "hunter2-and-more"},
            variables={"LEVEL": "high"},
            token="token-of-the-pipeline",
            environment={"TOWPATH_PROJECT": "demo"},
            server_url="http://localhost:8080",
        )
        return replace(order, **changes)  # type: ignore[arg-type]

    async def run(
        self,
        order: RunOrder,
        state: RunState | None = None,
        stop: Stop | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> "Outcome":
        state = state if state is not None else RunState()
        phase = await self.engine.run(order, state, changed=changed, stop=stop or Stop())
        await self.records.logs.settled()
        return Outcome(self, order, phase, state)

    async def do(self, workflow: str, **changes: object) -> "Outcome":
        return await self.run(await self.order(workflow, **changes))


@dataclass
class Outcome:
    bench: Bench
    order: RunOrder
    phase: Phase
    state: RunState

    def job(self, job_id: str) -> JobState:
        return next(job for job in self.state.jobs if job.id == job_id)

    @property
    def phases(self) -> dict[str, str]:
        return {job.id: str(job.phase) for job in self.state.jobs}

    def steps(self, job_id: str) -> list[str]:
        return [str(step.phase) for step in self.job(job_id).steps]

    async def log(self, job_id: str, step: int) -> list[str]:
        """What the step printed: without the header in which its script is shown."""
        stream = self.order.log_stream(job_id, step)
        lines = [line.text for line in await self.bench.records.logs.read(stream)]
        if "##[endgroup]" in lines and lines[0].startswith("##[group]Run"):
            return lines[lines.index("##[endgroup]") + 1 :]
        return lines


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async def nobody(token: str) -> UserInfo | None:
        return None

    async def never(user: UserInfo, request: AccessRequest) -> bool:
        return False

    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    (data_dir / "runs").mkdir()
    async with (
        SqliteRecords(data_dir / "records.db") as records,
        SupervisedProcesses(data_dir / "run", grace_s=1.0) as processes,
        EmbeddedGitHost(data_dir / "git", lambda: "", nobody, never) as git,
        CIEngine(
            git=git,
            processes=processes,
            logs=records.logs,
            runs_dir=data_dir / "runs",
            cache_dir=tmp_path / "cache",
        ) as engine,
    ):
        await git.create(REPOSITORY, owner_uid="owner")
        yield Bench(engine, git, records, processes, data_dir)
