"""The service page: what it says, what it offers to whom, and that it escapes everything."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, BOB, CAROL, RunningPortal, running_portal

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN, log_stream
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import (
    RELEASE,
    REPOSITORY_OWNER_ANNOTATION,
    WORKLOAD,
)
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.approvals import APPROVAL
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM
from towpath.records.contract import AuditEntry

SERVICE = "/projects/demo/workloads/shop"
EVIL = "<script>alert(1)</script>"
FIRST, SECOND = "shop-11111111", "shop-22222222"


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        await fill(portal)
        yield portal


async def fill(portal: RunningPortal) -> None:
    client = portal.client
    for name, order, required in (("staging", 10, 0), ("production", 20, 1)):
        spec = {"cluster": "local", "order": order, "approvals": {"required": required}}
        await client.create(ENVIRONMENT, ENVIRONMENT.object(name, "demo", spec=spec))
    spec = {
        "repository": "shop",
        "environments": ["staging", "production"],
        "owner": "team-a",
        "description": EVIL,
    }
    await client.create(WORKLOAD, WORKLOAD.object("shop", "demo", spec=spec))
    for release in (FIRST, SECOND):
        await client.create(RELEASE, release_object(release))


def release_object(name: str) -> RawObject:
    spec = {
        "workload": "shop",
        "image": f"registry.towpath.dev/demo/shop@sha256:{'0' * 64}",
        "commit": name[-8:] * 5,
        "score": {},
    }
    return RELEASE.object(name, "demo", spec=spec)


async def run_in_staging(portal: RunningPortal, release: str, health: str = "Healthy") -> None:
    workload = await portal.client.get(WORKLOAD, "shop", "demo")
    stage = {"name": "staging", "release": release, "health": health, "sync": "Synced"}
    workload["status"] = {"latestRelease": SECOND, "environments": [stage]}
    await portal.client.update(WORKLOAD, workload, subresource="status")


async def promotion(portal: RunningPortal, name: str, **status: object) -> None:
    spec = {
        "workload": "shop",
        "environment": "production",
        "release": FIRST,
        "requestedBy": "alice",
        "reason": EVIL,
    }
    made = await portal.front.client(ALICE).create(
        PROMOTION, PROMOTION.object(name, "demo", spec=spec)
    )
    await portal.client.update(PROMOTION, {**made, "status": status}, subresource="status")


async def test_it_says_that_a_first_release_is_awaited(portal: RunningPortal) -> None:
    page = await portal.open(SERVICE)
    assert "it waits for its first release, which its pipeline makes" in page.text


async def test_it_says_how_it_is_and_what_runs_where(portal: RunningPortal) -> None:
    await run_in_staging(portal, SECOND)
    page = await portal.open(SERVICE)
    assert "Healthy in staging; nothing runs in production yet" in page.text
    assert f"Promote {SECOND}" in page.text
    # Where people decide, what it changes is shown before it is asked for.
    assert f'/promote/shop?environment=production&amp;release={SECOND}"' in page.html


async def test_it_leads_to_whom_to_ask(portal: RunningPortal) -> None:
    await run_in_staging(portal, SECOND)
    assert "team-a</a>" not in (await portal.open(SERVICE)).html
    group = {"kind": "Group", "metadata": {"name": "team-a"}, "spec": {"type": "team"}}
    await portal.records.catalog.ingest("people", [entity_of(group)], project="", version="1")
    page = await portal.open(SERVICE)
    assert '<a href="/catalog/group/default/team-a">team-a</a>' in page.html
    assert "1 other owner or developer of demo must approve." in page.text
    assert '<a href="/projects/demo/members">demo</a> must approve' in page.html


async def test_what_people_write_is_text(portal: RunningPortal) -> None:
    await promotion(portal, "one", phase="WaitingForApproval", message=EVIL)
    for tab in ("", "/deployments", "/resources", "/activity", "/yaml", "/delete", "/logs"):
        page = await portal.open(SERVICE + tab)
        assert page.status == 200
        assert EVIL not in page.html
    for address in ("/projects/demo/promotions/one", "/delivery", "/", "/projects/demo"):
        assert EVIL not in (await portal.open(address)).html


async def test_four_eyes_are_explained_and_the_other_one_may_approve(
    portal: RunningPortal,
) -> None:
    began = "2026-01-01T00:00:00Z"
    await promotion(portal, "one", phase="WaitingForApproval", startedAt=began)
    own = await portal.open(SERVICE, user=ALICE)
    assert "somebody else must approve what you asked for" in own.text
    assert "Approve" not in own.text.split("Four eyes")[1].split("Take it back")[0]
    run = (await portal.open("/projects/demo/promotions/one", user=ALICE)).text
    assert "Take it back" in run
    assert "Waiting for" in run
    assert "Took" not in run
    assert "Reject" not in run
    others = await portal.open(SERVICE, user=BOB)
    assert "Approve Reject" in others.text


async def test_a_decision_is_made_in_the_visitors_name(portal: RunningPortal) -> None:
    await promotion(portal, "one", phase="WaitingForApproval")
    address = "/projects/demo/promotions/one"
    refused = await portal.post(address, {"decision": "approve"}, user=ALICE)
    assert refused.status == 403
    assert "You asked for this; somebody else must approve it." in refused.text
    done = await portal.post(address, {"decision": "approve", "comment": "good"}, user=BOB)
    assert done.leads_to == address
    approval = await portal.client.get(APPROVAL, "one-bob", "demo")
    assert approval["spec"]["user"] == "bob"
    twice = await portal.post(address, {"decision": "reject"}, user=BOB)
    assert (twice.status, "decided on this promotion already" in twice.text) == (409, True)


async def test_a_promotion_is_asked_for_and_its_form_comes_back_with_what_is_missing(
    portal: RunningPortal,
) -> None:
    address = "/projects/demo/promote/shop"
    form = await portal.open(f"{address}?environment=production")
    assert "1 other owner or developer of demo must approve" in form.text
    missing = await portal.post(address, {"release": FIRST, "reason": "because"})
    assert (missing.status, "Choose an environment." in missing.text) == (422, True)
    assert "because" in missing.text
    asked = await portal.post(address, {"release": FIRST, "environment": "production"})
    assert asked.leads_to == SERVICE
    made = (await portal.client.list(PROMOTION, "demo", fields="spec.workload=shop")).items
    assert [one["spec"]["requestedBy"] for one in made] == ["alice"]


async def test_a_promotion_to_nowhere_leads_to_what_there_is(portal: RunningPortal) -> None:
    page = await portal.open("/projects/demo/promote/shop?environment=moon&release=old")
    assert "shop has no environment moon; choose one of those below." in page.text
    assert "to moon" not in page.text


async def test_it_is_deleted_only_when_its_name_is_typed(portal: RunningPortal) -> None:
    wrong = await portal.post(f"{SERVICE}/delete", {"confirm": "shopp"})
    assert (wrong.status, "'shopp' was typed" in wrong.text) == (422, True)
    uid = (await portal.client.get(WORKLOAD, "shop", "demo"))["metadata"]["uid"]
    other = await portal.post(f"{SERVICE}/delete", {"confirm": "shop", "uid": "another"})
    assert other.status == 409
    done = await portal.post(f"{SERVICE}/delete", {"confirm": "shop", "uid": uid})
    assert done.leads_to == "/projects/demo"
    with pytest.raises(NotFound):
        await portal.open(SERVICE)


async def test_what_the_platform_made_names_who_asked_for_it(portal: RunningPortal) -> None:
    spec = {"template": {"name": "python-service"}, "parameters": {}, "requestedBy": "bob"}
    wanted = TEMPLATE_RUN.object("shop-abc123", "demo", spec=spec)
    run = await portal.front.client(BOB).create(TEMPLATE_RUN, wanted)
    made_by = {REPOSITORY_OWNER_ANNOTATION: run["metadata"]["uid"]}
    note = {"metadata": {"annotations": made_by}}
    await portal.client.patch(WORKLOAD, "shop", "demo", note)
    await portal.records.audit.append(
        [
            AuditEntry(
                str(number),
                time.time(),
                "",
                user,
                "create",
                f"{kind.plural}.{kind.group}",
                "demo",
                name,
                "demo",
            )
            for number, (kind, name, user) in enumerate(
                [(TEMPLATE_RUN, "shop-abc123", "bob"), (WORKLOAD, "shop", PLATFORM.name)]
            )
        ]
    )
    page = await portal.open(f"{SERVICE}/activity")
    assert "Created service shop" in page.text
    assert "bob" in page.text
    assert "the platform" not in page.text


async def test_a_run_is_shown_with_its_log_and_can_be_repeated(portal: RunningPortal) -> None:
    spec = {
        "repository": "shop",
        "ref": "refs/heads/main",
        "commit": "1" * 40,
        "workflow": ".github/workflows/ci.yaml",
        "actor": "alice",
    }
    made = await portal.client.create(PIPELINE_RUN, PIPELINE_RUN.object("r", "demo", spec=spec))
    step = {"number": 1, "name": EVIL, "phase": "Failed", "exitCode": 3}
    job = {"id": "test", "job": "test", "name": EVIL, "phase": "Failed", "steps": [step]}
    status = {"phase": "Failed", "title": EVIL, "jobs": [job]}
    await portal.client.update(PIPELINE_RUN, {**made, "status": status}, subresource="status")
    portal.records.logs.append(log_stream("demo", "r", "test", 1), [EVIL, "boom"])
    await portal.records.logs.settled()
    page = await portal.open("/projects/demo/pipelines/r")
    assert EVIL not in page.html
    assert "It ended with exit code 3." in page.text
    assert "boom" in page.text
    again = await portal.post("/projects/demo/pipelines/r", {"action": "rerun"}, user=BOB)
    assert again.leads_to == "/projects/demo/pipelines/r-2"
    assert (await portal.client.get(PIPELINE_RUN, "r-2", "demo"))["spec"]["actor"] == "bob"


async def test_who_may_only_read_is_offered_nothing_and_refused_by_the_api(
    portal: RunningPortal,
) -> None:
    await run_in_staging(portal, SECOND)
    page = await portal.open(SERVICE, user=CAROL)
    assert "Promote" not in page.text
    assert "Delete" not in page.text
    form = {"release": FIRST, "environment": "production"}
    refused = await portal.post("/projects/demo/promote/shop", form, user=CAROL)
    assert refused.status == 403
    assert "It was not promoted." in refused.text
