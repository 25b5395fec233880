"""The runs of a crowd and what they have said: pipelines of each build, templates of some."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from tests.crowd.objects import born, condition
from tests.crowd.plan import Release, Service
from tests.crowd.words import FAILED_TESTS
from towpath.capabilities.delivery.pipelines.kinds import (
    FAILED,
    FINALIZER,
    PIPELINE_RUN,
    SKIPPED,
    SUCCEEDED,
    log_stream,
    run_name,
)
from towpath.capabilities.delivery.pipelines.reconcile.triggers import run_labels
from towpath.capabilities.portal.templates.kinds import FINALIZER as RUN_FINALIZER
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.conditions import timestamp
from towpath.machinery.objects import RawObject

WORKFLOW = ".github/workflows/ci.yaml"
JOB = "build"
TEST = 3
STEPS = (
    ("Run actions/checkout@v5", 1),
    ("Install the dependencies", 14),
    ("Test", 22),
    ("Build the image", 9),
    ("Create the release", 2),
)
"""With the seconds that each takes."""
TEMPLATE_STEPS = (
    ("fetch", "Write the code", "fetch:template"),
    ("publish", "Create the repository", "publish:towpath"),
    ("deliver", "Deliver it", "towpath:workload"),
    ("register", "Enter it into the catalogue", "catalog:register"),
)
TEMPLATE_RUN_OF = 8
"""Of so many services, one was made lately enough for its template's run to be kept."""

Logs = tuple[str, Sequence[str]]
"""A stream and its lines."""


def of_service(service: Service, number: int) -> Iterator[RawObject]:
    for release in service.releases:
        yield _pipeline_run(service, release, SUCCEEDED)
    if service.failing is not None:
        yield _pipeline_run(service, service.failing, FAILED)
    if number % TEMPLATE_RUN_OF == 0:
        yield _template_run(service, failed=service.story == "new")


def _pipeline_run(service: Service, release: Release, phase: str) -> RawObject:
    began = release.built - timedelta(seconds=sum(seconds for _, seconds in STEPS))
    obj = PIPELINE_RUN.object(
        run_name(service.name, WORKFLOW, release.commit),
        service.project.name,
        spec={
            "repository": service.name,
            "ref": "refs/heads/main",
            "commit": release.commit,
            "before": "",
            "workflow": WORKFLOW,
            "event": "push",
            "actor": release.author,
        },
        status=_pipeline_status(release, phase, began),
    )
    obj["metadata"]["labels"] = run_labels(service.name, WORKFLOW, release.commit)
    return born(obj, began, finalizer=FINALIZER)


def _pipeline_status(release: Release, phase: str, began: datetime) -> RawObject:
    steps = list(_pipeline_steps(phase, began))
    end = max(step["finishedAt"] for step in steps if "finishedAt" in step)
    message = "" if phase == SUCCEEDED else f"{JOB}: step 3, Test, ended with code 1"
    return {
        "phase": phase,
        "title": release.subject,
        "message": message,
        "progress": "1/1",
        "startedAt": timestamp(began),
        "finishedAt": end,
        "jobs": [
            {
                "id": JOB,
                "job": JOB,
                "name": JOB,
                "phase": phase,
                "startedAt": timestamp(began),
                "finishedAt": end,
                "steps": steps,
            }
        ],
        "warnings": [],
        "observedGeneration": 1,
        "conditions": [
            condition("Succeeded", phase == SUCCEEDED, phase, message, release.built),
        ],
    }


def _pipeline_steps(phase: str, began: datetime) -> Iterator[RawObject]:
    moment = began
    for number, (name, seconds) in enumerate(STEPS, 1):
        step: RawObject = {"number": number, "name": name, "phase": SUCCEEDED}
        if phase == FAILED and number > TEST:
            yield {**step, "phase": SKIPPED}
            continue
        failed = phase == FAILED and number == TEST
        after = moment + timedelta(seconds=seconds)
        yield {
            **step,
            "phase": FAILED if failed else SUCCEEDED,
            "startedAt": timestamp(moment),
            "finishedAt": timestamp(after),
            "exitCode": int(failed),
        }
        moment = after


def logs_of(service: Service) -> Iterator[Logs]:
    """What the newest run has said; older ones have been forgotten."""
    newest = service.failing or (service.releases[-1] if service.releases else None)
    if newest is None:
        return
    name = run_name(service.name, WORKFLOW, newest.commit)
    failed = newest is service.failing
    for number, (step, _) in enumerate(STEPS, 1):
        if failed and number > TEST:
            return
        lines = _said(service, step, failed=failed and number == TEST)
        yield log_stream(service.project.name, name, JOB, number), lines


def _said(service: Service, step: str, *, failed: bool) -> list[str]:
    if step != "Test":
        return [f"$ {step.lower()}", f"{service.name}: done"]
    passed = [
        f"tests/test_{index:02}.py::test_{index:02} \x1b[32mPASSED\x1b[0m" for index in range(30)
    ]
    if not failed:
        return [*passed, "\x1b[32m30 passed in 2.41s\x1b[0m"]
    why = FAILED_TESTS[len(service.name) % len(FAILED_TESTS)]
    return [*passed, f"\x1b[31mFAILED {why}\x1b[0m", "\x1b[31m1 failed, 30 passed in 7.02s\x1b[0m"]


def _template_run(service: Service, *, failed: bool) -> RawObject:
    phase = "Undone" if failed else "Succeeded"
    message = f"{service.name} is taken." if failed else ""
    end = service.born + timedelta(seconds=2)
    obj = TEMPLATE_RUN.object(
        f"python-service-{service.name}",
        service.project.name,
        spec={
            "template": {"name": "python-service", "namespace": SYSTEM_NAMESPACE},
            "parameters": {"name": service.name, "owner": service.owner},
            "requestedBy": service.project.owner,
        },
        status={
            "phase": phase,
            "message": message,
            "startedAt": timestamp(service.born),
            "finishedAt": timestamp(end),
            "steps": list(_template_steps(service, end, failed=failed)),
            "observedGeneration": 1,
            "conditions": [condition("Succeeded", not failed, phase, message, end)],
        },
    )
    return born(obj, service.born, finalizer=RUN_FINALIZER)


def _template_steps(service: Service, end: datetime, *, failed: bool) -> Iterator[RawObject]:
    for index, (step, name, action) in enumerate(TEMPLATE_STEPS):
        known = {"id": step, "name": name, "action": action}
        if failed and index > 1:
            yield {**known, "phase": "Pending"}
            continue
        times = {"startedAt": timestamp(service.born), "finishedAt": timestamp(end)}
        ended = "Failed" if failed and index == 1 else "Undone" if failed else "Succeeded"
        yield {**known, **times, "phase": ended}
