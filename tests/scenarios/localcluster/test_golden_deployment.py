"""From a Deployment to a ready process and back."""

from pathlib import Path

from tests.scenarios.localcluster.world import World, deployment

from towpath.client.protocols import Propagation
from towpath.localcluster.resources import DEPLOYMENT, POD


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
