"""Home: what needs me and what is mine first; calm when there is nothing; nothing of others."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, BOB, CAROL, RunningPortal, running_portal

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.catalog.states import state_of
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.records.contract import Entity, Notice, Viewer, WorkloadState

EVIL = "<script>alert(1)</script>"


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        yield portal


def component(name: str, owner: str, project: str = "demo") -> Entity:
    descriptor: RawObject = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": name,
            "namespace": project,
            "annotations": {"towpath.dev/workload": name},
        },
        "spec": {"type": "service", "lifecycle": "production", "owner": f"group:default/{owner}"},
    }
    return entity_of(descriptor)


async def fill(portal: RunningPortal) -> None:
    catalog = portal.records.catalog
    own = [component("mine", "team-a"), component("sick", "team-a"), component("theirs", "team-b")]
    await catalog.ingest("a", own, project="demo", version="1")
    await catalog.ingest(
        "b", [component("secret", "team-a", "other")], project="other", version="1"
    )
    await catalog.observe("demo", "mine", WorkloadState("Healthy", f"mine-1 {EVIL}", "http://m"))
    await catalog.observe("demo", "sick", WorkloadState("Degraded", "production is degraded."))
    await catalog.observe("demo", "theirs", WorkloadState("Degraded", "theirs"))
    await catalog.observe("other", "secret", WorkloadState("Degraded", "secret"))


def notice(person: str, title: str, cause: str = "one") -> Notice:
    return Notice(
        person, cause, "RunFailed", title, "/x", "It is yours.", time.time(), "Failed", asks=True
    )


async def test_a_new_platform_teaches_the_first_three_steps(portal: RunningPortal) -> None:
    page = await portal.open("/")
    assert "three steps lead from a name to production" in page.text
    command = "towpath new python-service order-service \\ --project demo --set owner=team-a --wait"
    assert command in page.text
    assert "git clone http://localhost:8080/git/demo/order-service.git" in page.text
    viewer = await portal.open("/", user=CAROL)
    assert "No service runs yet" in viewer.text
    assert "towpath new" not in viewer.text


async def test_without_a_project_that_is_the_first_step(tmp_path: Path) -> None:
    async with running_portal(tmp_path, projects=None) as portal:
        admin = UserInfo("admin", ("system:masters",))
        assert "Create a project" not in (await portal.open("/", user=admin)).text
        await portal.client.delete(PROJECT, "demo")
        page = await portal.open("/", user=admin)
        assert 'href="/projects/-/new"' in page.html


async def test_mine_come_first_the_sickest_before_the_others(portal: RunningPortal) -> None:
    await fill(portal)
    page = await portal.open("/", user=BOB)
    assert "1 of your 2 services is not well: look at what is said of it below." in page.text
    assert page.html.index(">sick</a>") < page.html.index(">mine</a>")
    assert ">theirs</a>" not in page.html
    assert "Show 1 service of others" in page.text
    assert EVIL not in page.html
    everything = await portal.open("/?show=all", user=BOB)
    assert ">theirs</a>" in everything.html


async def test_who_owns_nothing_sees_what_there_is(portal: RunningPortal) -> None:
    await fill(portal)
    page = await portal.open("/", user=CAROL)
    assert "2 of 3 services are not well" in page.text
    for name in ("mine", "sick", "theirs"):
        assert f">{name}</a>" in page.html


async def test_what_needs_me_can_be_dismissed_and_is_nobody_elses(portal: RunningPortal) -> None:
    await fill(portal)
    inbox = portal.records.inbox
    await inbox.settle("run:demo/a", "demo", [notice("alice", EVIL), notice("bob", "Bob only")])
    await inbox.settle("run:other/a", "other", [notice("alice", "Of another project")])
    page = await portal.open("/", user=ALICE)
    assert "1 thing needs you" in page.text
    assert EVIL not in page.html
    assert "Bob only" not in page.text
    assert "Of another project" not in page.text
    ((mine,), _) = await inbox.asking(Viewer(ALICE, frozenset({"demo"})))
    done = await portal.post("/notifications", {"dismiss": str(mine.id), "back": "/"}, user=ALICE)
    assert done.leads_to == "/"
    after = (await portal.open("/", user=ALICE)).text
    assert "Nothing waits for you." in after
    # What is not well is said right below, dismissed or not.
    assert "nothing needs you" not in after


@pytest.mark.parametrize(
    ("health", "sentence"),
    [
        pytest.param("Healthy", "Your service is well; nothing needs you.", id="well"),
        pytest.param("Progressing", "Your service is not well yet; nothing needs you.", id="new"),
        pytest.param(
            "Degraded", "Your service is not well: look at what is said of it below.", id="sick"
        ),
    ],
)
async def test_the_headline_agrees_with_the_only_row(
    portal: RunningPortal, health: str, sentence: str
) -> None:
    catalog = portal.records.catalog
    await catalog.ingest("a", [component("mine", "team-a")], project="demo", version="1")
    await catalog.observe("demo", "mine", WorkloadState(health, "It says so."))
    assert sentence in (await portal.open("/")).text


async def test_nothing_of_other_projects_is_counted_or_named(portal: RunningPortal) -> None:
    await fill(portal)
    for user in (ALICE, BOB, CAROL):
        for address in ("/", "/?show=all"):
            page = await portal.open(address, user=user)
            assert "secret" not in page.html


async def test_who_is_a_member_of_nothing_is_told_what_to_do(tmp_path: Path) -> None:
    async with running_portal(tmp_path, projects=frozenset()) as portal:
        await fill(portal)
        page = await portal.open("/", user=UserInfo("mallory", ("system:authenticated",)))
        assert "You are not a member of any project" in page.text
        assert "mallory" in page.text
        assert "theirs" not in page.html


def workload(*stages: RawObject, **status: object) -> RawObject:
    return {
        "metadata": {"name": "shop", "namespace": "demo"},
        "status": {"environments": list(stages), **status},
    }


STAGING = {"name": "staging", "release": "shop-2", "health": "Healthy", "url": "http://s"}
PRODUCTION = {"name": "production", "release": "shop-1", "health": "Healthy"}


@pytest.mark.parametrize(
    ("obj", "state"),
    [
        pytest.param(
            workload(), WorkloadState("Progressing", "It waits for its first release."), id="new"
        ),
        pytest.param(
            workload({"name": "staging"}, latestRelease="shop-1"),
            WorkloadState("Progressing", "shop-1 is on its way to its first stage."),
            id="on its way",
        ),
        pytest.param(
            workload({"name": "staging", "phase": "Failed", "message": "no score.yaml"}),
            WorkloadState("Progressing", "staging: no score.yaml"),
            id="never arrived",
        ),
        pytest.param(
            workload({"name": "staging", "health": "Degraded", "message": "It ends."}),
            WorkloadState("Degraded", "staging is degraded: It ends."),
            id="the first one does not come up",
        ),
        pytest.param(
            workload(STAGING, {"name": "production"}),
            WorkloadState("Healthy", "shop-2 in staging; nothing in production yet", "http://s"),
            id="the first stage",
        ),
        pytest.param(
            workload(STAGING, PRODUCTION),
            WorkloadState("Healthy", "shop-1 in production; shop-2 in staging", "http://s"),
            id="ahead",
        ),
        pytest.param(
            workload(STAGING, {**PRODUCTION, "phase": "WaitingForApproval", "release": "shop-2"}),
            WorkloadState(
                "Healthy", "shop-2 in production; production waits for an approval", "http://s"
            ),
            id="waiting",
        ),
        pytest.param(
            workload(STAGING, {**PRODUCTION, "health": "Degraded", "message": "Pod x: no"}),
            WorkloadState("Degraded", "production is degraded: Pod x: no", "http://s"),
            id="sick",
        ),
    ],
)
def test_a_state_is_a_word_and_a_sentence(obj: RawObject, state: WorkloadState) -> None:
    assert state_of(obj) == state


def test_what_is_going_says_so() -> None:
    going = workload(STAGING)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert state_of(going) == WorkloadState("Terminating", "It is being deleted.")
