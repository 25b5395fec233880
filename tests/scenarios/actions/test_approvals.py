"""Whose word a run waits for, and every way around that: each with the API's own verbs."""

import pytest
from tests.scenarios.actions.world import DEMO, World

from towpath.capabilities.portal.actions.kinds import (
    ACTION,
    ACTION_RUN,
    CANCELLED,
    CANCELLED_BY,
    FAILED,
    FINALIZER,
    SUCCEEDED,
    UNDO_ATTEMPT,
    UNDONE_BY,
    WAITING_FOR_APPROVAL,
)
from towpath.hooks.approvals import APPROVAL
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import Forbidden, Invalid, NotFound

MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}}
BACKEND = {"type": "object", "object": {"operation": "create", "manifest": MANIFEST}}


async def waiting(world: World, **approval: object) -> None:
    """Bob has asked for a run that waits."""
    await world.action("make", backend=BACKEND, approval={"required": 1, **approval})
    await world.run("asked", "make")
    await world.until_phase("asked", WAITING_FOR_APPROVAL)


async def test_somebody_else_approves_and_it_is_done(world: World) -> None:
    await waiting(world)
    assert await world.delivery.here(CONFIG_MAP, "made", DEMO) is None
    await world.decide("asked", "dave")
    done = await world.until_phase("asked", SUCCEEDED)
    assert [one["user"] for one in done["status"]["approvals"]] == ["dave"]
    assert await world.delivery.here(CONFIG_MAP, "made", DEMO) is not None


async def test_a_rejection_ends_it_with_its_reason(world: World) -> None:
    await waiting(world)
    spec = {
        "subject": {"kind": "ActionRun", "name": "asked"},
        "decision": "Reject",
        "user": "dave",
        "comment": "not on a Friday",
    }
    await world.user("dave").create(APPROVAL, APPROVAL.object("no", DEMO, spec=spec))
    failed = await world.until_phase("asked", FAILED)
    assert failed["status"]["message"] == "dave rejected it: not on a Friday"


async def test_who_asked_never_counts_and_one_person_counts_once(world: World) -> None:
    await waiting(world, required=2)
    await world.decide("asked", "bob")
    await world.decide("asked", "dave")
    await world.decide("asked", "dave", name="dave-again")
    decisions = await world.heard("asked", 3)
    assert sum(one["counts"] for one in decisions) == 1
    assert (await world.look("asked"))["status"]["phase"] == WAITING_FOR_APPROVAL
    await world.decide("asked", "erin")
    await world.until_phase("asked", SUCCEEDED)


async def test_only_those_count_whom_the_rule_names(world: World) -> None:
    await waiting(world, approvers="['group:leads']")
    await world.decide("asked", "dave")
    decisions = await world.heard("asked", 1)
    assert decisions[0]["message"] == "is not one of the approvers"
    assert (await world.look("asked"))["status"]["approval"]["approvers"] == ["group:leads"]
    await world.decide("asked", "erin")
    await world.until_phase("asked", SUCCEEDED)


@pytest.mark.parametrize("user", ["alice", "bob", "carol"])
async def test_no_role_writes_a_status(world: World, user: str) -> None:
    await waiting(world)
    client = world.user(user)
    status = {"status": {"phase": SUCCEEDED, "approvals": [{"user": "dave", "counts": True}]}}
    with pytest.raises(Forbidden):
        await client.patch(ACTION_RUN, "asked", DEMO, status, subresource="status")
    # Beside the subresource a status is nobody's to write: the API leaves it out.
    if user != "carol":
        await client.patch(ACTION_RUN, "asked", DEMO, status)
    assert (await world.look("asked"))["status"]["phase"] == WAITING_FOR_APPROVAL


async def test_nobody_is_forged(world: World) -> None:
    await waiting(world)
    subject = {"kind": "ActionRun", "name": "asked"}
    spec = {"subject": subject, "decision": "Approve", "user": "dave"}
    for user in ("alice", "bob"):
        with pytest.raises(Forbidden, match="must be the user"):
            await world.user(user).create(APPROVAL, APPROVAL.object("forged", DEMO, spec=spec))
    with pytest.raises(Forbidden):
        await world.decide("asked", "carol")
    with pytest.raises(Forbidden, match="must be the user"):
        run = {"action": {"name": "make"}, "requestedBy": "alice"}
        await world.user("bob").create(ACTION_RUN, ACTION_RUN.object("mine", DEMO, spec=run))
    await world.decide("asked", "dave")
    made = await world.platform.api.get(APPROVAL, "asked-dave", DEMO)
    with pytest.raises((Forbidden, Invalid)):
        await world.user("alice").update(
            APPROVAL, {**made, "spec": {**made["spec"], "decision": "Reject"}}
        )


async def test_what_was_approved_is_what_is_done(world: World) -> None:
    """Neither the run nor, behind it, the action can be changed once somebody looks at it."""
    await waiting(world)
    with pytest.raises(Invalid, match="cannot be changed"):
        await world.user("bob").patch(ACTION_RUN, "asked", DEMO, {"spec": {"reason": "other"}})
    other = {**MANIFEST, "metadata": {"name": "other"}}
    backend = {"type": "object", "object": {"operation": "create", "manifest": other}}
    await world.user("alice").patch(ACTION, "make", DEMO, {"spec": {"backend": backend}})
    await world.decide("asked", "dave")
    await world.until_phase("asked", SUCCEEDED)
    assert await world.delivery.here(CONFIG_MAP, "made", DEMO) is not None
    assert await world.delivery.here(CONFIG_MAP, "other", DEMO) is None


