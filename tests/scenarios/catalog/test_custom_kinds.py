"""Kinds and properties that one YAML adds: entities, relations, what is computed, the way in."""

from typing import Any

from tests.scenarios.catalog.test_sources import commit, component, condition, make
from tests.scenarios.catalog.world import ANYBODY, World, relations
from tests.support import eventually

from towpath.capabilities.portal.catalog.custom_kinds import model_of
from towpath.capabilities.portal.catalog.kinds import CATALOG_EDIT, ENTITY_KIND
from towpath.engines.git.port import RepositoryName
from towpath.machinery.conditions import get_condition
from towpath.machinery.objects import RawObject
from towpath.records.contract import CatalogIndex
from towpath.records.questions import Condition, Every, Has, Is, Never, Question

MODEL: RawObject = {
    "kind": "Dataset",
    "title": "Data set",
    "schema": {
        "type": "object",
        "required": ["rows"],
        "properties": {"rows": {"type": "integer", "minimum": 0, "title": "Rows"}},
    },
    "relations": [
        {"field": "feeds", "relation": "feeds", "inverse": "fedBy", "targetKind": "Component"}
    ],
    "computed": [
        {"name": "size", "calculation": {"expression": "entity.spec.rows * 8"}},
        {"name": "large", "calculation": {"expression": "computed.size > 1000"}},
        {"name": "owner", "mirror": {"via": ["feeds"], "path": "spec.owner"}},
        {"name": "fed", "aggregation": {"via": ["feeds"]}},
        {
            "name": "services",
            "aggregation": {"via": ["feeds"], "where": "item.spec.type == 'service'"},
        },
        {"name": "broken", "calculation": {"expression": "entity.spec.nothing"}},
    ],
}
DATASET = """apiVersion: towpath.dev/v1alpha1
kind: Dataset
metadata: {name: orders}
spec: {rows: 500, owner: team-a, feeds: [a, nothing]}
"""
REPOSITORY = RepositoryName("demo", "data")


async def test_a_kind_is_known_as_soon_as_it_is_there(world: World) -> None:
    files = {"catalog-info.yaml": component("a") + "---\n" + DATASET}
    await commit(world, REPOSITORY, {**files})
    await make(world, "data", type="git", repository="data")
    api = world.platform.api
    async with world.running():
        await condition(world, "data", "Ready", "EntitiesInvalid", "demo")
        assert await world.entity("component:default/a")
        await api.create(ENTITY_KIND, ENTITY_KIND.object("dataset", spec=MODEL))
        dataset = await world.becomes("dataset:default/orders", bool)
        assert ("feeds", "component:default/a") in relations(dataset)
        await condition(world, "data", "Ready", "Ready", "demo")
        wrong = {"catalog-info.yaml": files["catalog-info.yaml"].replace("500", "-5")}
        await commit(world, REPOSITORY, {**wrong})
        message = await condition(world, "data", "Ready", "EntitiesInvalid", "demo")
        assert "spec.rows" in message
        kept = await world.entity("dataset:default/orders")
        assert kept is not None
        assert kept["spec"]["rows"] == 500


async def test_computed_properties_are_of_what_the_reader_sees(world: World) -> None:
    files: dict[str, str | None] = {"catalog-info.yaml": component("a") + "---\n" + DATASET}
    await commit(world, REPOSITORY, files)
    await make(world, "data", type="git", repository="data")
    api, index = world.platform.api, world.platform.catalog
    await api.create(ENTITY_KIND, ENTITY_KIND.object("dataset", spec=MODEL))
    async with world.running():
        await world.becomes("dataset:default/orders", bool)
        await eventually(lambda: _is_found(index, Is("computed.fed", ("1",))))
        found = await index.computed(ANYBODY, "dataset:default/orders")
        values = {name: one.value for name, one in found.items() if not one.error}
        assert values == {
            "size": 4000,
            "large": True,
            "owner": "team-a",
            "fed": 1,
            "services": 1,
        }
        assert found["broken"].error
        await api.delete(ENTITY_KIND, "dataset")
        await eventually(lambda: _is_found(index, Never(Has("computed.fed"))))


async def _is_found(index: CatalogIndex, where: Condition) -> bool:
    answer = await index.ask(ANYBODY, Question(Every((Is("kind", ("dataset",)), where))))
    return answer.total == 1


async def test_what_is_wrong_with_a_kind_is_told_and_changes_nothing(world: World) -> None:
    api = world.platform.api
    for name, change in {
        "own": {"kind": "Component"},
        "schema": {"schema": {"type": "nonsense"}},
        "far": {"schema": {"$ref": "https://example.com/schema.json"}},
        "cel": {"computed": [{"name": "x", "calculation": {"expression": "entity."}}]},
    }.items():
        await api.create(ENTITY_KIND, ENTITY_KIND.object(name, spec={**MODEL, **change}))
    async with world.running():
        for name in ("own", "schema", "far", "cel"):
            await eventually(lambda name=name: _is_refused(world, name))  # type: ignore[misc]
    assert "Dataset" not in model_of((await api.list(ENTITY_KIND)).items).kinds


async def _is_refused(world: World, name: str) -> bool:
    found = await world.platform.api.get(ENTITY_KIND, name)
    return (get_condition(found, "Ready") or {}).get("reason") == "Invalid"


async def test_an_entity_is_described_through_the_api(world: World) -> None:
    await commit(world, REPOSITORY, {"README.md": "x"})
    api = world.platform.api
    await api.create(ENTITY_KIND, ENTITY_KIND.object("dataset", spec=MODEL))
    await make(world, "data-catalog", type="git", repository="data", path="catalog/*.yaml")
    descriptor: Any = {
        "apiVersion": "towpath.dev/v1alpha1",
        "kind": "Dataset",
        "metadata": {"name": "sales", "namespace": "demo"},
        "spec": {"rows": 1},
    }
    put = {"repository": "data", "path": "catalog/sales.yaml", "descriptor": descriptor}
    edit = CATALOG_EDIT.object("one", "demo", spec={"entity": "dataset:demo/sales", "put": put})
    async with world.running():
        await api.create(CATALOG_EDIT, edit)
        sales = await world.becomes("dataset:demo/sales", bool)
        assert sales["spec"] == {"rows": 1}
