"""What `towpath new --wait` tells: each thing once, in any order, and the right end."""

from typing import Any

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.capabilities.portal.templates.story import (
    Birth,
    Failure,
    Story,
    Success,
    first_automatic,
    planned_things,
)

COMMIT = "c" * 40
BIRTH = Birth(project="demo", run="r", workload="orders", environment="staging")


def template_run(phase: str, publish: str = "Succeeded", **status: Any) -> dict[str, Any]:
    step = {"id": "p", "name": "Publish", "action": "publish:towpath", "phase": publish}
    if publish == "Succeeded":
        step["output"] = {"commitHash": COMMIT}
    return TEMPLATE_RUN.object("r", "demo", status={"phase": phase, "steps": [step], **status})


def pipeline_run(phase: str, *steps: dict[str, Any], commit: str = COMMIT) -> dict[str, Any]:
    jobs = [{"id": "build", "steps": list(steps)}]
    spec = {"repository": "orders", "commit": commit}
    return PIPELINE_RUN.object(
        "orders-ci", "demo", spec=spec, status={"phase": phase, "jobs": jobs}
    )


def release(commit: str = COMMIT) -> dict[str, Any]:
    return RELEASE.object("orders-1", "demo", spec={"workload": "orders", "commit": commit})


def promotion(phase: str, message: str = "") -> dict[str, Any]:
    spec = {"workload": "orders", "environment": "staging", "release": "orders-1"}
    return PROMOTION.object("p1", "demo", spec=spec, status={"phase": phase, "message": message})


def workload(health: str, sync: str = "Synced") -> dict[str, Any]:
    entry = {
        "name": "staging",
        "release": "orders-1",
        "health": health,
        "sync": sync,
        "url": "http://u",
    }
    return WORKLOAD.object("orders", "demo", status={"environments": [entry]})


def test_a_birth_is_told_from_the_run_to_the_healthy_service() -> None:
    story = Story(BIRTH)
    told = [
        *story.tell(TEMPLATE_RUN, template_run("Running", "Running")),
        *story.tell(TEMPLATE_RUN, template_run("Succeeded")),
        *story.tell(PIPELINE_RUN, pipeline_run("Running", {"name": "Test", "phase": "Succeeded"})),
        *story.tell(RELEASE, release()),
        *story.tell(PROMOTION, promotion("Syncing")),
        *story.tell(WORKLOAD, workload("Progressing")),
        *story.tell(WORKLOAD, workload("Healthy")),
    ]
    assert told == [
        "Publish: done",
        "Pipeline orders-ci started",
        "  Test: done",
        "Release orders-1",
        "Promotion to staging: Syncing",
        "staging: orders-1 is progressing",
        "staging: orders-1 is healthy",
    ]
    assert story.outcome == Success("staging", "orders-1", "http://u")


def test_what_comes_early_is_told_when_it_is_known_to_belong() -> None:
    story = Story(BIRTH)
    assert story.tell(WORKLOAD, workload("Healthy")) == []
    assert story.tell(RELEASE, release()) == []
    assert story.outcome is None
    story.tell(TEMPLATE_RUN, template_run("Succeeded"))
    assert isinstance(story.outcome, Success)


def test_another_commit_of_the_same_name_is_not_this_birth() -> None:
    story = Story(BIRTH)
    story.tell(RELEASE, release("d" * 40))
    story.tell(WORKLOAD, workload("Healthy"))
    story.tell(PIPELINE_RUN, pipeline_run("Failed", commit="d" * 40))
    story.tell(TEMPLATE_RUN, template_run("Succeeded"))
    assert story.outcome is None


def test_nothing_is_told_twice() -> None:
    story = Story(BIRTH)
    story.tell(TEMPLATE_RUN, template_run("Running"))
    assert story.tell(TEMPLATE_RUN, template_run("Running")) == []


def test_a_failed_step_of_the_pipeline_is_the_end_and_names_its_log() -> None:
    story = Story(BIRTH)
    story.tell(TEMPLATE_RUN, template_run("Succeeded"))
    step = {"name": "Test", "number": 3, "phase": "Failed", "exitCode": 1}
    story.tell(PIPELINE_RUN, pipeline_run("Failed", step))
    assert isinstance(story.outcome, Failure)
    assert story.outcome.message == "pipeline orders-ci: Test: exit code 1"
    assert "towpath pipeline logs orders-ci" in story.outcome.hint


def test_a_failed_promotion_is_the_end() -> None:
    story = Story(BIRTH)
    story.tell(TEMPLATE_RUN, template_run("Succeeded"))
    story.tell(RELEASE, release())
    story.tell(PROMOTION, promotion("Failed", "unknown resource type"))
    assert isinstance(story.outcome, Failure)
    assert "unknown resource type" in story.outcome.message


def test_a_failed_run_is_the_end_only_when_it_is_undone() -> None:
    story = Story(BIRTH)
    undoing = [{"type": "Undone", "status": "Unknown"}]
    story.tell(TEMPLATE_RUN, template_run("Failed", "Failed", message="m", conditions=undoing))
    assert story.outcome is None
    story.tell(TEMPLATE_RUN, template_run("Undone", "Failed", message="m"))
    assert isinstance(story.outcome, Failure)
    assert story.outcome.hint.startswith("what it had made is undone")


def test_a_run_that_publishes_nothing_ends_with_itself() -> None:
    story = Story(BIRTH)
    story.tell(TEMPLATE_RUN, TEMPLATE_RUN.object("r", "demo", status={"phase": "Succeeded"}))
    assert story.outcome == Success("", "", "")


def test_the_first_automatic_environment_is_awaited() -> None:
    def environment(name: str, mode: str, order: int) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"mode": mode, "order": order}}

    late, early = environment("late", "auto", 20), environment("early", "auto", 10)
    assert first_automatic([late, early, environment("first", "manual", 1)]) == "early"
    assert first_automatic([environment("only", "manual", 1)]) == ""


def test_the_plan_names_what_is_made() -> None:
    steps = [
        ("fetch:template", {}),
        ("publish:towpath", {"repoUrl": "h?owner=demo&repo=orders"}),
        ("towpath:workload", {"name": "orders", "owner": "team-a"}),
    ]
    assert planned_things(steps) == [
        "repository   demo/orders",
        "workload     orders, owned by team-a",
    ]
