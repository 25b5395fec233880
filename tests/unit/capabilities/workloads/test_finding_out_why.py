"""What a service's pages say when something went wrong, comes next, or was changed past Git."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.portal import ALICE, BOB, CAROL, RunningPortal, running_portal

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN, log_stream
from towpath.capabilities.delivery.promotions.kinds import DEPLOYMENTS, PROMOTION
from towpath.capabilities.delivery.promotions.kinds import log_stream as promotion_log
from towpath.capabilities.delivery.workloads.kinds import RELEASE, SYNC_ANNOTATION, WORKLOAD
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, RawObject

SERVICE = "/projects/demo/workloads/shop"
PROMOTE = "/projects/demo/promote/shop"
SOURCE = RepositoryName("demo", "shop")
AUTHOR = Signature("alice", "alice@example.com")
EVIL = "<script>alert(1)</script>"
IMAGE = f"registry.towpath.dev/demo/shop@sha256:{'0' * 64}"


def score(memory: str = "128Mi") -> RawObject:
    limits = {"limits": {"memory": memory}}
    return {
        "apiVersion": "score.dev/v1b1",
        "metadata": {"name": "shop"},
        "containers": {"main": {"image": ".", "resources": limits}},
    }


class Shop:
    """A service with two commits, each a release."""

    def __init__(self, portal: RunningPortal) -> None:
        self.portal = portal
        self.commits: list[CommitSHA] = []

    @property
    def releases(self) -> list[str]:
        return [f"shop-{commit[:8]}" for commit in self.commits]

    async def make(self) -> None:
        client, git = self.portal.client, self.portal.git
        for name, order, required in (("staging", 10, 0), ("production", 20, 1)):
            spec = {"cluster": "local", "order": order, "approvals": {"required": required}}
            await client.create(ENVIRONMENT, ENVIRONMENT.object(name, "demo", spec=spec))
        spec = {"repository": "shop", "environments": ["staging", "production"]}
        await client.create(WORKLOAD, WORKLOAD.object("shop", "demo", spec=spec))
        await git.create(SOURCE, owner_uid="a")
        await git.create(RepositoryName("demo", DEPLOYMENTS), owner_uid="b", protected=True)
        for text, memory in (("one", "128Mi"), ("two", "256Mi")):
            commit = await git.write(
                SOURCE,
                {"price.txt": File(f"{text}\n".encode())},
                message=f"Price {text} {EVIL}\n\nBecause.\n",
                author=AUTHOR,
                expected=self.commits[-1] if self.commits else None,
            )
            self.commits.append(commit)
            release = {"workload": "shop", "image": IMAGE, "commit": commit, "score": score(memory)}
            name = f"shop-{commit[:8]}"
            await client.create(RELEASE, RELEASE.object(name, "demo", spec=release))

    async def runs(self, **stages: dict[str, Any]) -> None:
        client = self.portal.client
        workload = await client.get(WORKLOAD, "shop", "demo")
        entries = [
            {"name": name, "health": "Healthy", "sync": "Synced", **stage}
            for name, stage in stages.items()
        ]
        workload["status"] = {"latestRelease": self.releases[-1], "environments": entries}
        await client.update(WORKLOAD, workload, subresource="status")

    def stage(self, number: int, **more: Any) -> dict[str, Any]:
        return {"release": self.releases[number], "commit": self.commits[number], **more}

    async def promotion(self, name: str, release: str, **status: Any) -> RawObject:
        spec = {
            "workload": "shop",
            "environment": "staging",
            "release": release,
            "requestedBy": "alice",
        }
        client = self.portal.client
        made = await self.portal.front.client(ALICE).create(
            PROMOTION, PROMOTION.object(name, "demo", spec=spec)
        )
        return await client.update(PROMOTION, {**made, "status": status}, subresource="status")

    async def log(self, stream: str, *lines: str) -> None:
        self.portal.records.logs.append(stream, lines)
        await self.portal.records.logs.settled()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with running_portal(tmp_path) as portal:
        shop = Shop(portal)
        await shop.make()
        yield shop


async def test_a_lane_tells_its_commit_and_how_many_would_come(shop: Shop) -> None:
    await shop.runs(staging=shop.stage(1), production=shop.stage(0))
    page = await shop.portal.open(SERVICE)
    assert f"Price one {EVIL}" in page.text
    assert f"1 commit would come with {shop.releases[1]} : Price two {EVIL}" in page.text
    assert EVIL not in page.html
    assert f"/commits/{shop.commits[0]}" in page.html


async def test_before_a_promotion_its_commits_and_manifests_are_shown(shop: Shop) -> None:
    await shop.runs(staging=shop.stage(0))
    query = f"?environment=staging&release={shop.releases[1]}"
    page = await shop.portal.open(PROMOTE + query, user=BOB)
    assert f"Promote {shop.releases[1]} to staging" in page.text
    assert f"Price two {EVIL}" in page.text
    assert "workload/deployment.yaml" in page.text
    assert "memory: 256Mi" in page.html
    assert EVIL not in page.html
    assert f"takes the place of {shop.releases[0]} in staging" in page.text
    assert "What runs now goes on" in page.text


async def test_where_nothing_runs_the_first_one_is_told_so(shop: Shop) -> None:
    await shop.runs(staging=shop.stage(0))
    query = f"?environment=production&release={shop.releases[0]}"
    page = await shop.portal.open(PROMOTE + query)
    assert f"{shop.releases[0]} is the first to run in production" in page.text
    assert "What runs now" not in page.text


async def test_a_release_that_cannot_be_rendered_says_so_beforehand(shop: Shop) -> None:
    commit = "f" * 40
    broken = {**score(), "resources": {"db": {"type": "oracle"}}}
    spec = {"workload": "shop", "image": IMAGE, "commit": commit, "score": broken}
    await shop.portal.client.create(RELEASE, RELEASE.object("shop-ffffffff", "demo", spec=spec))
    page = await shop.portal.open(f"{PROMOTE}?environment=staging&release=shop-ffffffff")
    assert "unknown resource type 'oracle'" in page.text


async def test_going_back_shows_what_is_taken_back(shop: Shop) -> None:
    await shop.runs(staging=shop.stage(1))
    query = f"?rollback=yes&environment=staging&release={shop.releases[0]}"
    page = await shop.portal.open(PROMOTE + query)
    assert f"Roll back staging to {shop.releases[0]}" in page.text
    assert "These are taken back:" in page.text


async def test_a_failed_promotion_shows_the_programs_last_words_everywhere(shop: Shop) -> None:
    why = "Pod shop-1: Container main ends with exit code 3, again and again."
    message = f"{shop.releases[1]} to staging failed: {why}"
    await shop.runs(staging=shop.stage(0, phase="Failed", message=message))
    await shop.promotion("one", shop.releases[1], phase="Failed", message=message, commit="a" * 40)
    words = f"KeyError: {EVIL}"
    await shop.log(
        promotion_log("demo", "one", "sync"),
        "Pod shop-1: It is starting.",
        "The last lines of shop-1, container main:",
        words,
        message,
    )
    for address in (SERVICE, "/projects/demo/promotions/one"):
        page = await shop.portal.open(address)
        assert why in page.text
        assert words in page.text
        assert EVIL not in page.html
    again = await shop.portal.post("/projects/demo/promotions/one", {"action": "again"}, user=BOB)
    name = again.leads_to.rpartition("/")[2]
    made = await shop.portal.client.get(PROMOTION, name, "demo")
    assert (made["spec"]["release"], made["spec"]["requestedBy"]) == (shop.releases[1], "bob")


async def test_what_does_not_come_up_is_told_while_it_is_tried(shop: Shop) -> None:
    why = "Its last lines say why."
    message = f"{why} Correct it and push."
    sick = {"type": "Synced", "status": "False", "reason": "Unhealthy", "message": message}
    sick["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    await shop.runs(staging=shop.stage(0))
    await shop.promotion(
        "one", shop.releases[1], phase="Syncing", message=message, conditions=[sick]
    )
    page = await shop.portal.open(SERVICE)
    assert f"{shop.releases[1]} does not come up in staging" in page.text
    # One piece of advice, not two.
    assert f"{why} What to do Push a correction, or wait: it is given a few minutes" in page.text
    assert "Correct it and push." not in page.text


async def test_the_step_that_failed_a_pipeline_is_named_with_its_end(shop: Shop) -> None:
    spec = {
        "repository": "shop",
        "ref": "refs/heads/main",
        "commit": shop.commits[1],
        "workflow": ".github/workflows/ci.yaml",
    }
    run = PIPELINE_RUN.object("r", "demo", spec=spec)
    run["metadata"]["labels"] = {"towpath.dev/repository": "shop"}
    made = await shop.portal.client.create(PIPELINE_RUN, run)
    steps = [
        {"number": 1, "name": "Build", "phase": "Succeeded"},
        {"number": 2, "name": "Test", "phase": "Failed", "exitCode": 1},
    ]
    job = {"id": "ci", "job": "ci", "name": "CI", "phase": "Failed", "steps": steps}
    status = {"phase": "Failed", "jobs": [job]}
    await shop.portal.client.update(PIPELINE_RUN, {**made, "status": status}, subresource="status")
    await shop.log(log_stream("demo", "r", "ci", 2), "\x1b[31mthe price of three\x1b[0m")
    for address in (SERVICE, "/projects/demo/pipelines/r"):
        page = await shop.portal.open(address)
        assert "Step 'Test' of job 'CI' failed" in page.text
        assert '<span class="ansi-1">the price of three</span>' in page.html


async def test_drift_is_told_with_both_values_and_can_be_accepted(shop: Shop) -> None:
    values = [
        {"path": "spec.replicas", "git": "1", "live": "3"},
        {"path": "spec.template.spec.containers[0].image", "git": '"a"', "live": '"b"'},
    ]
    drift = {
        "resource": "Deployment shop",
        "kind": "Deployment",
        "name": "shop",
        "change": "modified",
        "fields": ["spec.replicas"],
        "values": values,
        "by": EVIL,
        "at": "2026-01-01T00:00:00Z",
        "healed": True,
    }
    await shop.runs(staging=shop.stage(1, drift=drift))
    page = await shop.portal.open(f"{SERVICE}/resources?environment=staging")
    assert "spec.replicas 1 3 Accept" in page.text
    assert "say it in score.yaml" in page.text
    assert EVIL not in page.html
    changes = '[{"kind": "Deployment", "name": "shop", "path": "spec.replicas", "value": "3"}]'
    form = {"environment": "staging", "release": shop.releases[1], "then": "promotion"}
    accepted = await shop.portal.post(PROMOTE, {**form, "changes": changes}, user=BOB)
    name = accepted.leads_to.rpartition("/")[2]
    made = await shop.portal.client.get(PROMOTION, name, "demo")
    assert made["spec"]["changes"][0]["value"] == "3"
    refused = await shop.portal.post(PROMOTE, {**form, "changes": "{"}, user=BOB)
    assert (refused.status, "changes is no JSON" in refused.text) == (400, True)


async def test_a_member_asks_for_git_to_be_brought_to_the_cluster(shop: Shop) -> None:
    await shop.runs(staging=shop.stage(1))
    address = f"{SERVICE}/resources"
    asked = await shop.portal.post(address, {"environment": "staging"}, user=BOB)
    assert asked.status == 303
    workload = await shop.portal.client.get(WORKLOAD, "shop", "demo")
    assert workload["metadata"]["annotations"][SYNC_ANNOTATION] == "staging"
    elsewhere = await shop.portal.post(address, {"environment": "moon"}, user=BOB)
    assert elsewhere.status == 422
    refused = await shop.portal.post(address, {"environment": "staging"}, user=CAROL)
    assert refused.status == 403


async def test_two_releases_are_compared(shop: Shop) -> None:
    # Of releases of one second nobody can tell which is the newer one.
    old, new = shop.releases
    page = await shop.portal.open(f"{SERVICE}/compare?from={old}&to={new}")
    assert f"Price two {EVIL}" in page.text
    assert "memory: 256Mi" in page.html
    assert "-one +two" in page.text
    assert EVIL not in page.html
    with pytest.raises(NotFound):
        await shop.portal.open(f"{SERVICE}/compare?from=nothing")


async def test_a_commit_has_a_page(shop: Shop) -> None:
    page = await shop.portal.open(f"{SERVICE}/commits/{shop.commits[1]}")
    assert "Because." in page.text
    assert "+two" in page.text
    assert shop.releases[1] in page.text
    assert EVIL not in page.html
    for sha in ("0" * 40, "main", "..%2f"):
        with pytest.raises(NotFound):
            await shop.portal.open(f"{SERVICE}/commits/{sha}")


async def test_a_stranger_to_the_repository_sees_no_commits(shop: Shop) -> None:
    await shop.runs(staging=shop.stage(1))
    stranger = type(ALICE)("mallory", ("system:authenticated",))
    git = shop.portal.git
    assert await git.head(SOURCE) == shop.commits[1]
    page = await shop.portal.open(SERVICE, user=CAROL)
    assert "Price two" in page.text
    with pytest.raises(Exception, match="mallory"):
        await shop.portal.open(SERVICE, user=stranger)


async def test_history_is_of_one_environment_and_leads_back(shop: Shop) -> None:
    await shop.runs(staging=shop.stage(1))
    time = "2026-01-01T00:00:00Z"
    await shop.promotion(
        "old", shop.releases[0], phase="Succeeded", committedAt=time, finishedAt=time
    )
    page = await shop.portal.open(f"{SERVICE}/deployments?environment=staging")
    assert "Go back to this" in page.text
    other = await shop.portal.open(f"{SERVICE}/deployments?environment=production")
    assert "Nothing has been promoted yet" in other.text
    with pytest.raises(NotFound):
        await shop.portal.open(f"{SERVICE}/deployments?environment=moon")
