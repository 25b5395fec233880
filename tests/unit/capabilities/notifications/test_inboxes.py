"""Inboxes follow the objects: who is told what, when it is over, and nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.portal import ALICE, BOB, CAROL, RunningPortal, running_portal
from tests.support import eventually

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.capabilities.portal.notifications import notices, reconcile
from towpath.capabilities.portal.notifications.recipients import Recipients
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.machinery.errors import BadRequest
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM, UserInfo
from towpath.records.contract import Viewer

EVIL = "<script>alert(1)</script>"
OF_DEMO = frozenset({"demo"})


async def people() -> Sequence[UserInfo]:
    return (ALICE, BOB, CAROL)


@asynccontextmanager
async def controllers(portal: RunningPortal) -> AsyncIterator[None]:
    """All of them, as the platform runs them."""
    api, inbox = portal.client, portal.records.inbox
    recipients = Recipients(api, portal.front.authorize, people)
    started = reconcile.all_of(api, inbox, recipients)
    running = [asyncio.create_task(one.run()) for one in started]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        spec = {"repository": "shop", "environments": ["staging"], "owner": "team-a"}
        await portal.client.create(WORKLOAD, WORKLOAD.object("shop", "demo", spec=spec))
        yield portal


async def made(
    portal: RunningPortal, resource: Resource, name: str, spec: RawObject, **status: Any
) -> None:
    by = spec.get("requestedBy", "")
    user = UserInfo(by, ("system:authenticated",)) if by and by != PLATFORM.name else PLATFORM
    if resource is PROMOTION and by == "alice":
        user = ALICE
    await portal.front.client(user).create(resource, resource.object(name, "demo", spec=spec))
    await changed(portal, resource, name, **status)


async def changed(portal: RunningPortal, resource: Resource, name: str, **status: Any) -> None:
    obj = await portal.client.get(resource, name, "demo")
    obj["status"] = {**(obj.get("status") or {}), **status}
    await portal.client.update(resource, obj, subresource="status")


def promotion(by: str = "alice", release: str = "shop-1") -> RawObject:
    return {
        "workload": "shop",
        "environment": "production",
        "release": release,
        "requestedBy": by,
        "reason": EVIL,
    }


def run(actor: str) -> RawObject:
    return {
        "repository": "shop",
        "ref": "refs/heads/main",
        "commit": "0" * 40,
        "workflow": ".github/workflows/ci.yaml",
        "actor": actor,
    }


async def told(portal: RunningPortal, person: str) -> list[tuple[str, bool]]:
    """Titles, and whether each is over."""
    page = await portal.records.inbox.page(Viewer(UserInfo(person), OF_DEMO))
    return [(one.notice.title, one.settled) for one in page.notifications]


async def until(portal: RunningPortal, person: str, *wanted: tuple[str, bool]) -> None:
    async def so() -> bool:
        return await told(portal, person) == list(wanted)

    await eventually(so, deadline_s=5)


ASKED = ("Approve shop-1 for production", False)


async def test_an_approval_is_asked_of_who_may_give_it_and_over_when_it_is_decided(
    portal: RunningPortal,
) -> None:
    async with controllers(portal):
        await made(portal, PROMOTION, "one", promotion(), phase="WaitingForApproval")
        await until(portal, "bob", ASKED)
        assert await told(portal, "alice") == []  # who asked cannot approve
        assert await told(portal, "carol") == []  # a viewer may not
        decision = {"name": "one-bob", "user": "bob", "decision": "Approve", "counts": True}
        await changed(portal, PROMOTION, "one", phase="Syncing", approvals=[decision])
        await until(portal, "bob", (ASKED[0], True))
        await until(portal, "alice", ("bob approved shop-1 for production", False))


async def test_nothing_is_said_twice_after_a_restart_and_what_has_gone_is_forgotten(
    portal: RunningPortal,
) -> None:
    await made(portal, PROMOTION, "one", promotion(), phase="WaitingForApproval")
    for _ in range(2):
        async with controllers(portal):
            await until(portal, "bob", ASKED)
    await portal.client.delete(PROMOTION, "one", "demo")
    async with controllers(portal):
        await until(portal, "bob")


@pytest.mark.parametrize(
    ("status", "title"),
    [
        pytest.param(
            {
                "phase": "Failed",
                "approvals": [{"user": "bob", "decision": "Reject", "counts": True}],
            },
            "bob rejected shop-1 for production",
            id="rejected",
        ),
        pytest.param(
            {"phase": "Superseded", "message": "shop-2 came after it."},
            "shop-1 will not go to production",
            id="superseded",
        ),
        pytest.param(
            {"phase": "Failed", "message": "No"}, "shop-1 did not reach production", id="failed"
        ),
    ],
)
async def test_who_asked_hears_what_became_of_it(
    portal: RunningPortal, status: dict[str, Any], title: str
) -> None:
    async with controllers(portal):
        await made(portal, PROMOTION, "one", promotion(), **status)
        await until(portal, "alice", (title, False))
        assert await told(portal, "bob") == []


async def test_what_the_platform_wanted_and_failed_is_told_to_the_owning_team(
    portal: RunningPortal,
) -> None:
    async with controllers(portal):
        await made(portal, PROMOTION, "one", promotion(PLATFORM.name), phase="Failed", message="x")
        for person in ("alice", "bob"):
            await until(portal, person, ("shop-1 did not reach production", False))
        assert await told(portal, "carol") == []


async def pushed_by(portal: RunningPortal, actor: str) -> None:
    """shop-1 was built of a commit of theirs."""
    await made(portal, PIPELINE_RUN, "run-1", run(actor), phase="Succeeded")
    spec = {
        "workload": "shop",
        "image": f"registry.towpath.dev/demo/shop@sha256:{'0' * 64}",
        "commit": "0" * 40,
        "score": {},
        "run": "run-1",
    }
    await portal.client.create(RELEASE, RELEASE.object("shop-1", "demo", spec=spec))


async def test_who_pushed_what_does_not_come_up_is_told_like_the_team(
    portal: RunningPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SICK_FOR_S", 0.0)
    await pushed_by(portal, "carol")  # of no team
    async with controllers(portal):
        stage = {"name": "staging", "release": "shop-1", "health": "Degraded"}
        await changed(portal, WORKLOAD, "shop", environments=[stage])
        for person in ("carol", "alice", "bob"):
            await until(portal, person, ("shop is degraded in staging", False))


async def test_who_pushed_is_told_that_the_platforms_promotion_failed(
    portal: RunningPortal,
) -> None:
    await pushed_by(portal, "carol")
    async with controllers(portal):
        await made(portal, PROMOTION, "one", promotion(PLATFORM.name), phase="Failed", message="x")
        for person in ("carol", "bob"):
            await until(portal, person, ("shop-1 did not reach production", False))


async def test_a_failed_run_is_told_to_who_pushed_and_over_with_the_next_one(
    portal: RunningPortal,
) -> None:
    async with controllers(portal):
        failed = {"phase": "Failed", "startedAt": "2199-01-01T00:00:00Z", "message": "npm"}
        await made(portal, PIPELINE_RUN, "run-1", run("bob"), **failed)
        await until(portal, "bob", ("The pipeline of shop failed", False))
        assert await told(portal, "alice") == []
        later = {"phase": "Running", "startedAt": "2199-01-02T00:00:00Z"}
        await made(portal, PIPELINE_RUN, "run-2", run("bob"), **later)
        await until(portal, "bob", ("The pipeline of shop failed", True))


async def test_a_template_run_that_made_nothing_is_told_to_who_asked(portal: RunningPortal) -> None:
    async with controllers(portal):
        spec = {
            "template": {"name": "python-service"},
            "parameters": {"name": "<b>x</b>"},
            "requestedBy": "bob",
        }
        made_by_bob = TEMPLATE_RUN.object("new", "demo", spec=spec)
        await portal.front.client(BOB).create(TEMPLATE_RUN, made_by_bob)
        await changed(portal, TEMPLATE_RUN, "new", phase="Failed")
        await until(portal, "bob", ("Creating <b>x</b> failed", False))


async def test_a_service_that_stays_sick_in_production_is_told_to_its_team(
    portal: RunningPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SICK_FOR_S", 0.0)
    async with controllers(portal):
        stage = {"name": "production", "release": "shop-1", "health": "Degraded"}
        await changed(portal, WORKLOAD, "shop", environments=[stage])
        await until(portal, "bob", ("shop is degraded in production", False))
        await until(portal, "alice", ("shop is degraded in production", False))
        well = {**stage, "health": "Healthy"}
        await changed(portal, WORKLOAD, "shop", environments=[well])
        await until(portal, "bob", ("shop is degraded in production", True))


SICK_STAGING = {"name": "staging", "release": "x", "health": "Degraded"}


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        pytest.param([SICK_STAGING, {"name": "production"}], "staging", id="before the last one"),
        pytest.param(
            [{**SICK_STAGING, "phase": "Failed"}, {"name": "production"}], "", id="told already"
        ),
        pytest.param(
            [SICK_STAGING, {**SICK_STAGING, "name": "production"}], "production", id="most public"
        ),
        pytest.param(
            [{"name": "staging", "health": "Degraded", "phase": "Syncing"}, {"name": "production"}],
            "staging",
            id="the first one does not come up",
        ),
        pytest.param([{**SICK_STAGING, "health": "Progressing"}], "", id="on its way"),
    ],
)
def test_the_most_public_stage_that_is_not_well_is_told(
    stages: list[RawObject], expected: str
) -> None:
    found = notices.sick_stage({"status": {"environments": stages}}) or {}
    assert found.get("name", "") == expected


async def test_the_page_lists_filters_marks_and_escapes(portal: RunningPortal) -> None:
    async with controllers(portal):
        await made(portal, PROMOTION, "one", promotion(), phase="WaitingForApproval")
        await until(portal, "bob", ASKED)
    page = await portal.open("/notifications", user=BOB)
    assert "Approve shop-1 for production" in page.text
    assert "You may approve promotions in demo." in page.text
    assert EVIL not in page.html
    assert "1 unread" in page.text
    assert "Nothing of that kind" in (await portal.open("/notifications?about=RunFailed")).text
    assert "Nothing has happened" in (await portal.open("/notifications", user=CAROL)).text
    (one,) = (await portal.records.inbox.page(Viewer(BOB, OF_DEMO))).notifications
    done = await portal.post("/notifications?show=unread", {"read": str(one.id)}, user=BOB)
    assert done.leads_to == "/notifications?show=unread"
    assert "Nothing unread" in (await portal.open("/notifications", user=BOB)).text
    await portal.post("/notifications", {"unread": str(one.id)}, user=BOB)
    await portal.post("/notifications", {"all": "read"}, user=BOB)
    assert "Nothing unread" in (await portal.open("/notifications", user=BOB)).text


@pytest.mark.parametrize("address", ["?show=all", "?about=Weather", "?continue=x"])
async def test_an_address_that_is_none_is_refused(portal: RunningPortal, address: str) -> None:
    with pytest.raises(BadRequest):
        await portal.open(f"/notifications{address}")


@pytest.mark.parametrize("form", [{}, {"read": "x"}, {"dismiss": "-1"}])
async def test_a_form_that_says_nothing_is_refused(
    portal: RunningPortal, form: dict[str, str]
) -> None:
    with pytest.raises(BadRequest):
        await portal.post("/notifications", form)
