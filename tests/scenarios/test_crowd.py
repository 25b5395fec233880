"""A crowd is the same for a seed, and a platform that is started on one leaves it as it is."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.crowd import fill
from tests.crowd.filling import prepare
from tests.crowd.plan import services
from tests.platform import PlatformProcess, free_port
from tests.support import eventually

from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.kinds import Resource
from towpath.store.contract import RevisionMismatch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVICES = 40


def test_a_seed_gives_one_crowd_and_another_seed_another() -> None:
    one, same, other = (list(services(200, seed, NOW)) for seed in (1, 1, 2))
    assert one == same != other
    names = {(service.project.name, service.name) for service in one}
    assert len(names) == 200
    assert max(len(service.name) for service in one) == 40


async def _statuses(client: KubernetesClient, resource: Resource) -> dict[str, object]:
    return {
        f"{one['metadata']['namespace']}/{one['metadata']['name']}": {
            **one["status"],
            "conditions": [
                {**condition, "lastTransitionTime": ""} for condition in one["status"]["conditions"]
            ],
        }
        for one in (await client.list(resource)).items
    }


async def _settled(client: KubernetesClient) -> list[dict[str, object]]:
    """What all of them say, as soon as they say the same for two looks on end."""
    seen: list[list[dict[str, object]]] = [[]]

    async def same() -> bool:
        seen.append([await _statuses(client, WORKLOAD), await _statuses(client, PROMOTION)])
        return seen[-1] == seen[-2]

    await eventually(same, deadline_s=30, every_s=0.5)
    return seen[-1]


@pytest.mark.slow
async def test_the_platform_takes_a_crowd_for_its_own_work(tmp_path: Path) -> None:
    data_dir, port = tmp_path / "data", free_port()
    filled = await prepare(data_dir, port=port, services=SERVICES, seed=3)
    assert filled.services == SERVICES
    platform = PlatformProcess(data_dir, port=port)
    await platform.start()
    try:
        async with platform.client() as client:

            async def all_told() -> bool:
                found = (await client.list(WORKLOAD)).items
                return len(found) == SERVICES and all(one["status"]["health"] for one in found)

            await eventually(all_told, deadline_s=30)
            before = await _settled(client)
        assert await platform.stop() == 0
        # Whatever the controllers thought of it, they think the same a second time.
        await platform.start()
        async with platform.client() as client:
            after = await _settled(client)
        assert after == before
    finally:
        await platform.stop()
    with pytest.raises(RevisionMismatch):
        await fill(data_dir, services=SERVICES, seed=3)
