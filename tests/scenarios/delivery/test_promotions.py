"""From a release to a healthy deployment, through Git, and back."""

from tests.scenarios.delivery.world import DEPLOYMENT, World


async def test_a_release_goes_to_staging_by_itself(world: World) -> None:
    await world.workload()
    release = await world.release()
    await world.until_runs(release)
    deployment = await world.there(DEPLOYMENT, "order-service", "demo-staging")
    assert deployment is not None
    assert deployment["metadata"]["labels"]["towpath.dev/release"] == release
