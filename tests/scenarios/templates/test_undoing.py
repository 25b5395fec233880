"""After undo the world equals the world before: drawn sequences of actions, failing anywhere."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.scenarios.templates.conftest import PROJECT_NAME, World

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.engines.git.port import RepositoryName
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.templates import ActionContext
from towpath.machinery.objects import RawObject

NAMES = ("alpha", "beta")
HOST = "http://localhost:8080"


def publish(name: str) -> RawObject:
    url = f"localhost:8080?owner={PROJECT_NAME}&repo={name}"
    return {"action": "publish:towpath", "input": {"repoUrl": url}}


def register(name: str) -> RawObject:
    url = f"{HOST}/git/{PROJECT_NAME}/{name}.git"
    return {"action": "catalog:register", "input": {"repoContentsUrl": url}}


def register_elsewhere(name: str) -> RawObject:
    url = f"https://git.example.org/o/{name}/catalog-info.yaml"
    return {"action": "catalog:register", "input": {"catalogInfoUrl": url}}


def write(name: str) -> RawObject:
    entity = {"apiVersion": "v1", "kind": "Component", "metadata": {"name": name}}
    return {"action": "catalog:write", "input": {"entity": entity, "filePath": f"{name}.yaml"}}


def register_each(name: str) -> RawObject:
    return {
        "action": "catalog:register",
        "each": [1, 2],
        "input": {"catalogInfoUrl": f"https://x.example.org/{name}${{{{ each.value }}}}.yaml"},
    }


STEPS = st.lists(
    st.builds(
        lambda make, name: make(name),
        st.sampled_from([publish, register, register_elsewhere, write, register_each]),
        st.sampled_from(NAMES),
    ),
    min_size=1,
    max_size=5,
)


async def world_of(world: World) -> dict[str, Any]:
    """Everything that runs make outside of their folders."""
    git = world.platform.git
    repositories = {
        str(name): await git.head(RepositoryName(name.project, name.name))
        for name in await git.repositories(PROJECT_NAME)
    }
    objects = {
        kind.plural: sorted(
            (one["metadata"]["name"], one["metadata"]["uid"])
            for one in (await world.client.list(kind, PROJECT_NAME)).items
        )
        for kind in (WORKLOAD, CATALOG_SOURCE)
    }
    folders = [str(path) for path in (world.platform.data_dir / "runs").glob("*")]
    return {"repositories": repositories, "objects": objects, "folders": folders}


@pytest.mark.slow
async def test_a_failed_run_leaves_the_world_as_it_was(world: World) -> None:
    async def fail(context: ActionContext) -> dict[str, Any]:
        raise ValueError("as it should")

    world.add_action("fail", fail)
    drawn: list[tuple[list[RawObject], int]] = []

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS, st.integers(0, 5))
    def draw(steps: list[RawObject], place: int) -> None:
        drawn.append((steps, min(place, len(steps))))

    draw()
    async with world.running():
        # Something is there before, of the same names, and stays.
        await world.template("before", [write("x"), publish("alpha")])
        await world.start("before", "before")
        run = await world.finished("before")
        assert run["status"]["phase"] == "Succeeded", run["status"]
        for index, (steps, place) in enumerate(drawn):
            await _one(world, index, [*steps[:place], {"action": "fail"}, *steps[place:]])


async def _one(world: World, index: int, steps: list[RawObject]) -> None:
    before = await world_of(world)
    name = f"t{index}"
    await world.template(name, [{**step, "id": f"s{at}"} for at, step in enumerate(steps)])
    await world.start(f"r{index}", name)
    run = await world.finished(f"r{index}")
    assert run["status"]["phase"] in ("Undone", "Failed"), run["status"]
    assert await world_of(world) == before, steps
    await world.client.delete(TEMPLATE_RUN, f"r{index}", PROJECT_NAME)
    await world.client.delete(SOFTWARE_TEMPLATE, name, SYSTEM_NAMESPACE)
