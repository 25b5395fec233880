"""How a service is born, told while it happens: objects in, sentences and the end out.

Pure. It is told the present state of objects in any order and as often as they change, and says
each thing once. The way from a template's run to a healthy service leads through the run, the
pipeline, the release, the promotion and the workload's environments.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.delivery.environments.kinds import by_order
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN, log_stream
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.capabilities.portal.templates import progress
from towpath.capabilities.portal.templates.kinds import (
    FAILED,
    PENDING,
    RUNNING,
    SUCCEEDED,
    TEMPLATE_RUN,
)
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

WATCHED = (TEMPLATE_RUN, PIPELINE_RUN, RELEASE, PROMOTION, WORKLOAD)


@dataclass(frozen=True, slots=True)
class Birth:
    """What is awaited: one run, and the workload that comes of it."""

    project: str
    run: str
    workload: str
    environment: str
    """The first one that a release goes to by itself; "" when there is none."""


@dataclass(frozen=True, slots=True)
class Failure:
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Success:
    environment: str
    release: str
    url: str


@dataclass
class Story:
    birth: Birth
    outcome: Failure | Success | None = None
    _said: set[str] = field(default_factory=set)
    _releases: set[str] = field(default_factory=set)

    def tell(self, resource: Resource, obj: RawObject) -> list[str]:
        """What is new about the object. Sets the outcome when this is the end."""
        tellers = {
            TEMPLATE_RUN: self._template_run,
            PIPELINE_RUN: self._pipeline_run,
            RELEASE: self._release,
            PROMOTION: self._promotion,
            WORKLOAD: self._workload,
        }
        news = [line for line in tellers[resource](obj) if line not in self._said]
        self._said.update(news)
        return news

    def _template_run(self, run: RawObject) -> Iterator[str]:
        if run["metadata"]["name"] != self.birth.run or not run.get("status"):
            return
        for step in progress.steps_of(run):
            if step["phase"] not in (PENDING, RUNNING):
                yield _step_line(step["name"], step["phase"], step.get("message", ""))
        if progress.phase_of(run) in (FAILED, "Undone"):
            self.outcome = self._run_failure(run)
        elif progress.phase_of(run) == SUCCEEDED and not self.birth.environment:
            self.outcome = Success("", "", "")

    def _run_failure(self, run: RawObject) -> Failure | None:
        if not progress.is_finished(run):
            return None
        undone = "What it had made is undone."
        nothing = progress.failed_step(run) is None
        return Failure(
            run["status"].get("message", "the run has failed"),
            ("Nothing was made. " if nothing else undone + " ")
            + f"See: kubectl -n {self.birth.project} get templaterun {self.birth.run} -o yaml",
        )

    def _pipeline_run(self, run: RawObject) -> Iterator[str]:
        if run["spec"]["repository"] != self.birth.workload:
            return
        status = run.get("status") or {}
        yield f"Pipeline {run['metadata']['name']} started"
        for job in status.get("jobs") or ():
            for step in job.get("steps") or ():
                if step["phase"] not in (PENDING, RUNNING):
                    line = _step_line(step["name"], step["phase"], step.get("message", ""))
                    yield f"  {line}"
        if status.get("phase") in (FAILED, "Cancelled"):
            self.outcome = self._pipeline_failure(run)

    def _pipeline_failure(self, run: RawObject) -> Failure:
        name, status = run["metadata"]["name"], run["status"]
        message = f"pipeline {name}: {status.get('message') or status['phase']}"
        for job in status.get("jobs") or ():
            for step in job.get("steps") or ():
                if step["phase"] == FAILED:
                    log = log_stream(self.birth.project, name, job["id"], step["number"])
                    why = step.get("message") or f"exit code {step.get('exitCode', 1)}"
                    return Failure(f"pipeline {name}: {step['name']}: {why}", f"Log: {log}")
        return Failure(message, f"See: kubectl -n {self.birth.project} get pipelinerun {name}")

    def _release(self, release: RawObject) -> Iterator[str]:
        if release["spec"]["workload"] == self.birth.workload:
            self._releases.add(release["metadata"]["name"])
            yield f"Release {release['metadata']['name']}"

    def _promotion(self, promotion: RawObject) -> Iterator[str]:
        spec, status = promotion["spec"], promotion.get("status") or {}
        if spec["workload"] != self.birth.workload:
            return
        phase = status.get("phase") or PENDING
        if phase != PENDING:
            yield f"Promotion to {spec['environment']}: {phase}"
        if phase == FAILED and spec["environment"] == self.birth.environment:
            self.outcome = Failure(
                f"promotion to {spec['environment']}: {status.get('message') or 'it has failed'}",
                f"See: kubectl -n {self.birth.project} get promotion "
                f"{promotion['metadata']['name']} -o yaml",
            )

    def _workload(self, workload: RawObject) -> Iterator[str]:
        if workload["metadata"]["name"] != self.birth.workload:
            return
        for entry in (workload.get("status") or {}).get("environments") or ():
            if entry["name"] != self.birth.environment or not entry.get("release"):
                continue
            health = entry.get("health", "Unknown")
            trouble = f": {entry['message']}" if entry.get("message") else ""
            yield f"{entry['name']}: {entry['release']} is {health.lower()}{trouble}"
            if health == "Healthy" and entry.get("sync") == "Synced":
                self.outcome = Success(entry["name"], entry["release"], entry.get("url", ""))


def _step_line(name: str, phase: str, message: str) -> str:
    words = {SUCCEEDED: "done", "Skipped": "skipped", "Undone": "undone"}
    line = f"{name}: {words.get(phase, phase.lower())}"
    return f"{line}: {message}" if phase == FAILED and message else line


def first_automatic(environments: Sequence[RawObject], wanted: Sequence[str] = ()) -> str:
    """The environment that a new release reaches first, "" when all are manual."""
    for environment in sorted(environments, key=by_order):
        name: str = environment["metadata"]["name"]
        if environment["spec"].get("mode") == "auto" and (not wanted or name in wanted):
            return name
    return ""


def planned_things(rendered: Sequence[tuple[str, Mapping[str, object]]]) -> list[str]:
    """What the steps of a template make, by their actions and inputs: the plan that is shown."""
    lines = []
    for action, step in rendered:
        if action == "publish:towpath":
            lines.append(f"repository   {_slug(str(step.get('repoUrl', '')))}")
        elif action == "towpath:workload":
            owner = f", owned by {step['owner']}" if step.get("owner") else ""
            lines.append(f"workload     {step.get('name', '?')}{owner}")
        elif action == "catalog:register":
            lines.append(f"catalogue    {step.get('catalogInfoPath') or 'catalog-info.yaml'}")
    return lines


def _slug(url: str) -> str:
    query = dict(part.partition("=")[::2] for part in url.partition("?")[2].split("&"))
    return f"{query.get('owner', '?')}/{query.get('repo', '?')}"
