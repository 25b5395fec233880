"""Infrastructure: what is claimed, what can be, and that neither tells of other projects."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, BOB, CAROL, RunningPortal, running_portal

from towpath.capabilities.infrastructure.compositions.crd import composite_crd
from towpath.capabilities.infrastructure.compositions.kinds import DEFINITION as XRD
from towpath.capabilities.infrastructure.databases.kinds import DATABASE
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.hooks.forms import spec_from
from towpath.hooks.showing import object_page
from towpath.machinery.core_kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, SECRET
from towpath.machinery.errors import Forbidden, NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.users import MASTERS, UserInfo

ADMIN = UserInfo("admin", (MASTERS, "system:authenticated"))
CLAIM = "/infrastructure/demo/postgresqlinstances/shop-staging-db"
NEW = "/infrastructure/new/postgresqlinstances"


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        definition = await portal.client.get(
            XRD, f"{POSTGRESQL_INSTANCE.plural}.{POSTGRESQL_INSTANCE.group}"
        )
        crd = composite_crd(definition)
        await portal.client.create(CUSTOM_RESOURCE_DEFINITION, crd)
        await portal.client.create(NAMESPACE, NAMESPACE.object("other"))
        await claimed(portal, "secret-plan", "other")
        yield portal


async def claimed(portal: RunningPortal, name: str, namespace: str = "demo") -> RawObject:
    obj = POSTGRESQL_INSTANCE.object(name, namespace, spec={"size": "medium"})
    obj["metadata"]["labels"] = {
        "towpath.dev/workload": "shop",
        "towpath.dev/environment": "staging",
    }
    return await portal.client.create(POSTGRESQL_INSTANCE, obj)


async def told(portal: RunningPortal, status: str, message: str) -> None:
    obj = await portal.client.get(POSTGRESQL_INSTANCE, "shop-staging-db", "demo")
    condition = {
        "type": "Ready",
        "status": status,
        "reason": "Because",
        "message": message,
        "lastTransitionTime": "2026-11-21T10:00:00Z",
    }
    obj["status"] = {"conditions": [condition]}
    await portal.client.update(POSTGRESQL_INSTANCE, obj, subresource="status")


async def test_nothing_claimed_says_how_to_claim(portal: RunningPortal) -> None:
    page = await portal.open("/infrastructure")
    assert "Nothing is claimed yet" in page.text
    assert "PostgreSQL database" in page.text
    assert f'href="{NEW}"' in page.html


async def test_it_lists_claims_with_state_and_use(portal: RunningPortal) -> None:
    await claimed(portal, "shop-staging-db")
    await told(portal, "False", "The server is full.")
    page = await portal.open("/infrastructure")
    assert "1 claim; not ready: shop-staging-db." in page.text
    assert "The server is full." in page.text
    assert 'href="/projects/demo/workloads/shop"' in page.html
    assert "medium" in page.text


async def test_it_is_filtered_in_the_address(portal: RunningPortal) -> None:
    await claimed(portal, "shop-staging-db")
    for query, is_there in (
        ("q=STAGING", True),
        ("q=nothing", False),
        ("environment=staging", True),
        ("environment=production", False),
        ("project=demo", True),
        ("project=other", False),
        ("kind=postgresqlinstances", True),
    ):
        page = await portal.open(f"/infrastructure?{query}")
        assert (f'href="{CLAIM}"' in page.html) is is_there, query


async def test_long_lists_come_a_page_at_a_time(portal: RunningPortal) -> None:
    for number in range(60):
        await claimed(portal, f"many-{number:02}")
    first = await portal.open("/infrastructure")
    assert "many-49" in first.text
    assert "many-50" not in first.text
    following = first.html.partition('nav class="pages"')[2].partition('href="')[2]
    second = await portal.open(following.partition('"')[0].replace("&amp;", "&"))
    assert "many-50" in second.text
    assert "many-49" not in second.text


async def test_an_administrator_sees_the_claims_of_all(portal: RunningPortal) -> None:
    # The visit of the in-process portal is limited to `demo`; here nobody's projects count.
    page = await portal.open("/objects/platform/offerings.towpath.dev/v1alpha1/postgresqlinstances")
    assert "secret-plan" not in page.text
    everything = await portal.open(
        "/objects/platform/offerings.towpath.dev/v1alpha1/postgresqlinstances", user=ADMIN
    )
    assert "secret-plan" in everything.text


async def test_a_claim_says_how_it_is_and_what_it_is_made_of(portal: RunningPortal) -> None:
    claim = await claimed(portal, "shop-staging-db")
    composed = {"apiVersion": DATABASE.api_version, "kind": "Database", "name": "shop-staging-db"}
    claim["spec"]["crossplane"] = {"resourceRefs": [composed]}
    await portal.client.update(POSTGRESQL_INSTANCE, claim)
    spec = {"forProvider": {}}
    await portal.client.create(DATABASE, DATABASE.object("shop-staging-db", "demo", spec=spec))
    await told(portal, "True", "It can be used.")
    page = await portal.open(CLAIM, user=CAROL)
    assert "Ready It can be used." in page.text
    assert f'href="{object_page(DATABASE, "shop-staging-db", "demo")}"' in page.html
    assert "deleted with its data" in page.text
    assert "host, port, name, username, password" in page.text
    assert "kubectl get postgresqlinstances.offerings.towpath.dev" in page.text


async def test_what_opens_it_is_on_no_page(portal: RunningPortal) -> None:
    await claimed(portal, "shop-staging-db")
    data = {"password": "aHVudGVyMg==", "host": "bG9jYWxob3N0"}
    secret = SECRET.object("shop-staging-db-connection", "demo", data=data)
    await portal.client.create(SECRET, secret)
    for user in (ALICE, CAROL):
        page = await portal.open(CLAIM, user=user)
        assert "hunter2" not in page.html
        assert "aHVudGVyMg==" not in page.html
    assert "host, password" in (await portal.open(CLAIM, user=ALICE)).text


@pytest.mark.parametrize("part", ["", "/delete"])
async def test_claims_of_other_projects_are_not_there(portal: RunningPortal, part: str) -> None:
    for name in ("secret-plan", "not-there"):
        with pytest.raises(NotFound):
            await portal.open(f"/infrastructure/other/postgresqlinstances/{name}{part}")
    assert "secret-plan" not in (await portal.open("/infrastructure")).html


async def test_a_developer_requests_a_database(portal: RunningPortal) -> None:
    form = {"project": "demo", "name": "reports", "size": "large", "deletionPolicy": "Orphan"}
    look = await portal.post(NEW, {**form, "action": "look"}, user=BOB)
    assert "The API has looked at it and takes it. Nothing is made yet." in look.text
    with pytest.raises(NotFound):
        await portal.client.get(POSTGRESQL_INSTANCE, "reports", "demo")
    made = await portal.post(NEW, form, user=BOB)
    assert made.leads_to == "/infrastructure/demo/postgresqlinstances/reports"
    claim = await portal.client.get(POSTGRESQL_INSTANCE, "reports", "demo")
    assert claim["spec"] == {"size": "large", "deletionPolicy": "Orphan"}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "Not A Name"}, "is no name"),
        ({"name": "taken"}, "There is one called taken"),
        ({"name": "reports", "size": "huge"}, "huge"),
        ({"name": "reports", "project": "other"}, "cannot create"),
    ],
    ids=["no name", "a taken name", "a size that is not offered", "somebody else's project"],
)
async def test_a_refusal_is_told_where_it_belongs(
    portal: RunningPortal, form: dict[str, str], said: str
) -> None:
    await claimed(portal, "taken")
    refused = await portal.post(NEW, {"project": "demo", **form})
    assert refused.status == 422
    assert said in refused.text


async def test_a_viewer_requests_nothing(portal: RunningPortal) -> None:
    assert NEW not in (await portal.open("/infrastructure", user=CAROL)).html
    with pytest.raises(Forbidden):
        await portal.open(NEW, user=CAROL)
    form = {"project": "demo", "name": "mine"}
    assert "cannot create" in (await portal.post(NEW, form, user=CAROL)).text


async def test_deleting_a_claim_says_what_becomes_of_the_data(portal: RunningPortal) -> None:
    claim = await claimed(portal, "shop-staging-db")
    page = await portal.open(f"{CLAIM}/delete")
    assert "shop in staging uses it and stops working without it." in page.text
    assert "Its data is deleted with it" in page.text
    form = {"uid": claim["metadata"]["uid"], "confirm": "shop-staging-db"}
    assert (await portal.post(f"{CLAIM}/delete", {**form, "confirm": ""})).status == 422
    assert (await portal.post(f"{CLAIM}/delete", form, user=CAROL)).status == 403
    gone = await portal.post(f"{CLAIM}/delete", form)
    assert gone.leads_to == "/infrastructure?project=demo"


def test_a_form_becomes_a_spec_by_the_schema() -> None:
    schema = {
        "properties": {
            "size": {"type": "string"},
            "replicas": {"type": "integer"},
            "public": {"type": "boolean"},
            "hosts": {"type": "array", "items": {"type": "string"}},
            "backup": {"type": "object", "properties": {"keep": {"type": "integer"}}},
        }
    }
    form = {
        "size": "",
        "replicas": "3",
        "public": "true",
        "hosts": "a\r\nb",
        "backup.keep": "7",
        "stray": "x",
    }
    assert spec_from(schema, form) == {
        "replicas": 3,
        "public": True,
        "hosts": ["a", "b"],
        "backup": {"keep": 7},
    }