async def test_a_rule_that_is_made_milder_does_not_help_what_waits(world: World) -> None:
    await waiting(world, required=2)
    milder = {"spec": {"approval": {"required": 0}}}
    await world.user("alice").patch(ACTION, "make", DEMO, milder)
    await world.decide("asked", "dave")
    await world.heard("asked", 1)
    assert (await world.look("asked"))["status"]["phase"] == WAITING_FOR_APPROVAL


async def test_a_rule_that_is_made_stricter_counts_at_once(world: World) -> None:
    await waiting(world)
    stricter = {"spec": {"approval": {"required": 1, "approvers": "['erin']"}}}
    await world.user("alice").patch(ACTION, "make", DEMO, stricter)
    await world.decide("asked", "dave")
    decisions = await world.heard("asked", 1)
    assert not decisions[0]["counts"]


async def test_who_has_left_in_between_does_not_count(world: World) -> None:
    await waiting(world, required=2)
    await world.decide("asked", "dave")
    assert [one["counts"] for one in await world.heard("asked", 1)] == [True]
    world.gone.add("dave")
    await world.decide("asked", "erin")
    assert [one["counts"] for one in await world.heard("asked", 2)] == [False, True]
    assert (await world.look("asked"))["status"]["phase"] == WAITING_FOR_APPROVAL


async def test_who_asked_and_has_left_gets_nothing_done(world: World) -> None:
    """Dave is a developer by his group alone."""
    await world.action("make", backend=BACKEND, approval={"required": 1})
    await world.run("asked", "make", user="dave")
    await world.until_phase("asked", WAITING_FOR_APPROVAL)
    world.gone.add("dave")
    await world.decide("asked", "erin")
    failed = await world.until_phase("asked", FAILED)
    assert "may not run actions in demo any more" in failed["status"]["message"]
    assert await world.delivery.here(CONFIG_MAP, "made", DEMO) is None


async def test_an_approval_is_for_one_run_and_not_for_its_name(world: World) -> None:
    """Asked for something harmless, approved, taken away, asked for something else."""
    await waiting(world, required=2)
    first = await world.look("asked")
    await world.decide("asked", "dave", uid=first["metadata"]["uid"])
    await world.heard("asked", 1)
    bob = world.user("bob")
    with pytest.raises(Forbidden, match="finalizer"):
        await bob.patch(ACTION_RUN, "asked", DEMO, {"metadata": {"finalizers": None}})
    assert FINALIZER in first["metadata"]["finalizers"]
    await bob.delete(ACTION_RUN, "asked", DEMO)

    async def gone() -> bool:
        return await world.delivery.here(ACTION_RUN, "asked", DEMO) is None

    await world.delivery.until(gone, "the run is gone")
    with pytest.raises(NotFound):
        await world.platform.api.get(APPROVAL, "asked-dave", DEMO)
    # Somebody brings the old decision back; it names the run that it was about.
    await world.run("asked", "make")
    await world.until_phase("asked", WAITING_FOR_APPROVAL)
    await world.decide("asked", "dave", uid=first["metadata"]["uid"])
    await world.decide("asked", "erin")
    decisions = await world.heard("asked", 1)
    assert [one["user"] for one in decisions] == ["erin"]


async def test_an_approval_of_another_kind_of_that_name_is_none_of_it(world: World) -> None:
    await waiting(world)
    spec = {
        "subject": {"kind": "Promotion", "name": "asked"},
        "decision": "Approve",
        "user": "dave",
    }
    await world.user("dave").create(APPROVAL, APPROVAL.object("other", DEMO, spec=spec))
    await world.decide("asked", "erin", "Reject")
    await world.until_phase("asked", FAILED)
    decisions = (await world.look("asked"))["status"]["approvals"]
    assert [one["user"] for one in decisions] == ["erin"]


async def test_it_expires(world: World) -> None:
    await world.action("make", backend=BACKEND, approval={"required": 1, "expiresAfter": "1s"})
    await world.run("asked", "make")
    failed = await world.until_phase("asked", FAILED)
    assert "was not approved by" in failed["status"]["message"]


async def test_it_is_cancelled_in_ones_own_name(world: World) -> None:
    await waiting(world)
    note = {"metadata": {"annotations": {CANCELLED_BY: "alice"}}}
    with pytest.raises(Forbidden, match="must name who sends"):
        await world.user("bob").patch(ACTION_RUN, "asked", DEMO, note)
    odd = {"metadata": {"annotations": {UNDONE_BY: "bob", UNDO_ATTEMPT: "../1"}}}
    with pytest.raises(Invalid, match="must be a number"):
        await world.user("bob").patch(ACTION_RUN, "asked", DEMO, odd)
    note = {"metadata": {"annotations": {CANCELLED_BY: "bob"}}}
    await world.user("bob").patch(ACTION_RUN, "asked", DEMO, note)
    cancelled = await world.until_phase("asked", CANCELLED)
    assert cancelled["status"]["message"] == "bob cancelled it."


async def test_days_and_restarts_change_nothing(still: World) -> None:
    async with still.running():
        await waiting(still)
    await still.decide("asked", "dave")
    async with still.running():
        await still.until_phase("asked", SUCCEEDED)
