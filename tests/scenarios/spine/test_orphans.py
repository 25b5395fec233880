"""Nothing that the platform started outlives it: not after Ctrl-C, not after kill -9.

The programs here are stubborn: they ignore SIGTERM, leave their session and go on in the
background.
"""

import random
from contextlib import suppress
from pathlib import Path

import pytest
from tests.platform import PlatformProcess
from tests.scenarios.spine.crashes import (
    CONVERGED_DEADLINE_S,
    PROJECT,
    answers,
    ask_for_service,
    clone_of,
    converges,
    platform_at,
    settled,
)
from tests.scenarios.spine.effects import ready
from tests.support import eventually
from tests.world import processes_of

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD

STUBBORN = """\
on: push
jobs:
  stay:
    runs-on: ubuntu-latest
    steps:
      - run: |
          trap '' TERM INT HUP
          (trap '' TERM INT HUP; setsid sleep 4711 & setsid --fork sleep 4712)
          sleep 4713
"""
PROGRAMS = ("sleep 4711", "sleep 4712", "sleep 4713")


def roles(platform: PlatformProcess) -> list[str]:
    return [process.role for process in processes_of(platform.data_dir)]


async def until_stubborn_programs_run(platform: PlatformProcess, folder: Path) -> None:
    """A service with its database runs, and a pipeline step that does not want to end."""
    await ask_for_service(platform)
    await ready("workload ready", WORKLOAD).seen(platform)
    await answers(platform)
    async with clone_of(platform, folder / "clone") as clone:
        (clone / ".github" / "workflows" / "stubborn.yaml").write_text(STUBBORN)

    async def they_run() -> bool:
        return set(PROGRAMS) <= set(roles(platform))

    await eventually(they_run, deadline_s=CONVERGED_DEADLINE_S)
    found = roles(platform)
    assert {"PostgreSQL", "supervisor"} <= set(found)
    assert any(role.endswith("-m order_service") for role in found)


async def nothing_runs(platform: PlatformProcess) -> None:
    async def nothing() -> bool:
        return not roles(platform)

    try:
        await eventually(nothing, deadline_s=CONVERGED_DEADLINE_S)
    except TimeoutError:
        raise AssertionError(f"still there: {roles(platform)}") from None


@pytest.mark.slow
async def test_kill_takes_pods_steps_and_database_with_it(tmp_path: Path) -> None:
    async with platform_at(tmp_path / "data") as platform:
        await until_stubborn_programs_run(platform, tmp_path)
        await platform.kill()
        await nothing_runs(platform)
        await platform.start()
        await answers(platform)


@pytest.mark.slow
async def test_control_c_takes_pods_steps_and_database_with_it(tmp_path: Path) -> None:
    async with platform_at(tmp_path / "data") as platform:
        await until_stubborn_programs_run(platform, tmp_path)
        assert await platform.stop() == 0
        assert roles(platform) == []
        await platform.start()
        await answers(platform)


_random = random.Random(3)
MOMENTS_S = tuple(round(_random.uniform(0.2, 2.0), 2) for _ in range(6))


@pytest.mark.slow
@pytest.mark.parametrize("moment_s", MOMENTS_S)
async def test_first_start_is_killed(moment_s: float, tmp_path: Path) -> None:
    """A data directory that is half made is made whole by the next start."""
    begun = PlatformProcess(tmp_path / "data")
    with suppress(TimeoutError):
        await begun.start(deadline_s=moment_s)
    await begun.forget()
    async with platform_at(tmp_path / "whole" / "data") as undisturbed:
        expected = await settled(undisturbed)
    async with platform_at(tmp_path / "data") as platform:
        await converges(platform, expected)
        assert (await platform.towpath("list", "--project", PROJECT)).code == 0
