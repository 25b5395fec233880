"""From a push to a finished run, and what can come in between."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.scenarios.pipelines.platform import FILE, REPOSITORY, World, world
from tests.support import eventually

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN, phase_of, run_name
from towpath.machinery.errors import Invalid, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

PASSING = """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    outputs: {answer: "${{ steps.x.outputs.answer }}"}
    steps:
      - uses: actions/checkout@v5
      - {id: x, run: "echo answer=42 >> $GITHUB_OUTPUT; echo $TOWPATH_WORKLOAD ${{ vars.LEVEL }}"}
"""
SLOW = """
on: push
jobs:
  first:
    runs-on: ubuntu-latest
    outputs: {at: "${{ steps.x.outputs.at }}"}
    steps: [{id: x, run: "echo at=$(date +%s%N) >> $GITHUB_OUTPUT"}]
  second:
    needs: first
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: "echo begun; while ! test -e go; do sleep 0.05; done"
      - {if: always(), run: echo cleaned up}
"""
WAITS = SLOW.replace("while ! test -e go; do sleep 0.05; done", "sleep 30")


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


def phases(run: RawObject) -> dict[str, str]:
    return {job["id"]: job["phase"] for job in run["status"]["jobs"]}


def is_at(job: str, step: int) -> Callable[[RawObject], bool]:
    """Whether that step of that job runs now."""

    def check(run: RawObject) -> bool:
        for one in (run.get("status") or {}).get("jobs") or ():
            if one["id"] == job and one.get("steps"):
                return bool(one["steps"][step - 1]["phase"] == "Running")
        return False

    return check


async def test_a_push_becomes_a_run_that_succeeds(demo: World) -> None:
    await demo.api.create(
        Resource("", "v1", "ConfigMap", "configmaps"),
        Resource("", "v1", "ConfigMap", "configmaps").object(
            "pipeline-variables", "demo", data={"LEVEL": "high"}
        ),
    )
    async with demo.controllers():
        commit = await demo.push(PASSING)
        name = f"orders-ci-{commit[:10]}"
        run = await demo.finished(name)
        await eventually(lambda: no_folders(demo))
    assert run["status"]["phase"] == "Succeeded", run["status"]
    assert run["status"]["progress"] == "1/1"
    assert run["status"]["title"] == "Change"
    assert run["spec"]["actor"] == "Ada"
    job = run["status"]["jobs"][0]
    assert job["outputs"] == {"answer": "42"}
    assert [step["phase"] for step in job["steps"]] == ["Succeeded", "Succeeded"]
    assert await demo.log(name, "test", 2) == ["orders high"]
    (condition,) = run["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Succeeded", "True")


async def test_a_push_that_nobody_heard_is_found_at_the_start(demo: World) -> None:
    commit = await demo.push(PASSING)
    async with demo.controllers():
        await demo.finished(f"orders-ci-{commit[:10]}")


async def test_a_restart_runs_nothing_again(demo: World) -> None:
    async with demo.controllers():
        commit = await demo.push(PASSING)
        name = f"orders-ci-{commit[:10]}"
        await demo.finished(name)
        await demo.wait_for_heads(commit)
        await demo.api.delete(PIPELINE_RUN, name, "demo")
        await eventually(lambda: gone(demo, name))
    async with demo.controllers():
        second = await demo.push(PASSING.replace("42", "43"))
        await demo.finished(f"orders-ci-{second[:10]}")
        assert len(await demo.runs()) == 1


async def test_a_repository_that_went_while_nobody_looked_is_forgotten(demo: World) -> None:
    async with demo.controllers():
        commit = await demo.push(PASSING)
        await demo.finished(f"orders-ci-{commit[:10]}")
        await demo.wait_for_heads(commit)
    await demo.git.archive(REPOSITORY, owner_uid="owner")
    async with demo.controllers():
        await eventually(lambda: nothing_is_remembered(demo))


async def nothing_is_remembered(demo: World) -> bool:
    config_map = Resource("", "v1", "ConfigMap", "configmaps")
    listed = await demo.api.list(config_map, "demo")
    return not any("heads" in one["data"] for one in listed.items)


async def no_folders(demo: World) -> bool:
    return not list((demo.platform.data_dir / "ci").glob("[!.]*"))


async def gone(demo: World, name: str) -> bool:
    try:
        await demo.run(name)
    except NotFound:
        return True
    return False


async def test_a_crash_starts_the_unfinished_job_from_its_beginning(demo: World) -> None:
    async with demo.controllers():
        commit = await demo.push(WAITS)
        name = f"orders-ci-{commit[:10]}"
        before = await demo.wait(name, is_at("second", 2))

    async def has_begun_again() -> bool:
        log = await demo.log(name, "second", 2)
        return "begun" in "\n".join(log).partition("From here on again")[2].splitlines()

    async with demo.controllers():
        await eventually(has_begun_again)
        await demo.api.patch(PIPELINE_RUN, name, "demo", {"spec": {"cancel": True}})
        after = await demo.finished(name)
    assert phases(after) == {"first": "Succeeded", "second": "Cancelled"}
    assert after["status"]["jobs"][0] == before["status"]["jobs"][0]


async def test_cancelling_ends_the_program_and_lets_cleanup_run(demo: World) -> None:
    async with demo.controllers():
        commit = await demo.push(WAITS)
        name = f"orders-ci-{commit[:10]}"
        await demo.wait(name, is_at("second", 2))
        await demo.api.patch(PIPELINE_RUN, name, "demo", {"spec": {"cancel": True}})
        run = await demo.finished(name)
    assert run["status"]["phase"] == "Cancelled"
    steps = run["status"]["jobs"][1]["steps"]
    assert [step["phase"] for step in steps] == ["Succeeded", "Cancelled", "Succeeded"]
    assert await demo.log(name, "second", 3) == ["cleaned up"]
    with pytest.raises(Invalid):
        await demo.api.patch(PIPELINE_RUN, name, "demo", {"spec": {"cancel": False}})
    with pytest.raises(Invalid):
        await demo.api.patch(PIPELINE_RUN, name, "demo", {"spec": {"actor": "somebody else"}})


async def test_deleting_a_run_ends_it_and_its_logs(demo: World) -> None:
    async with demo.controllers():
        commit = await demo.push(WAITS)
        name = f"orders-ci-{commit[:10]}"
        await demo.wait(name, is_at("second", 2))
        await demo.api.delete(PIPELINE_RUN, name, "demo")
        await eventually(lambda: gone(demo, name), deadline_s=10)
    assert await demo.log(name, "second", 2) == []
    assert await no_folders(demo)


def queues(run: RawObject) -> bool:
    return "waits for a free place" in run.get("status", {}).get("message", "")


async def test_runs_beyond_the_bound_wait_and_say_for_what(demo: World) -> None:
    for name in ("a", "b", "c"):
        demo.files[f".github/workflows/{name}.yaml"] = WAITS
    async with demo.controllers():
        commit = await demo.push()
        names = [f"orders-{name}-{commit[:10]}" for name in ("a", "b", "c")]
        # Which of the three comes last is nobody's promise.
        works = is_at("second", 2)
        runs = [await demo.wait(name, lambda run: works(run) or queues(run)) for name in names]
        running = [run["metadata"]["name"] for run in runs if works(run)]
        (waiting,) = [run for run in runs if queues(run)]
        assert phase_of(waiting) == "Pending"
        assert all(name in waiting["status"]["message"] for name in running)
        await demo.api.patch(PIPELINE_RUN, running[0], "demo", {"spec": {"cancel": True}})
        await demo.wait(waiting["metadata"]["name"], works)


async def test_a_group_lets_one_run_at_a_time_and_may_replace_it(demo: World) -> None:
    grouped = "concurrency: {group: 'ci-${{ github.ref }}', cancel-in-progress: true}\n" + WAITS
    async with demo.controllers():
        first = f"orders-ci-{(await demo.push(grouped))[:10]}"
        await demo.wait(first, is_at("second", 2))
        second = f"orders-ci-{(await demo.push(grouped + '# again'))[:10]}"
        replaced = await demo.finished(first)
        await demo.wait(second, is_at("second", 2))
    assert replaced["status"]["phase"] == "Cancelled"
    assert second in replaced["status"]["message"]


async def test_a_failing_step_is_told_in_one_sentence(demo: World) -> None:
    async with demo.controllers():
        commit = await demo.push("""
            on: push
            jobs:
              test:
                name: Unit tests
                runs-on: ubuntu-latest
                steps: [{name: Test, run: exit 7}]
        """)
        run = await demo.finished(f"orders-ci-{commit[:10]}")
    message = run["status"]["message"]
    for part in ("Unit tests", "Test", "exit code 7", f"pipeline logs orders-ci-{commit[:10]}"):
        assert part in message
    assert run["status"]["jobs"][0]["steps"][0]["exitCode"] == 7


@pytest.mark.parametrize(
    ("workflow", "part"),
    [
        pytest.param("on: push\njobs: [", "not YAML", id="not YAML"),
        pytest.param("on: push\njobs: {a: {steps: []}}", "line 2, jobs.a", id="a missing key"),
        pytest.param(
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{uses: some/thing@v1}]",
            "some/thing@v1",
            id="an unknown action",
        ),
    ],
)
async def test_a_file_that_cannot_run_is_a_failed_run(
    demo: World, workflow: str, part: str
) -> None:
    async with demo.controllers():
        commit = await demo.push(workflow)
        run = await demo.finished(f"orders-ci-{commit[:10]}")
    assert run["status"]["phase"] == "Failed"
    assert FILE in run["status"]["message"]
    assert part in run["status"]["message"]
    assert not run["status"].get("jobs")


async def test_what_a_push_does_not_start(demo: World) -> None:
    demo.files["docs/a.md"] = "x"
    async with demo.controllers():
        only_main = PASSING.replace("on: push", "on: {push: {branches: [main], paths: [src/**]}}")
        await demo.push(only_main, message="nothing in src")
        demo.files["src/a.py"] = "x"
        await demo.push(only_main, message="not now [skip ci]")
        await demo.push(only_main, ref="refs/heads/other")
        demo.files["src/a.py"] = "y"
        commit = await demo.push(only_main, message="now")
        await demo.finished(f"orders-ci-{commit[:10]}")
        assert [run["status"]["title"] for run in await demo.runs()] == ["now"]


async def test_nothing_is_remembered_of_a_repository_that_went(demo: World) -> None:
    config_maps = Resource("", "v1", "ConfigMap", "configmaps")

    async def nothing_remembered() -> bool:
        return not (await demo.api.list(config_maps, "demo")).items

    async with demo.controllers():
        commit = await demo.push(PASSING)
        await demo.finished(f"orders-ci-{commit[:10]}")
        await demo.wait_for_heads(commit)
        await demo.git.archive(REPOSITORY, owner_uid="owner")
        await eventually(nothing_remembered)


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        pytest.param(".github/workflows/ci.yaml", "orders-ci-0123456789", id="plain"),
        pytest.param(".github/workflows/ci.yml", "orders-ci-0123456789", id="the short ending"),
    ],
)
def test_the_name_of_a_run(workflow: str, expected: str) -> None:
    assert run_name("orders", workflow, "0123456789abcdef") == expected
    assert run_name("orders", workflow, "0123456789abcdef", 2) == f"{expected}-2"


def test_names_that_lose_something_stay_apart() -> None:
    names = {
        run_name("orders", f".github/workflows/{file}", "0123456789")
        for file in ("CI.yaml", "ci.yaml", "c_i.yaml", "c-i.yaml")
    }
    assert len(names) == 4
