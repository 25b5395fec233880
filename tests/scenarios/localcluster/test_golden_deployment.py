"""From a Deployment to a ready process and back."""

import textwrap
from pathlib import Path

import pytest
from tests.scenarios.localcluster.conftest import SERVICE
from tests.scenarios.localcluster.world import World, deployment, running_world

from towpath.client.protocols import Propagation
from towpath.machinery.core_kinds import DEPLOYMENT, POD


async def test_a_deployment_becomes_a_ready_process_and_goes_again(world: World) -> None:
    await world.client.create(DEPLOYMENT, deployment())
    rolled_out = await world.rolled_out()
    assert {c["type"]: c["status"] for c in rolled_out["status"]["conditions"]} == {
        "Available": "True",
        "Progressing": "True",
    }
    (pod,) = await world.pods()
    assert pod["status"]["phase"] == "Running"
    pid = int(pod["status"]["containerStatuses"][0]["containerID"].removeprefix("process://"))
    assert Path(f"/proc/{pid}").exists()
    await world.client.delete(DEPLOYMENT, "web", "default", propagation=Propagation.BACKGROUND)
    await world.gone(POD, pod["metadata"]["name"])
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("isolation", ["userns", "none"])
async def test_it_runs_the_same_however_processes_are_kept_apart(
    tmp_path: Path, isolation: str
) -> None:
    programs = {"web": textwrap.dedent(SERVICE)}
    async with running_world(tmp_path, programs, isolations=(isolation, "none")) as world:
        if world.processes.isolation != isolation:
            pytest.skip(f"this machine allows no isolation {isolation}")
        await world.client.create(DEPLOYMENT, deployment(replicas=2))
        await world.rolled_out()
        (first, _) = await world.pods()
        assert await world.logs(first["metadata"]["name"], tail_lines=1)
