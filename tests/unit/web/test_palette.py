"""The palette: what it finds, what it offers to do, and that it is the visitor's own, by role."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from tests.portal import ALICE, BOB, CAROL, RunningPortal, running_portal

from towpath.app.capabilities import BUILT_IN
from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.hooks.palette import PaletteQuestion
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.records.contract import AuditEntry, Entity, WorkloadState
from towpath.records.search import Passage
from towpath.web import palette

SERVICE = "/projects/demo/workloads/order-service"
EVIL = "<script>alert(1)</script>"
SOURCES = tuple(source for one in BUILT_IN if (source := one.load_palette()))
RAIL = (("/", "Home", "home"), ("/catalog", "Catalog", "catalog"))


def component(name: str, project: str, title: str = "") -> Entity:
    descriptor: RawObject = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": name,
            "namespace": project,
            "title": title,
            "annotations": {"towpath.dev/workload": name},
        },
        "spec": {"type": "service", "lifecycle": "production", "owner": "team-a"},
    }
    return entity_of(descriptor)


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        catalog = portal.records.catalog
        own = [component("order-service", "demo"), component("evil", "demo", EVIL)]
        await catalog.ingest("a", own, project="demo", version="1")
        await catalog.ingest(
            "b", [component("order-secret", "other")], project="other", version="1"
        )
        await catalog.observe("demo", "order-service", WorkloadState("Degraded"))
        await fill(portal)
        yield portal


async def fill(portal: RunningPortal) -> None:
    client = portal.client
    spec = {"repository": "order-service", "environments": ["production"], "owner": "team-a"}
    made = await client.create(WORKLOAD, WORKLOAD.object("order-service", "demo", spec=spec))
    stage = {"name": "production", "phase": "WaitingForApproval", "promotion": "order-service-p-1"}
    await client.update(
        WORKLOAD, {**made, "status": {"environments": [stage]}}, subresource="status"
    )
    asked = {
        "workload": "order-service",
        "environment": "production",
        "release": "order-service-1",
        "requestedBy": "alice",
    }
    one = PROMOTION.object("order-service-p-1", "demo", spec=asked)
    await portal.front.client(ALICE).create(PROMOTION, one)
    await client.create(ENVIRONMENT, ENVIRONMENT.object("staging", "demo", spec={"cluster": "l"}))
    entries = [
        entry("promotions", "demo", "order-service-p-1"),
        entry("promotions", "demo", "order-service-gone"),
        entry("promotions", "other", "order-secret-p-1"),
    ]
    await portal.records.audit.append(entries)


def entry(plural: str, project: str, name: str) -> AuditEntry:
    return AuditEntry(
        id=f"{project}/{name}",
        time_s=1.0,
        cluster="",
        user="alice",
        verb="create",
        resource=f"{plural}.towpath.dev",
        namespace=project,
        name=name,
        project=project,
    )


async def asked(
    portal: RunningPortal, text: str, *, page: str = "/", user: UserInfo = ALICE
) -> list[dict[str, str]]:
    visit = portal.visit("/", user)
    question = PaletteQuestion(text, page)
    answer = await palette.answer(visit, question, RAIL, ["demo"], SOURCES)
    items: list[dict[str, str]] = orjson.loads(bytes(answer.body))["items"]
    return items


async def labels(
    portal: RunningPortal, text: str, *, page: str = "/", user: UserInfo = ALICE
) -> list[str]:
    return [item["label"] for item in await asked(portal, text, page=page, user=user)]


async def test_before_anything_is_typed_there_are_places_and_what_can_be_done(
    portal: RunningPortal,
) -> None:
    offered = await labels(portal, "")
    assert offered[:2] == ["Home", "Catalog"]
    assert {"demo", "Use the dark theme", "Sign out", "Copy the kubeconfig command"} <= {*offered}


async def test_a_service_is_found_by_the_beginning_of_its_name_with_its_health(
    portal: RunningPortal,
) -> None:
    first, *_ = await asked(portal, "order")
    assert (first["label"], first["href"]) == ("order-service", SERVICE)
    assert first["detail"] == "Degraded - demo"


@pytest.mark.parametrize(
    ("user", "offered"),
    [
        pytest.param(
            ALICE, {"Promote", "Roll back", "Logs of", "Delete"}, id="who asked does not approve"
        ),
        pytest.param(
            BOB, {"Approve", "Promote", "Roll back", "Logs of", "Delete"}, id="a developer"
        ),
        pytest.param(CAROL, {"Logs of"}, id="a viewer reads"),
        pytest.param(UserInfo("mallory", ("system:authenticated",)), set(), id="a stranger"),
    ],
)
async def test_on_a_services_page_its_actions_are_offered_to_who_may(
    portal: RunningPortal, user: UserInfo, offered: set[str]
) -> None:
    here = [
        one for one in await asked(portal, "", page=SERVICE, user=user) if one["group"] == "Here"
    ]
    assert {one["label"].partition(" order")[0] for one in here} == offered


async def test_a_services_entity_is_a_context_too(portal: RunningPortal) -> None:
    offered = await labels(portal, "", page="/catalog/component/demo/order-service", user=BOB)
    assert "Promote order-service" in offered


async def test_a_verb_and_a_name_are_an_action(portal: RunningPortal) -> None:
    assert await labels(portal, "promote ord") == ["Promote order-service"]
    (there,) = await asked(portal, "roll back ord")
    assert there["href"] == "/projects/demo/promote/order-service?rollback=yes"
    assert await labels(portal, "promote ord", page=SERVICE) == ["Promote order-service"]
    assert await labels(portal, "promote ord", user=CAROL) == []


async def test_runs_are_found_as_long_as_they_are_there(portal: RunningPortal) -> None:
    runs = [one["label"] for one in await asked(portal, "order-s") if one["group"] == "Runs"]
    assert runs == ["order-service-p-1"]


async def test_objects_are_found_by_kind_and_name(portal: RunningPortal) -> None:
    assert "All environments" in await labels(portal, "environ")
    found = [one for one in await asked(portal, "environment staging") if one["group"] == "Objects"]
    assert [one["label"] for one in found] == ["Environment staging"]


@pytest.mark.parametrize("text", ["order-secret", "order", "promote order-secret", "secret", "o"])
async def test_nothing_of_other_projects_is_said(portal: RunningPortal, text: str) -> None:
    for user in (ALICE, BOB, CAROL):
        said = orjson.dumps(await asked(portal, text, user=user)).decode()
        assert "order-secret" not in said
        assert "other" not in said


@pytest.mark.parametrize(
    "text", ['"', "' OR 1=1", "*", "order*", "(", "NEAR/3", "x" * 100, "\\", "ä ö", "🚢", "-", ":"]
)
async def test_whatever_is_typed_is_answered(portal: RunningPortal, text: str) -> None:
    await asked(portal, text, page=text)


async def test_templates_are_offered_by_their_titles(portal: RunningPortal) -> None:
    metadata = {"name": "web", "title": "A web service"}
    descriptor = {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": metadata,
        "spec": {"type": "service", "steps": []},
    }
    spec = {"descriptor": descriptor, "source": {"repository": "towpath/x", "path": "x"}}
    made = SOFTWARE_TEMPLATE.object("web", SYSTEM_NAMESPACE, spec=spec)
    await portal.client.create(SOFTWARE_TEMPLATE, made)
    (item,) = await asked(portal, "create web")
    assert (item["label"], item["href"]) == ("Create: A web service", "/create/towpath-system/web")


async def test_docs_and_operations_are_found_with_where_the_rest_is(portal: RunningPortal) -> None:
    passages = portal.records.passages
    page = Passage("docs", "/docs/x#doc-a", "Rolling back", "Orders", "How to roll back.")
    await passages.put("docs:a", {"p": [page]}, entity="component:demo/x", project="demo")
    theirs = Passage("docs", "/docs/secret", "Rolling secrets", "Secret", "x")
    await passages.put("docs:b", {"p": [theirs]}, entity="component:other/x", project="other")
    found = [one for one in await asked(portal, "rolling") if one["group"] in ("Docs", "Search")]
    assert [(one["label"], one["href"]) for one in found] == [
        ("Rolling back", "/docs/x#doc-a"),
        ("All that fits rolling", "/search?q=rolling"),
    ]


async def test_filters_narrow_the_palette_down_too(portal: RunningPortal) -> None:
    assert "order-service" in await labels(portal, "kind:component order")
    assert "order-service" not in await labels(portal, "kind:api order")
