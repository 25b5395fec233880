"""How a service is born, told while it happens: objects in, sentences and the end out.

Pure. It is told the present state of objects in any order and as often as they change, and says
each thing once. The way from a template's run to a healthy service leads through the run, the
pipeline, the release, the promotion and the workload's environments.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.delivery.environments.kinds import by_order
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.capabilities.portal.templates import progress
from towpath.capabilities.portal.templates.kinds import (
    FAILED,
    NAME_TAKEN,
    PENDING,
    RUNNING,
    SUCCEEDED,
    TEMPLATE_RUN,
    UNDONE,
)
from towpath.machinery.conditions import get_condition
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
    is_taken: bool = False
    """Only because somebody has the name already."""


@dataclass(frozen=True, slots=True)
class Success:
    environment: str
    release: str
    url: str


@dataclass
class Story:
    birth: Birth
    outcome: Failure | Success | None = None
    steps: list[str] = field(default_factory=list)
    """The steps of the run that have begun: their logs can be read."""
    _said: set[str] = field(default_factory=set)
    _known: dict[Resource, dict[str, RawObject]] = field(default_factory=dict)

    def tell(self, resource: Resource, obj: RawObject) -> list[str]:
        """What is new now. Sets the outcome when this is the end."""
        self._known.setdefault(resource, {})[obj["metadata"]["name"]] = obj
        run = self._of(TEMPLATE_RUN).get(self.birth.run)
        if run is None or not run.get("status"):
            return []
        lines = list(self._template_run(run))
        # Only what comes of this very commit: the name may have had another life.
        if commit := commit_of(run):
            lines += self._delivery(commit, arrived=progress.phase_of(run) == SUCCEEDED)
        elif progress.phase_of(run) == SUCCEEDED:
            self.outcome = Success("", "", "")
        news = [line for line in dict.fromkeys(lines) if line not in self._said]
        self._said.update(news)
        return news

    def _of(self, resource: Resource) -> Mapping[str, RawObject]:
        return self._known.get(resource, {})

    def _template_run(self, run: RawObject) -> Iterator[str]:
        for step in progress.steps_of(run):
            if step["phase"] != PENDING and step["id"] not in self.steps:
                self.steps.append(step["id"])
            if step["phase"] not in (PENDING, RUNNING):
                yield _step_line(step["name"], step["phase"], step.get("message", ""))
        if progress.phase_of(run) in (FAILED, UNDONE) and progress.is_finished(run):
            self.outcome = self._run_failure(run)

    def _run_failure(self, run: RawObject) -> Failure:
        made = progress.failed_step(run) is not None
        return Failure(
            run["status"].get("message", "the run has failed"),
            ("what it had made is undone" if made else "nothing was made")
            + f"; see: towpath get templaterun {self.birth.run} -n {self.birth.project} -o yaml",
            is_taken=(get_condition(run, progress.PLANNED) or {}).get("reason") == NAME_TAKEN,
        )

    def _delivery(self, commit: str, *, arrived: bool) -> Iterator[str]:
        for run in newest_attempts(self._of(PIPELINE_RUN).values(), commit):
            yield from self._pipeline_run(run)
        releases = {
            name: release
            for name, release in self._of(RELEASE).items()
            if release["spec"]["workload"] == self.birth.workload
            and release["spec"]["commit"] == commit
        }
        for name in releases:
            yield f"Release {name}"
        for promotion in self._of(PROMOTION).values():
            if promotion["spec"]["release"] in releases:
                yield from self._promotion(promotion)
        workload = self._of(WORKLOAD).get(self.birth.workload)
        if workload is not None:
            yield from self._workload(workload, releases, arrived=arrived)

    def _pipeline_run(self, run: RawObject) -> Iterator[str]:
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
        hint = f"its log: towpath pipeline logs {name} --project {self.birth.project}"
        for job in status.get("jobs") or ():
            for step in job.get("steps") or ():
                if step["phase"] == FAILED:
                    why = step.get("message") or f"exit code {step.get('exitCode', 1)}"
                    return Failure(f"pipeline {name}: {step['name']}: {why}", hint)
        return Failure(f"pipeline {name}: {status.get('message') or status['phase']}", hint)

    def _promotion(self, promotion: RawObject) -> Iterator[str]:
        spec, status = promotion["spec"], promotion.get("status") or {}
        phase = status.get("phase") or PENDING
        if phase != PENDING:
            yield f"Promotion to {spec['environment']}: {phase}"
        if phase == FAILED and spec["environment"] == self.birth.environment:
            name = promotion["metadata"]["name"]
            self.outcome = Failure(
                f"promotion to {spec['environment']}: {status.get('message') or 'it has failed'}",
                f"see: towpath get promotion {name} -n {self.birth.project} -o yaml",
            )

    def _workload(
        self, workload: RawObject, releases: Mapping[str, RawObject], *, arrived: bool
    ) -> Iterator[str]:
        if not self.birth.environment:
            if releases and arrived:
                self.outcome = Success("", next(iter(releases)), "")
            return
        for entry in (workload.get("status") or {}).get("environments") or ():
            if entry["name"] != self.birth.environment or entry.get("release") not in releases:
                continue
            health = entry.get("health", "Unknown")
            trouble = f": {entry['message']}" if entry.get("message") else ""
            yield f"{entry['name']}: {entry['release']} is {health.lower()}{trouble}"
            if health == "Healthy" and entry.get("sync") == "Synced" and arrived:
                self.outcome = Success(entry["name"], entry["release"], entry.get("url", ""))


def newest_attempts(runs: Iterable[RawObject], commit: str) -> list[RawObject]:
    """The runs of a commit, one for each workflow: what failed before it was run again is past."""
    newest: dict[str, RawObject] = {}
    for run in runs:
        spec = run["spec"]
        if spec["commit"] == commit:
            known = newest.get(spec.get("workflow", ""))
            if known is None or spec.get("attempt", 1) >= known["spec"].get("attempt", 1):
                newest[spec.get("workflow", "")] = run
    return list(newest.values())


def commit_of(run: RawObject) -> str:
    """The commit that the run has published, "" before it has, or when it publishes nothing."""
    for step in progress.steps_of(run):
        if commit := (step.get("output") or {}).get("commitHash"):
            return str(commit)
    return ""


def _step_line(name: str, phase: str, message: str) -> str:
    words = {SUCCEEDED: "done", "Skipped": "skipped", UNDONE: "undone"}
    line = f"{name}: {words.get(phase, phase.lower())}"
    return f"{line}: {message}" if phase == FAILED and message else line


def first_automatic(environments: Sequence[RawObject]) -> str:
    """The environment that a new release reaches first, "" when all are manual."""
    for environment in sorted(environments, key=by_order):
        name: str = environment["metadata"]["name"]
        if environment["spec"].get("mode") == "auto":
            return name
    return ""


def planned_things(rendered: Sequence[tuple[str, Mapping[str, object]]]) -> list[str]:
    """What the steps of a template make, by their actions and inputs: the plan that is shown."""
    lines = []
    for action, step in rendered:
        if action == "publish:towpath":
            lines.append(f"repository   {_slug(str(step.get('repoUrl', '')))}")
        elif action == "towpath:workload":
            who = str(step.get("owner") or "").removeprefix("group:default/")
            owner = f", owned by {who}" if who else ""
            lines.append(f"workload     {step.get('name', '?')}{owner}")
        elif action == "adopt:commit":
            lines.append(f"commit       on main of {step.get('repository', '?')}")
        elif action == "catalog:register":
            lines.append(f"catalogue    {step.get('catalogInfoPath') or 'catalog-info.yaml'}")
    return lines


def _slug(url: str) -> str:
    query = dict(part.partition("=")[::2] for part in url.partition("?")[2].split("&"))
    return f"{query.get('owner', '?')}/{query.get('repo', '?')}"
