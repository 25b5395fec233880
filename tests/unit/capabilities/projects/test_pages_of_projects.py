"""The pages of a project: what they say, who may change what, and that the last owner stays."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, BOB, CAROL, RunningPortal, running_portal
from tests.support import eventually

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.governance.projects.roles import GOVERN, rule
from towpath.capabilities.portal.catalog import facts
from towpath.hooks.pages import Redirect
from towpath.machinery.core_kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    NAMESPACE,
    RBAC_GROUP,
    RESOURCE_QUOTA,
)
from towpath.machinery.errors import Forbidden, Invalid, NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.users import MASTERS, PLATFORM, UserInfo
from towpath.records.contract import AuditEntry

EVIL = "<script>alert(1)</script>"
ADMIN = UserInfo("admin", ("platform-admins", MASTERS, "system:authenticated"))
MEMBERS = "/projects/demo/members"


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        await let_owner_govern(portal)
        yield portal


async def let_owner_govern(portal: RunningPortal) -> None:
    """What the project's controller does."""
    allowed = {**rule(("towpath.dev",), ("projects",), GOVERN), "resourceNames": ["demo"]}
    await portal.client.create(CLUSTER_ROLE, CLUSTER_ROLE.object("owns-demo", rules=[allowed]))
    binding = CLUSTER_ROLE_BINDING.object(
        "owns-demo",
        roleRef={"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": "owns-demo"},
        subjects=[{"apiGroup": RBAC_GROUP, "kind": "User", "name": "alice"}],
    )
    await portal.client.create(CLUSTER_ROLE_BINDING, binding)


async def members_of(portal: RunningPortal) -> dict[str, str]:
    project = await portal.client.get(PROJECT, "demo")
    return {one["name"]: one["role"] for one in project["spec"]["members"]}


async def service(portal: RunningPortal, name: str = "shop") -> RawObject:
    spec = {"repository": name, "environments": ["staging"], "description": EVIL}
    return await portal.client.create(WORKLOAD, WORKLOAD.object(name, "demo", spec=spec))


async def test_an_empty_project_says_what_would_be_there(portal: RunningPortal) -> None:
    page = await portal.open("/projects/demo")
    assert "Nothing runs here yet" in page.text
    assert "There is no environment yet" in page.text
    assert "Nothing is claimed" in page.text
    assert "It has no quota" in page.text


async def test_it_shows_services_stages_and_how_releases_come(portal: RunningPortal) -> None:
    for name, mode in (("staging", "auto"), ("production", "manual")):
        spec = {"cluster": "local", "mode": mode, "description": EVIL}
        await portal.client.create(ENVIRONMENT, ENVIRONMENT.object(name, "demo", spec=spec))
    await service(portal)
    page = await portal.open("/projects/demo")
    assert "by themselves" in page.text
    assert "by promotion" in page.text
    assert 'href="/projects/demo/workloads/shop"' in page.html
    assert EVIL not in page.html


async def test_the_quota_is_shown_as_bars(portal: RunningPortal) -> None:
    quota = RESOURCE_QUOTA.object("project", "demo", spec={"hard": {"count/configmaps": "1"}})
    await portal.client.create(RESOURCE_QUOTA, quota)
    await portal.client.create(CONFIG_MAP, CONFIG_MAP.object("one", "demo"))

    async def shown() -> bool:
        return "1 of 1, all used" in (await portal.open("/projects/demo")).text

    await eventually(shown)
    assert '<progress value="1.0" max="1"' in (await portal.open("/projects/demo")).html


async def test_an_owner_adds_changes_and_removes_members(portal: RunningPortal) -> None:
    new = {"action": "add", "kind": "User", "name": "dora", "role": "viewer"}
    assert (await portal.post(MEMBERS, new)).leads_to == MEMBERS
    assert (await members_of(portal))["dora"] == "viewer"
    await portal.post(MEMBERS, {**new, "action": "role", "role": "developer"})
    assert (await members_of(portal))["dora"] == "developer"
    await portal.post(MEMBERS, {**new, "action": "remove"})
    assert "dora" not in await members_of(portal)


