"""From a release to a healthy deployment, through Git, and back."""

import pytest
from tests.scenarios.delivery.world import World

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.gitops.kinds import APPLICATION, ARGOCD_NAMESPACE
from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    PROMOTION,
    SUCCEEDED,
    SUPERSEDED,
    WAITING_FOR_APPROVAL,
)
from towpath.capabilities.delivery.workloads.kinds import RELEASE
from towpath.engines.git.port import RepositoryName
from towpath.hooks.approvals import APPROVAL
from towpath.machinery.core_kinds import DEPLOYMENT
from towpath.machinery.errors import Forbidden, Invalid

DEPLOYMENTS = RepositoryName("demo", "deployments")


async def test_a_release_goes_to_staging_by_itself(world: World) -> None:
    await world.workload()
    release = await world.release()
    await world.until_runs(release)
    deployment = await world.there(DEPLOYMENT, "order-service", "demo-staging")
    assert deployment is not None
    assert deployment["metadata"]["labels"]["towpath.dev/release"] == release
    head = await world.git.head(DEPLOYMENTS)
    assert head is not None
    commit = await world.git.commit(DEPLOYMENTS, head)
    assert "Towpath-Promotion: " in commit.message
    assert (await world.stage("staging"))["url"].startswith("http://order-service.staging.demo.")
    assert "release" not in await world.stage("production")


async def test_production_waits_for_somebody_else(world: World) -> None:
    await world.workload()
    release = await world.release()
    await world.until_runs(release)
    promotion = await world.promote(release, "production", "alice")
    await world.until_phase(promotion, WAITING_FOR_APPROVAL)
    await world.decide(promotion, "alice")

    async def heard() -> bool:
        found = await world.platform.api.get(PROMOTION, promotion, "demo")
        return len(found["status"].get("approvals") or ()) == 1

    await world.until(heard, "the requester's own approval is written down")
    assert await world.phase(promotion) == WAITING_FOR_APPROVAL
    await world.decide(promotion, "bob")
    done = await world.until_phase(promotion, SUCCEEDED)
    assert [entry["counts"] for entry in done["status"]["approvals"]] == [False, True]
    await world.until_runs(release, "production")
    assert await world.there(DEPLOYMENT, "order-service", "demo-production") is not None


async def test_only_those_approve_whom_the_environment_names(world: World) -> None:
    """The owner of the workload, by its spec; bob may approve in general, and does not count."""
    await world.workload(owner="user:alice")
    release = await world.release()
    await world.until_runs(release)
    rule = {"spec": {"approvals": {"required": 1, "approvers": "[object.spec.owner]"}}}
    await world.platform.api.patch(ENVIRONMENT, "production", "demo", rule)
    promotion = await world.promote(release, "production", "bob")
    await world.until_phase(promotion, WAITING_FOR_APPROVAL)
    # Whoever makes the rule milder meanwhile lets nothing through.
    milder = {"spec": {"approvals": {"required": 0, "approvers": None}}}
    await world.platform.api.patch(ENVIRONMENT, "production", "demo", milder)
    found = await world.platform.api.get(PROMOTION, promotion, "demo")
    assert found["status"]["approval"]["approvers"] == ["user:alice"]
    assert await world.phase(promotion) == WAITING_FOR_APPROVAL
    await world.decide(promotion, "alice")
    await world.until_phase(promotion, SUCCEEDED)


async def test_a_rejection_ends_it(world: World) -> None:
    await world.workload()
    release = await world.release()
    await world.until_runs(release)
    promotion = await world.promote(release, "production", "alice")
    await world.decide(promotion, "bob", "Reject")
    await world.until_phase(promotion, FAILED)
    assert await world.there(DEPLOYMENT, "order-service", "demo-production") is None


async def test_nobody_asks_or_approves_in_another_name(world: World) -> None:
    await world.workload()
    release = await world.release()
    spec = {"workload": "order-service", "environment": "production", "release": release}
    forged = PROMOTION.object("forged", "demo", spec={**spec, "requestedBy": "bob"})
    with pytest.raises(Forbidden):
        await world.user("alice").create(PROMOTION, forged)
    promotion = await world.promote(release, "production", "alice")
    subject = {"kind": "Promotion", "name": promotion}
    approval = APPROVAL.object(
        "forged", "demo", spec={"subject": subject, "decision": "Approve", "user": "bob"}
    )
    with pytest.raises(Forbidden):
        await world.user("alice").create(APPROVAL, approval)


