"""From `towpath new ... --wait` to the service that answers out of its own database, by phases.

Ten runs on one warm platform, each with a new name, deleted before the next begins. The command is
the real one, started as a process; the phases are seen from outside, by watching both APIs, and the
last by asking the service's address. A run before the first fills the caches and is not counted.

What is warm: wheels, base layer and the pipeline's environment, each by the lock file's hash. The
workflow still runs its tests, and no phase is left out.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path

from tests.platform import PlatformProcess, running_platform_process

from bench.report import last_line, median_and_worst, table
from towpath.client.kubernetes import KubernetesClient
from towpath.client.protocols import EventType
from towpath.machinery.conditions import is_true
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

PROJECT, ENVIRONMENT = "demo", "staging"
RUNS = 10
BUDGET_S = 5.0
ASK_AGAIN_S = 0.01
GONE_DEADLINE_S = 60.0

TOWPATH, CORE = "towpath.dev", "v1"
TEMPLATE_RUN = Resource(TOWPATH, "v1alpha1", "TemplateRun", "templateruns")
PIPELINE_RUN = Resource(TOWPATH, "v1alpha1", "PipelineRun", "pipelineruns")
RELEASE = Resource(TOWPATH, "v1alpha1", "Release", "workloadreleases")
PROMOTION = Resource(TOWPATH, "v1alpha1", "Promotion", "promotions")
APPLICATION = Resource("argoproj.io", "v1alpha1", "Application", "applications")
INSTANCE = Resource(
    "offerings.towpath.dev", "v1alpha1", "PostgreSQLInstance", "postgresqlinstances"
)
SECRET = Resource("", CORE, "Secret", "secrets")
POD = Resource("", CORE, "Pod", "pods")

STEPS = {
    "Run actions/checkout@v5": "checkout",
    "Install the dependencies": "environment",
    "Test": "tests",
    "Build the image": "image",
}

PHASES = (
    "command started",
    "template steps",
    "push seen by the pipeline",
    "checkout",
    "environment",
    "tests",
    "image",
    "release",
    "promotion rendered and committed",
    "infrastructure synced",
    "secret there",
    "database ready",
    "pod started",
    "pod ready",
    "URL answers from the database",
    "command returned",
)
"""In the order in which they end. Some go on side by side: see `after`."""

AFTER = {
    "push seen by the pipeline": "command started",
    "checkout": "push seen by the pipeline",
    "template steps": "command started",
    "database ready": "infrastructure synced",
    "pod started": "secret there",
}
"""Where a phase does not begin with the end of the one before it in the list."""


@dataclass(slots=True)
class Run:
    """One golden path, and when each phase ended, in seconds from the command's start."""

    name: str
    started: float = field(default_factory=time.monotonic)
    ends: dict[str, float] = field(default_factory=dict)

    def end(self, phase: str) -> None:
        self.ends.setdefault(phase, time.monotonic() - self.started)

    def seconds(self, phase: str) -> float:
        before = AFTER.get(phase) or PHASES[max(PHASES.index(phase) - 1, 0)]
        begun = self.ends[before] if before != phase else 0.0
        return max(self.ends[phase] - begun, 0.0)


def note_template(run: Run, obj: RawObject) -> None:
    if (obj["spec"].get("parameters") or {}).get("name") != run.name:
        return
    run.end("command started")
    if (obj.get("status") or {}).get("phase") == "Succeeded":
        run.end("template steps")


def note_pipeline(run: Run, obj: RawObject) -> None:
    if obj["spec"]["repository"] != run.name:
        return
    status = obj.get("status") or {}
    if status.get("phase") == "Running":
        run.end("push seen by the pipeline")
    for job in status.get("jobs") or ():
        for step in job.get("steps") or ():
            if step["phase"] == "Succeeded" and step["name"] in STEPS:
                run.end(STEPS[step["name"]])


def note_release(run: Run, obj: RawObject) -> None:
    if obj["spec"]["workload"] == run.name:
        run.end("release")


def note_promotion(run: Run, obj: RawObject) -> None:
    if obj["spec"]["workload"] == run.name and (obj.get("status") or {}).get("commit"):
        run.end("promotion rendered and committed")


def note_application(run: Run, obj: RawObject) -> None:
    sync = (obj.get("status") or {}).get("sync") or {}
    wanted = f"{PROJECT}-{run.name}-{ENVIRONMENT}-infra"
    if obj["metadata"]["name"] == wanted and sync.get("status") == "Synced":
        run.end("infrastructure synced")


def note_instance(run: Run, obj: RawObject) -> None:
    if obj["metadata"]["name"].startswith(f"{run.name}-") and is_true(obj, "Ready"):
        run.end("database ready")


def note_secret(run: Run, obj: RawObject) -> None:
    if obj["metadata"]["name"].startswith(f"{run.name}-") and obj.get("data"):
        run.end("secret there")