async def test_a_member_whom_nobody_has_seen_is_told(portal: RunningPortal) -> None:
    new = {"action": "add", "kind": "User", "name": "alcie", "role": "viewer"}
    answer = (await portal.post(MEMBERS, new)).answer
    assert isinstance(answer, Redirect)
    assert "check how it is written" in answer.notice
    known, told = facts.people([await portal.client.get(PROJECT, "demo")], [ALICE]), "not seen here"
    await portal.records.catalog.ingest("people", known, project="", version="1")
    rows = (await portal.open(MEMBERS)).text.partition("Add a member")[0]
    assert told not in rows.partition("alice")[2].partition("bob")[0]
    assert told in rows.partition("alcie")[2]


@pytest.mark.parametrize("user", [BOB, CAROL], ids=["a developer", "a viewer"])
async def test_nobody_else_changes_members(portal: RunningPortal, user: UserInfo) -> None:
    page = await portal.open(MEMBERS, user=user)
    assert "Add a member" not in page.text
    assert "<form" not in page.html.partition("<main")[2]
    asked = {"action": "add", "kind": "User", "name": user.name + "2", "role": "owner"}
    assert (await portal.post(MEMBERS, asked, user=user)).status == 403
    assert user.name + "2" not in await members_of(portal)


@pytest.mark.parametrize(
    "form",
    [
        {"action": "remove", "kind": "User", "name": "alice"},
        {"action": "role", "kind": "User", "name": "alice", "role": "viewer"},
    ],
    ids=["removed", "made less"],
)
async def test_the_last_owner_stays(portal: RunningPortal, form: dict[str, str]) -> None:
    refused = await portal.post(MEMBERS, form)
    assert refused.status == 422
    assert "A project keeps an owner" in refused.text
    assert (await members_of(portal))["alice"] == "owner"


async def test_the_api_itself_keeps_the_last_owner(portal: RunningPortal) -> None:
    with pytest.raises(Invalid):
        await portal.client.patch(PROJECT, "demo", "", {"spec": {"members": []}})


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"kind": "User", "name": " ", "role": "viewer"}, "Name a person or a group"),
        ({"kind": "User", "name": "two words", "role": "viewer"}, "without spaces"),
        ({"kind": "User", "name": "bob", "role": "viewer"}, "is a member already"),
        ({"kind": "Robot", "name": "r2", "role": "viewer"}, "a User or a Group"),
        ({"kind": "User", "name": "dora", "role": "king"}, "A role is one of"),
    ],
    ids=["nobody", "spaces", "there already", "no such kind", "no such role"],
)
async def test_a_bad_member_is_told_in_words(
    portal: RunningPortal, form: dict[str, str], said: str
) -> None:
    refused = await portal.post(MEMBERS, {"action": "add", **form})
    assert refused.status == 422
    assert said in refused.text


async def test_activity_tells_of_many_of_a_kind_at_once(portal: RunningPortal) -> None:
    entries = [
        AuditEntry(
            str(number), 1_800_000_000.0 + number, "", user, verb, kind, "demo", name, "demo"
        )
        for number, (user, verb, kind, name) in enumerate(
            (
                ("alice", "create", "configmaps", "a"),
                ("alice", "create", "configmaps", "b"),
                ("alice", "create", "configmaps", "c"),
                ("bob", "delete", "workloads.towpath.dev", "shop"),
                (PLATFORM.name, "patch", "workloads.towpath.dev", "shop"),
                ("system:serviceaccount:kube-system:gc", "delete", "secrets", "x"),
            )
        )
    ]
    await portal.records.audit.append(entries)
    page = await portal.open("/projects/demo/activity")
    assert "Created ConfigMap c and 2 more" in page.text
    assert "Deleted service shop" in page.text
    assert "Secret x" not in page.text
    assert (
        page.html.count("<li") == (await portal.open("/projects/demo/yaml")).html.count("<li") + 2
    )