async def test_who_may_only_look_cannot_promote_and_nobody_writes_releases(world: World) -> None:
    await world.workload()
    release = await world.release()
    with pytest.raises(Forbidden):
        await world.promote(release, "production", "carol")
    made = await world.platform.api.get(RELEASE, release, "demo")
    again = RELEASE.object("by-hand", "demo", spec=made["spec"])
    with pytest.raises(Forbidden):
        await world.user("alice").create(RELEASE, again)


async def test_a_release_is_immutable(world: World) -> None:
    await world.workload()
    release = await world.release()
    with pytest.raises(Invalid):
        await world.platform.api.patch(RELEASE, release, "demo", {"spec": {"commit": "f" * 40}})


async def test_a_newer_promotion_takes_the_place_of_an_unfinished_one(world: World) -> None:
    await world.workload()
    first, second = await world.release(1), await world.release(2)
    await world.until_runs(second)
    older = await world.promote(first, "production")
    await world.until_phase(older, WAITING_FOR_APPROVAL)
    newer = await world.promote(second, "production")
    await world.until_phase(older, SUPERSEDED)
    await world.until_phase(newer, WAITING_FOR_APPROVAL)


async def test_rollback_is_a_promotion_of_an_earlier_release(world: World) -> None:
    await world.workload()
    first = await world.release(1)
    await world.until_runs(first)
    second = await world.release(2)
    await world.until_runs(second)
    back = await world.promote(first, "staging")
    await world.until_phase(back, SUCCEEDED)
    await world.until_runs(first)
    assert len(await world.promotions()) == 3, "the newest release must not come again by itself"


@pytest.mark.parametrize(
    ("score", "word"),
    [
        pytest.param({"resources": {"q1": {"type": "kafka"}}}, "kafka", id="an unknown type"),
        pytest.param({"containers": {}}, "containers", id="no container"),
    ],
)
async def test_a_score_file_that_cannot_be_delivered_is_named(
    world: World, score: dict[str, object], word: str
) -> None:
    await world.workload()
    await world.release(1, **score)

    async def told() -> bool:
        entry = await world.stage("staging")
        return entry.get("phase") == FAILED and word in entry["message"]

    await world.until(told, "the workload says what is wrong with the Score file")


async def test_a_release_that_does_not_come_up_fails_with_the_reason(world: World) -> None:
    await world.workload()
    first = await world.release(1)
    await world.until_runs(first)
    world.sick["order-service"] = "the process exits with code 1"
    await world.release(2)

    async def failed() -> bool:
        entry = await world.stage("staging")
        return entry.get("phase") == FAILED and "exits with code 1" in entry["message"]

    await world.until(failed, "the promotion fails with the Deployment's reason")


async def test_a_resource_that_a_release_drops_is_not_removed_unasked(world: World) -> None:
    await world.workload()
    await world.until_runs(await world.release(1))
    main = {"image": "."}
    await world.release(2, containers={"main": main}, resources={})

    async def guarded() -> bool:
        return "would remove" in (await world.stage("staging")).get("message", "")

    await world.until(guarded, "the guard speaks up")
    app = await world.here(APPLICATION, "demo-order-service-staging-infra", ARGOCD_NAMESPACE)
    assert app is not None
    assert app["status"]["sync"]["status"] == "OutOfSync"


async def test_a_crash_between_push_and_status_changes_nothing_in_git(world: World) -> None:
    await world.workload()
    await world.until_runs(await world.release())
    head = await world.git.head(DEPLOYMENTS)
    (promotion,) = await world.promotions()
    name = promotion["metadata"]["name"]
    # What a crash leaves: the commit is in Git, and nobody has written it down.
    await world.platform.api.update(PROMOTION, {**promotion, "status": {}}, subresource="status")
    again = await world.until_phase(name, SUCCEEDED)
    assert again["status"]["commit"] == head
    assert await world.git.head(DEPLOYMENTS) == head


async def test_two_environments_of_one_project_do_not_wait_for_each_others_commits(
    world: World,
) -> None:
    await world.workload()
    first = await world.release(1)
    await world.until_runs(first)
    to_production = await world.promote(first, "production")
    await world.decide(to_production, "bob")
    second = await world.release(2)
    await world.until_runs(first, "production")
    await world.until_runs(second, "staging")
