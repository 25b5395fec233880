"""Object pages: every kind has one, nobody sees what is not theirs, no secret is ever shown."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, CAROL, RunningPortal, running_portal

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.hooks.showing import object_page, show_object
from towpath.machinery.core_kinds import CONFIG_MAP, EVENT, NAMESPACE, SECRET
from towpath.machinery.errors import Forbidden, NotFound
from towpath.machinery.users import MASTERS, UserInfo

EVIL = "<script>alert(1)</script>"
ADMIN = UserInfo("admin", (MASTERS, "system:authenticated"))
STAGING = "/objects/platform/towpath.dev/v1alpha1/environments/demo/staging"
ENVIRONMENTS = "/objects/platform/towpath.dev/v1alpha1/environments"
SETTINGS = "/objects/platform/core/v1/configmaps/demo/settings"
CONFIG_MAPS = "/objects/platform/core/v1/configmaps"


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        client = portal.client
        spec = {"cluster": "local", "description": EVIL}
        await client.create(ENVIRONMENT, ENVIRONMENT.object("staging", "demo", spec=spec))
        settings = CONFIG_MAP.object("settings", "demo", data={"colour": "blue", "evil": EVIL})
        settings["metadata"]["labels"] = {"app": "shop"}
        await portal.front.client(ALICE).create(CONFIG_MAP, settings)
        await client.create(NAMESPACE, NAMESPACE.object("other"))
        await client.create(CONFIG_MAP, CONFIG_MAP.object("out-of-sight", "other", data={"a": "b"}))
        yield portal


async def with_status(portal: RunningPortal, status: str, message: str) -> None:
    obj = await portal.client.get(ENVIRONMENT, "staging", "demo")
    condition = {
        "type": "Ready",
        "status": status,
        "reason": "Because",
        "message": message,
        "lastTransitionTime": "2026-11-21T10:00:00Z",
    }
    obj["status"] = {"conditions": [condition]}
    await portal.client.update(ENVIRONMENT, obj, subresource="status")


async def test_it_says_how_the_object_is_in_its_own_words(portal: RunningPortal) -> None:
    await with_status(portal, "False", "The cluster is away; start it.")
    page = await portal.open(STAGING)
    assert "Degraded The cluster is away; start it." in page.text


async def test_it_says_what_the_api_shows_in_its_table(portal: RunningPortal) -> None:
    page = await portal.open(STAGING)
    assert "Cluster local" in page.text


async def test_names_and_values_are_escaped(portal: RunningPortal) -> None:
    for address in (STAGING, f"{STAGING}?tab=yaml", SETTINGS, f"{SETTINGS}/edit"):
        assert EVIL not in (await portal.open(address)).html


async def test_yaml_api_and_commands_are_one_part(portal: RunningPortal) -> None:
    page = await portal.open(f"{STAGING}?tab=yaml")
    assert "towpath get environment staging --namespace demo --output yaml" in page.text
    assert "kubectl get environments.towpath.dev staging --namespace demo" in page.text
    assert "API path /apis/towpath.dev/v1alpha1/namespaces/demo/environments/staging" in page.text
    assert "managedFields" not in page.text


async def test_it_says_who_set_which_field(portal: RunningPortal) -> None:
    page = await portal.open(f"{SETTINGS}?tab=fields")
    assert "data.colour" in page.text


async def test_what_happened_to_it_is_told(portal: RunningPortal) -> None:
    obj = await portal.client.get(ENVIRONMENT, "staging", "demo")
    event = EVENT.object(
        "staging.1",
        "demo",
        involvedObject={
            "uid": obj["metadata"]["uid"],
            "kind": "Environment",
            "namespace": "demo",
        },
        type="Warning",
        reason="Unreachable",
        message="nobody answers",
        lastTimestamp="2026-11-21T10:00:00Z",
    )
    await portal.client.create(EVENT, event)
    page = await portal.open(STAGING)
    assert "Unreachable nobody answers" in page.text


async def test_owners_and_owned_lead_to_one_another(portal: RunningPortal) -> None:
    owner = await portal.client.get(CONFIG_MAP, "settings", "demo")
    owned = CONFIG_MAP.object("made", "demo")
    owned["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "settings",
            "uid": owner["metadata"]["uid"],
        }
    ]
    await portal.client.create(CONFIG_MAP, owned)
    page = await portal.open("/objects/platform/core/v1/configmaps/demo/made")
    assert f'href="{SETTINGS}"' in page.html


async def test_of_a_secret_only_keys_and_sizes_are_shown(portal: RunningPortal) -> None:
    secret = SECRET.object("key", "demo", data={"password": "aHVudGVyMg=="})
    secret["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": '{"data":{"password":"aHVudGVyMg=="}}'
    }
    await portal.client.create(SECRET, secret)
    page = object_page(SECRET, "key", "demo")
    for tab in ("", "?tab=yaml", "?tab=fields"):
        shown = await portal.open(f"{page}{tab}")
        assert "aHVudGVyMg==" not in shown.html
        assert "hunter2" not in shown.html
    assert "password <7 bytes>" in (await portal.open(page)).text
    assert "aHVudGVyMg==" not in show_object(SECRET, secret).yaml
    with pytest.raises(Forbidden):
        await portal.open(f"{page}/edit")


async def test_a_viewer_cannot_see_secrets_nor_other_projects(portal: RunningPortal) -> None:
    await portal.client.create(SECRET, SECRET.object("key", "demo", data={}))
    for address in (
        object_page(SECRET, "key", "demo"),
        object_page(CONFIG_MAP, "out-of-sight", "other"),
        object_page(CONFIG_MAP, "not-there", "other"),
    ):
        with pytest.raises(Forbidden):
            await portal.open(address, user=CAROL)


async def test_the_list_is_the_apis_own_table(portal: RunningPortal) -> None:
    page = await portal.open(ENVIRONMENTS)
    assert f'href="{STAGING}"' in page.html
    assert "Cluster" in page.text


async def test_a_member_begins_in_their_own_namespace(portal: RunningPortal) -> None:
    page = await portal.open(CONFIG_MAPS, user=CAROL)
    assert "settings" in page.text
    assert "out-of-sight" not in page.text
    refused = await portal.open(f"{CONFIG_MAPS}?namespace=other", user=CAROL)
    assert "out-of-sight" not in refused.html
    assert "cannot list" in refused.text


async def test_an_administrator_sees_all_namespaces_at_once(portal: RunningPortal) -> None:
    page = await portal.open(CONFIG_MAPS, user=ADMIN)
    assert "out-of-sight" in page.text
    assert "other" in page.text


async def test_lists_are_filtered_by_name_and_by_label(portal: RunningPortal) -> None:
    found = await portal.open(f"{CONFIG_MAPS}?q=ETTIN")
    assert "settings" in found.text
    assert "settings" not in (await portal.open(f"{CONFIG_MAPS}?q=nothing")).text
    assert "settings" in (await portal.open(f"{CONFIG_MAPS}?labels=app%3Dshop")).text
    unlabelled = await portal.open(f"{CONFIG_MAPS}?labels=app%3Dother")
    assert "Nothing fits these filters" in unlabelled.text
    assert "selector" in (await portal.open(f"{CONFIG_MAPS}?labels=%21%21")).text


async def test_long_lists_come_a_page_at_a_time(portal: RunningPortal) -> None:
    for number in range(120):
        await portal.client.create(CONFIG_MAP, CONFIG_MAP.object(f"many-{number:03}", "demo"))
    first = await portal.open(CONFIG_MAPS)
    assert "many-049" in first.text
    assert "many-050" not in first.text
    following = first.html.partition('nav class="pages"')[2].partition('href="')[2]
    second = await portal.open(following.partition('"')[0].replace("&amp;", "&"))
    assert "many-050" in second.text
    assert "many-049" not in second.text
    assert "many-119" in (await portal.open(f"{CONFIG_MAPS}?q=119")).text


async def test_the_kinds_are_those_that_one_may_list(portal: RunningPortal) -> None:
    member = await portal.open("/objects", user=CAROL)
    assert "Workload" in member.text
    assert "ClusterRoleBinding" not in member.text
    everything = await portal.open("/objects", user=ADMIN)
    assert "ClusterRoleBinding" in everything.text
    assert "Workload" not in (await portal.open("/objects?q=configmap", user=ADMIN)).text


@pytest.mark.parametrize(
    "address",
    ["/objects/platform/core/v1/nothings", "/objects/elsewhere/core/v1/pods"],
    ids=["a kind that is not served", "a cluster that is not connected"],
)
async def test_what_is_not_there_is_not_found(portal: RunningPortal, address: str) -> None:
    with pytest.raises(NotFound):
        await portal.open(address)


async def test_deleting_takes_the_name_and_the_right(portal: RunningPortal) -> None:
    obj = await portal.client.get(CONFIG_MAP, "settings", "demo")
    form = {"uid": obj["metadata"]["uid"]}
    assert (await portal.post(f"{SETTINGS}/delete", {**form, "confirm": "x"})).status == 422
    named = {**form, "confirm": "settings"}
    refused = await portal.post(f"{SETTINGS}/delete", named, user=CAROL)
    assert refused.status == 403
    assert (await portal.open(SETTINGS, user=CAROL)).html.count("/delete") == 0
    gone = await portal.post(f"{SETTINGS}/delete", named)
    assert gone.leads_to == f"{CONFIG_MAPS}?namespace=demo"
    with pytest.raises(NotFound):
        await portal.client.get(CONFIG_MAP, "settings", "demo")


async def test_what_has_a_page_of_its_own_is_deleted_there(portal: RunningPortal) -> None:
    spec = {"repository": "shop", "environments": ["staging"]}
    await portal.client.create(WORKLOAD, WORKLOAD.object("shop", "demo", spec=spec))
    page = object_page(WORKLOAD, "shop", "demo")
    assert 'href="/projects/demo/workloads/shop"' in (await portal.open(page)).html
    asked = await portal.open(f"{page}/delete")
    assert asked.leads_to == "/projects/demo/workloads/shop/delete"