async def test_an_owner_edits_the_words_and_not_the_quota(portal: RunningPortal) -> None:
    page = await portal.open("/projects/demo/edit")
    assert "set by the administrators" in page.text
    form = {"displayName": "Demo shop", "description": "All about shops."}
    assert (await portal.post("/projects/demo/edit", form)).leads_to == "/projects/demo"
    assert "Demo shop" in (await portal.open("/projects/demo")).text
    refused = await portal.post("/projects/demo/edit", {**form, "quota": "pods: 100"})
    assert refused.status == 403
    assert "quota" not in (await portal.client.get(PROJECT, "demo"))["spec"]


async def test_an_administrator_sets_the_quota(portal: RunningPortal) -> None:
    wrong = await portal.post("/projects/demo/edit", {"quota": "pods: many"}, user=ADMIN)
    assert "is no limit" in wrong.text
    await portal.post("/projects/demo/edit", {"quota": "requests.memory: 4Gi"}, user=ADMIN)
    assert (await portal.client.get(PROJECT, "demo"))["spec"]["quota"] == {"requests.memory": "4Gi"}


async def test_whoever_may_creates_a_project_with_stages(portal: RunningPortal) -> None:
    assert "Create a project" in (await portal.open("/projects", user=ADMIN)).text
    form = {"name": "shop", "owner": "bob", "stages": "true", "quota": "pods: 10"}
    made = await portal.post("/projects/-/new", form, user=ADMIN)
    assert made.leads_to == "/projects/shop"
    project = await portal.client.get(PROJECT, "shop")
    assert project["spec"]["members"] == [{"kind": "User", "name": "bob", "role": "owner"}]
    stages = (await portal.client.list(ENVIRONMENT, "shop")).items
    assert [one["metadata"]["name"] for one in stages] == ["production", "staging"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Shop", "is no name for a project"),
        ("demo", "There is a project demo already"),
        ("towpath-x", "the platform"),
    ],
    ids=["capitals", "taken", "reserved"],
)
async def test_a_bad_name_is_told_at_the_field(portal: RunningPortal, name: str, said: str) -> None:
    form = {"name": name, "owner": "bob"}
    refused = await portal.post("/projects/-/new", form, user=ADMIN)
    assert refused.status == 422
    assert said in refused.text


async def test_members_may_not_create_projects(portal: RunningPortal) -> None:
    assert "/projects/-/new" not in (await portal.open("/projects")).html
    with pytest.raises(Forbidden):
        await portal.open("/projects/-/new")
    with pytest.raises(Forbidden):
        await portal.post("/projects/-/new", {"name": "mine", "owner": "alice"})


async def test_deleting_says_what_goes_and_takes_the_name(portal: RunningPortal) -> None:
    await service(portal)
    page = await portal.open("/projects/demo/delete")
    assert "It still has services. Services are never deleted along unasked" in page.text
    assert "3 members lose access" in page.text
    project = await portal.client.get(PROJECT, "demo")
    form = {"uid": project["metadata"]["uid"], "confirm": "dem"}
    assert (await portal.post("/projects/demo/delete", form)).status == 422
    named = {**form, "confirm": "demo"}
    assert (await portal.post("/projects/demo/delete", named, user=BOB)).status == 403
    assert (await portal.post("/projects/demo/delete", named)).leads_to == "/projects"


@pytest.mark.parametrize("part", ["", "/members", "/activity", "/yaml", "/edit", "/delete"])
async def test_of_other_projects_nothing_is_seen(portal: RunningPortal, part: str) -> None:
    await portal.client.create(NAMESPACE, NAMESPACE.object("other"))
    await portal.client.create(PROJECT, PROJECT.object("other", spec={"members": []}))
    for project in ("other", "not-there"):
        with pytest.raises(NotFound):
            await portal.open(f"/projects/{project}{part}", user=ALICE)
    assert "other" not in (await portal.open("/projects", user=ALICE)).text
