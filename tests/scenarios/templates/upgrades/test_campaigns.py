"""Many services go to a newer version of their template, in waves."""

from collections.abc import Callable
from typing import Any

from tests.scenarios.templates.conftest import PROJECT_NAME
from tests.scenarios.templates.upgrades.conftest import LINES, V1, V2, Upgrading
from tests.support import eventually

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.portal.templates.upgrades.kinds import (
    CANCELLED,
    DONE,
    PAUSED,
    RUNNING,
    STOPPED,
    TEMPLATE_INSTANCE,
    TEMPLATE_UPGRADE,
    UPGRADE_CAMPAIGN,
)
from towpath.machinery.objects import RawObject

WORKFLOW = """
on: pull_request
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - run: "true"
"""
CHECKED = {**V1, ".github/workflows/check.yml": WORKFLOW}
CHECKED_V2 = {**V2, ".github/workflows/check.yml": WORKFLOW}


async def campaign(upgrading: Upgrading, revision: str, **spec: Any) -> None:
    wanted = {
        "template": {"name": "service", "namespace": PROJECT_NAME},
        "revision": revision,
        "requestedBy": "alice",
        **spec,
    }
    obj = UPGRADE_CAMPAIGN.object("all", PROJECT_NAME, spec=wanted)
    await upgrading.client.create(UPGRADE_CAMPAIGN, obj)


async def found(upgrading: Upgrading) -> RawObject:
    got: RawObject = await upgrading.client.get(UPGRADE_CAMPAIGN, "all", PROJECT_NAME)
    return got.get("status") or {}


def phases(status: RawObject) -> dict[str, str]:
    return {one["repository"]: one["phase"] for one in status.get("instances") or ()}


async def until(
    upgrading: Upgrading, holds: Callable[[RawObject], bool], deadline_s: float = 15
) -> RawObject:
    seen: list[RawObject] = []

    async def check() -> bool:
        seen.append(await found(upgrading))
        return holds(seen[-1])

    try:
        await eventually(check, deadline_s=deadline_s)
    except TimeoutError:
        raise AssertionError(seen[-1]) from None
    return seen[-1]


async def set_campaign(upgrading: Upgrading, **spec: Any) -> None:
    await upgrading.client.patch(UPGRADE_CAMPAIGN, "all", PROJECT_NAME, {"spec": spec})


async def finish_runs(upgrading: Upgrading, verdict: Callable[[RawObject], str]) -> None:
    """Be the pipelines: end every run that has not ended."""
    for run in (await upgrading.client.list(PIPELINE_RUN, PROJECT_NAME)).items:
        if not (run.get("status") or {}).get("phase"):
            await upgrading.client.patch(
                PIPELINE_RUN,
                run["metadata"]["name"],
                PROJECT_NAME,
                {"status": {"phase": verdict(run)}},
                subresource="status",
            )


async def runs_of(upgrading: Upgrading) -> list[str]:
    listed = await upgrading.client.list(PIPELINE_RUN, PROJECT_NAME)
    return sorted(run["spec"]["repository"] for run in listed.items)


async def made(upgrading: Upgrading, *names: str) -> None:
    for name in names:
        await upgrading.make(name)
        await upgrading.instance(name, "Current")


