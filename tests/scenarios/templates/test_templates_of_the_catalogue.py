"""A Template that the catalogue has read can be run, and goes when it goes."""

from typing import Any

import pytest
from tests.scenarios.templates.conftest import PROJECT_NAME, World
from tests.support import eventually

from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.machinery.errors import NotFound
from towpath.records.contract import Entity, written

REPOSITORY = RepositoryName(PROJECT_NAME, "paths")
ADDRESSES = (
    f"url:http://localhost:8080/git/{PROJECT_NAME}/paths/tree/main/kit/template.yaml",
    f"towpath-git:{PROJECT_NAME}/paths/kit/template.yaml",
)


def entity(name: str = "kit", **annotations: str) -> Entity:
    descriptor: dict[str, Any] = {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "type": "service",
            "steps": [
                {"action": "fetch:template", "input": {"url": "./skeleton", "values": {"n": 5}}},
                {"id": "look", "action": "fs:readdir", "input": {"paths": ["."]}},
            ],
            "output": {"text": [{"title": "${{ steps.look.output.files[0].name }}"}]},
        },
    }
    return Entity(f"template:default/{name.lower()}", "Template", name, written(descriptor))


@pytest.mark.parametrize("address", ADDRESSES, ids=["by its page", "by its file"])
async def test_it_is_offered_run_and_withdrawn(world: World, address: str) -> None:
    git = world.platform.git
    await git.create(REPOSITORY, owner_uid="x")
    await git.write(
        REPOSITORY,
        {"kit/skeleton/made-${{ values.n }}.txt": File(b"x")},
        message="m",
        author=Signature("a", "a@x"),
        expected=None,
    )
    catalog = world.platform.catalog
    known = entity(**{"backstage.io/managed-by-location": address})
    async with world.running():
        await catalog.ingest("git:paths", [known], project=PROJECT_NAME, version="1")

        async def offered() -> bool:
            try:
                await world.client.get(SOFTWARE_TEMPLATE, "kit", PROJECT_NAME)
            except NotFound:
                return False
            return True

        await eventually(offered)
        template = await world.client.get(SOFTWARE_TEMPLATE, "kit", PROJECT_NAME)
        assert template["spec"]["source"]["path"] == "kit"
        wanted = {"name": "kit", "namespace": PROJECT_NAME}
        spec = {"template": wanted, "requestedBy": "alice"}
        await world.client.create(TEMPLATE_RUN, TEMPLATE_RUN.object("r", PROJECT_NAME, spec=spec))
        run = await world.finished("r")
        assert run["status"]["output"]["text"] == [{"title": "made-5.txt"}], run["status"]

        await catalog.forget("git:paths")

        async def gone() -> bool:
            return not await offered()

        await eventually(gone)


async def test_what_somebody_made_under_that_name_stays(world: World) -> None:
    own = entity()
    spec = {"descriptor": {**own.descriptor, "metadata": {"name": "kit", "title": "Ours"}}}
    template = SOFTWARE_TEMPLATE.object("kit", PROJECT_NAME, spec=spec)
    await world.client.create(SOFTWARE_TEMPLATE, template)
    catalog = world.platform.catalog
    async with world.running():
        both = [entity(), entity("other")]
        await catalog.ingest("git:paths", both, project=PROJECT_NAME, version="1")

        async def other_is_offered() -> bool:
            found = (await world.client.list(SOFTWARE_TEMPLATE, PROJECT_NAME)).items
            return {one["metadata"]["name"] for one in found} == {"kit", "other"}

        await eventually(other_is_offered)
    kept = await world.client.get(SOFTWARE_TEMPLATE, "kit", PROJECT_NAME)
    assert kept["spec"]["descriptor"]["metadata"]["title"] == "Ours"
