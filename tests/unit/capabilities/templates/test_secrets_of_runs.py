"""What a developer's right to make Secrets is good for: a run's own, and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, BOB, CAROL, RunningPortal, running_portal
from tests.support import eventually

from towpath.capabilities.portal.templates.kinds import SECRETS_OF_RUN, TEMPLATE_RUN
from towpath.capabilities.portal.templates.secrets import secret_for, secrets_name
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import Forbidden
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

TOKEN_OF_ACCOUNT = "kubernetes.io/service-account-token"


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    """As soon as the rule holds; a policy counts a moment after it was made."""
    async with running_portal(tmp_path) as portal:

        async def enforced() -> bool:
            try:
                await make(portal, BOB, SECRET.object("probe", "demo"))
            except Forbidden:
                return True
            await portal.client.delete(SECRET, "probe", "demo")
            return False

        await eventually(enforced)
        yield portal


async def make(portal: RunningPortal, who: UserInfo, secret: RawObject) -> RawObject:
    return await portal.front.client(who).create(SECRET, secret)


def labelled(name: str, run: str) -> RawObject:
    secret = SECRET.object(name, "demo")
    secret["metadata"]["labels"] = {SECRETS_OF_RUN: run}
    return secret


async def test_developers_make_the_secret_of_their_run(portal: RunningPortal) -> None:
    spec = {
        "template": {"name": "draft"},
        "requestedBy": BOB.name,
        "secretsFrom": secrets_name("shop"),
    }
    run = await portal.front.client(BOB).create(
        TEMPLATE_RUN, TEMPLATE_RUN.object("shop", "demo", spec=spec)
    )
    made = await make(portal, BOB, secret_for(run, {"token": "hush"}))
    assert made["metadata"]["name"] == "shop.templaterun"
    with pytest.raises(Forbidden):
        await portal.front.client(BOB).get(SECRET, "shop.templaterun", "demo")


@pytest.mark.parametrize(
    ("name", "run"),
    [("shop-database", "shop"), ("pipeline-secrets", "pipeline"), ("b.templaterun", "a")],
    ids=["a database's", "that of pipelines", "that of another run"],
)
async def test_developers_make_no_secret_that_another_part_reads(
    portal: RunningPortal, name: str, run: str
) -> None:
    with pytest.raises(Forbidden, match=rf"label it {SECRETS_OF_RUN}=RUN and call it RUN"):
        await make(portal, BOB, labelled(name, run))


async def test_developers_get_no_token_of_a_service_account(portal: RunningPortal) -> None:
    secret = labelled(secrets_name("shop"), "shop")
    secret["type"] = TOKEN_OF_ACCOUNT
    secret["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "default"}
    with pytest.raises(Forbidden, match="make it Opaque"):
        await make(portal, BOB, secret)


async def test_owners_make_any_and_viewers_none(portal: RunningPortal) -> None:
    await make(portal, ALICE, SECRET.object("pipeline-secrets", "demo"))
    with pytest.raises(Forbidden):
        await make(portal, CAROL, labelled(secrets_name("shop"), "shop"))