async def test_waves_open_upgrades_one_after_the_other(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    await made(upgrading, "a", "b", "c", "d")
    second = await upgrading.offer(V2)
    await campaign(upgrading, second, waves=[1, 2], merge="Manual", order="Name")
    status = await until(upgrading, lambda one: one.get("progress") == "0/4" and one["wave"] == 3)
    assert [one["wave"] for one in status["instances"]] == [1, 2, 2, 3]
    for name in ("a", "b", "c", "d"):
        upgrade_name = f"{name}-{second[:10]}"
        upgrade = await upgrading.upgraded(upgrade_name, "Ready")
        await upgrading.change(
            upgrade_name, merge={"commit": upgrade["status"]["head"], "by": "alice"}
        )
    status = await until(upgrading, lambda one: one["phase"] == DONE)
    assert status["message"] == "4 of 4 merged."
    for name in ("a", "b", "c", "d"):
        assert (await upgrading.files(name))["new.txt"] == f"new in {name}\n"


async def test_green_ones_are_merged_and_failing_ones_stop_it(upgrading: Upgrading) -> None:
    await upgrading.offer(CHECKED)
    await made(upgrading, "a", "b", "c")
    second = await upgrading.offer(CHECKED_V2)
    await campaign(upgrading, second, waves=[1], merge="WhenGreen", order="Name")

    async def one_run(count: int) -> bool:
        return len(await runs_of(upgrading)) == count

    await eventually(lambda: one_run(1), deadline_s=15)
    assert phases(await found(upgrading))["b"] == "Waiting"
    await finish_runs(upgrading, lambda run: "Succeeded")
    await until(upgrading, lambda one: phases(one)["a"] == "Merged")
    await eventually(lambda: one_run(2), deadline_s=15)
    await finish_runs(upgrading, lambda run: "Failed")
    status = await until(upgrading, lambda one: one["phase"] == STOPPED)
    assert phases(status) == {"a": "Merged", "b": "Failing", "c": "Waiting"}
    assert "1 upgrade has failing pipelines" in status["message"]

    await set_campaign(upgrading, goOn=1)
    await eventually(lambda: one_run(3), deadline_s=15)
    await finish_runs(upgrading, lambda run: "Succeeded")
    status = await until(upgrading, lambda one: phases(one)["c"] == "Merged")
    assert status["phase"] == RUNNING
    assert status["message"] == "Wave 3 of 3: 1 fails."


async def test_conflicts_wait_for_people_and_do_not_hold_up_others(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    await made(upgrading, "a", "b")
    await upgrading.push("a", app_txt="\n".join([*LINES[:-1], "mine"]) + "\n")
    second = await upgrading.offer(V2)
    await campaign(upgrading, second, waves=[1], order="Name")
    status = await until(upgrading, lambda one: phases(one) == {"a": "Conflicted", "b": "Ready"})
    assert status["message"] == "Wave 2 of 2: 1 can be merged, 1 has conflicts."


async def test_who_opts_out_is_left_out_with_the_reason(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    await made(upgrading, "a", "b", "c")
    opt_out = {"spec": {"optOut": {"reason": "it is switched off in May"}}}
    await upgrading.client.patch(TEMPLATE_INSTANCE, "a", PROJECT_NAME, opt_out)
    second = await upgrading.offer(V2)
    exclude = [{"repository": "demo/b", "reason": "by hand"}]
    await campaign(upgrading, second, exclude=exclude)
    status = await until(upgrading, lambda one: phases(one).get("c") == "Ready")
    messages = {one["repository"]: one["message"] for one in status["instances"]}
    assert phases(status) == {"a": "Skipped", "b": "Skipped", "c": "Ready"}
    assert messages["a"] == "it is switched off in May"
    assert messages["b"] == "by hand"

    await upgrading.client.patch(TEMPLATE_INSTANCE, "c", PROJECT_NAME, opt_out)
    await until(upgrading, lambda one: one["phase"] == DONE)
    await upgrading.upgraded(f"c-{second[:10]}", "Closed")


async def test_it_is_paused_resumed_and_cancelled(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    await made(upgrading, "a", "b", "c")
    second = await upgrading.offer(V2)
    await campaign(upgrading, second, waves=[1], order="Name", paused=True)
    status = await until(upgrading, lambda one: one.get("phase") == PAUSED)
    assert set(phases(status).values()) == {"Waiting"}
    await set_campaign(upgrading, paused=False, pause="1h")
    status = await until(upgrading, lambda one: "nextWaveAt" in one)
    assert phases(status) == {"a": "Ready", "b": "Waiting", "c": "Waiting"}
    await set_campaign(upgrading, cancelled=True)
    status = await until(upgrading, lambda one: one["phase"] == CANCELLED)
    assert phases(status) == {"a": "Closed", "b": "Skipped", "c": "Skipped"}
    await upgrading.upgraded(f"a-{second[:10]}", "Closed")


async def test_a_newer_version_goes_into_the_same_upgrades(upgrading: Upgrading) -> None:
    await upgrading.offer(V1)
    await made(upgrading, "a")
    second = await upgrading.offer(V2)
    await campaign(upgrading, second)
    await until(upgrading, lambda one: phases(one).get("a") == "Ready")
    third = await upgrading.offer({**V2, "newer.txt": "of v3\n"})
    await set_campaign(upgrading, revision=third)

    async def there() -> bool:
        files = await upgrading.files("a", "refs/heads/towpath/upgrade-service")
        return "newer.txt" in files

    await eventually(there, deadline_s=15)
    listed = await upgrading.client.list(TEMPLATE_UPGRADE, PROJECT_NAME)
    assert len(listed.items) == 1


async def test_nobody_behind_is_done_at_once(upgrading: Upgrading) -> None:
    first = await upgrading.offer(V1)
    await made(upgrading, "a")
    await campaign(upgrading, first)
    status = await until(upgrading, lambda one: one.get("phase") == DONE)
    assert status["message"] == "Nobody is behind."