def note_pod(run: Run, obj: RawObject) -> None:
    if not obj["metadata"]["name"].startswith(f"{run.name}-"):
        return
    if (obj.get("status") or {}).get("phase") == "Running":
        run.end("pod started")
    if is_true(obj, "Ready"):
        run.end("pod ready")


Note = Callable[[Run, RawObject], None]
TARGET = f"{PROJECT}-{ENVIRONMENT}"

WATCHED: tuple[tuple[str, Resource, str, Note], ...] = (
    ("platform", TEMPLATE_RUN, PROJECT, note_template),
    ("platform", PIPELINE_RUN, PROJECT, note_pipeline),
    ("platform", RELEASE, PROJECT, note_release),
    ("platform", PROMOTION, PROJECT, note_promotion),
    ("platform", APPLICATION, "argocd", note_application),
    ("platform", INSTANCE, PROJECT, note_instance),
    ("local", SECRET, TARGET, note_secret),
    ("local", POD, TARGET, note_pod),
)


async def watch(
    client: KubernetesClient, resource: Resource, namespace: str, since: str, note: Note, run: Run
) -> None:
    async with aclosing(client.watch(resource, namespace, since=since)) as changes:
        async for change in changes:
            if change.type in (EventType.ADDED, EventType.MODIFIED):
                note(run, change.object)


async def ask_until_it_answers(platform: PlatformProcess, run: Run) -> None:
    host = f"{run.name}.{ENVIRONMENT}.{PROJECT}.localhost"
    while True:
        answer = await platform.service(host)
        if answer.status_code == 200 and answer.json().get("visits", 0) >= 1:
            run.end("URL answers from the database")
            return
        await asyncio.sleep(ASK_AGAIN_S)


async def measure(platform: PlatformProcess, name: str) -> Run:
    async with AsyncExitStack() as stack:
        clients = {
            context: await stack.enter_async_context(platform.client(context))
            for context in ("platform", "local")
        }
        since = [
            (await clients[context].list(resource, namespace)).resource_version
            for context, resource, namespace, _ in WATCHED
        ]
        run = Run(name)
        async with asyncio.TaskGroup() as tasks:
            watching = [
                tasks.create_task(watch(clients[context], resource, namespace, version, note, run))
                for (context, resource, namespace, note), version in zip(
                    WATCHED, since, strict=True
                )
            ]
            asking = tasks.create_task(ask_until_it_answers(platform, run))
            made = await platform.towpath(
                "new", "python-service", name, "--project", PROJECT, "--wait"
            )
            assert made.code == 0, made.stderr
            run.end("command returned")
            async with asyncio.timeout(BUDGET_S):
                await asking
            for task in watching:
                task.cancel()
    missing = [phase for phase in PHASES if phase not in run.ends]
    assert not missing, f"{name}: never seen: {', '.join(missing)}"
    return run


async def remove(platform: PlatformProcess, name: str) -> None:
    gone = await platform.towpath(
        "delete", name, "--project", PROJECT, "--yes", "--wait", timeout_s=GONE_DEADLINE_S
    )
    assert gone.code == 0, gone.stderr


def report(runs: list[Run]) -> None:
    rows: list[dict[str, object]] = []
    phases: dict[str, object] = {}
    for phase in PHASES:
        took = median_and_worst([run.seconds(phase) for run in runs])
        at = statistics.median(run.ends[phase] for run in runs)
        phases[phase] = {**took, "ended_at_median_s": round(at, 3)}
        rows.append(
            {
                "phase": phase,
                "median s": took["median_s"],
                "worst s": took["worst_s"],
                "ended at s": round(at, 3),
            }
        )
    table(rows)
    totals = [max(run.ends.values()) for run in runs]
    answers = [run.ends["URL answers from the database"] for run in runs]
    total = median_and_worst(totals)
    print(
        f"  URL answers after {median_and_worst(answers)['median_s']:.2f} s, the command returns "
        f"after {total['median_s']:.2f} s; worst of {len(runs)}: {max(answers):.2f} s and "
        f"{total['worst_s']:.2f} s. Budget: {BUDGET_S:.0f} s."
    )
    last_line(
        "golden_path",
        {
            "runs": len(runs),
            "total": total,
            "url_answers": median_and_worst(answers),
            "budget_s": BUDGET_S,
            "within_budget": total["worst_s"] < BUDGET_S,
            "phases": phases,
        },
    )


async def bench(count: int) -> list[Run]:
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as folder:
        async with running_platform_process(Path(folder) / "data") as platform:
            runs = []
            for number in range(count + 1):
                name = f"bench-{number}"
                run = await measure(platform, name)
                await remove(platform, name)
                if number:
                    runs.append(run)
            return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=RUNS)
    report(asyncio.run(bench(parser.parse_known_args()[0].runs)))


if __name__ == "__main__":
    main()
