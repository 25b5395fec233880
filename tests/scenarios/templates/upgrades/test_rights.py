"""Who may have something merged: whoever may push, in their own name; asked by admission."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support import RunningApi, eventually, running_api_server

from towpath.capabilities.portal.templates.upgrades.kinds import (
    KINDS,
    TEMPLATE_UPGRADE,
    UPGRADE_CAMPAIGN,
)
from towpath.capabilities.portal.templates.upgrades.roles import OBJECTS
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import Forbidden
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM, AccessRequest, UserInfo

PUSHERS = {"alice", "dave"}
COMMIT = "0" * 40


async def authorize(user: UserInfo, question: AccessRequest) -> bool:
    """Everybody may write every object; who may push is another question."""
    if user.name == PLATFORM.name or question.group != "git.towpath.dev":
        return True
    return user.name in PUSHERS and question.namespace == "demo" and question.name != "secret"


@pytest.fixture
async def api() -> AsyncIterator[RunningApi]:
    async with running_api_server(authorize=authorize, kinds=list(KINDS)) as running:
        client = running.client()
        for name in ("demo", SYSTEM_NAMESPACE):
            await client.create(NAMESPACE, NAMESPACE.object(name))
        for obj in OBJECTS:
            resource = await client.resolve(obj["apiVersion"], obj["kind"])
            await client.create(resource, obj)

        async def enforced() -> bool:
            try:
                await create(running, "bob", TEMPLATE_UPGRADE, upgrade("bob"))
            except Forbidden:
                return True
            await client.delete(TEMPLATE_UPGRADE, "orders", "demo")
            return False

        await eventually(enforced)
        yield running


async def create(api: RunningApi, who: str, resource: Resource, obj: RawObject) -> None:
    await api.client(UserInfo(who)).create(resource, obj)


def upgrade(by: str, repository: str = "orders") -> RawObject:
    spec = {"repository": repository, "revision": COMMIT, "requestedBy": by}
    return TEMPLATE_UPGRADE.object("orders", "demo", spec=spec)


def campaign(by: str, namespace: str = "demo") -> RawObject:
    spec = {"template": {"name": "t"}, "revision": COMMIT, "requestedBy": by}
    return UPGRADE_CAMPAIGN.object("all", namespace, spec=spec)


async def change(api: RunningApi, who: str, **spec: Any) -> None:
    client = api.client(UserInfo(who))
    await client.patch(TEMPLATE_UPGRADE, "orders", "demo", {"spec": spec})


async def test_who_may_not_push_may_not_upgrade(api: RunningApi) -> None:
    with pytest.raises(Forbidden, match="bob may not push to orders"):
        await create(api, "bob", TEMPLATE_UPGRADE, upgrade("bob"))
    with pytest.raises(Forbidden, match="alice may not push to secret"):
        await create(api, "alice", TEMPLATE_UPGRADE, upgrade("alice", "secret"))
    await create(api, "alice", TEMPLATE_UPGRADE, upgrade("alice"))
    with pytest.raises(Forbidden, match="bob may not push"):
        await change(api, "bob", mergeWhenGreen=True)


async def test_nobody_asks_or_merges_in_another_s_name(api: RunningApi) -> None:
    with pytest.raises(Forbidden, match=r"spec.requestedBy must be the user who sends"):
        await create(api, "alice", TEMPLATE_UPGRADE, upgrade("dave"))
    await create(api, "alice", TEMPLATE_UPGRADE, upgrade("alice"))
    with pytest.raises(Forbidden, match=r"spec.merge.by must be the user who sends"):
        await change(api, "alice", merge={"commit": COMMIT, "by": "dave"})
    await change(api, "alice", merge={"commit": COMMIT, "by": "alice"})
    # Another one may change what is not a merge, and may not move somebody's merge elsewhere.
    await change(api, "dave", decisions={"a": "Ours"})
    with pytest.raises(Forbidden, match=r"spec.merge.by must be the user who sends"):
        await change(api, "dave", merge={"commit": "1" * 40})


async def test_a_campaign_takes_the_right_to_push_to_the_project(api: RunningApi) -> None:
    with pytest.raises(Forbidden, match="bob may not push to the repositories of demo"):
        await create(api, "bob", UPGRADE_CAMPAIGN, campaign("bob"))
    with pytest.raises(Forbidden, match=r"spec.requestedBy must be the user who sends"):
        await create(api, "alice", UPGRADE_CAMPAIGN, campaign("dave"))
    await create(api, "alice", UPGRADE_CAMPAIGN, campaign("alice"))


async def test_the_platform_asks_for_others(api: RunningApi) -> None:
    await api.client().create(TEMPLATE_UPGRADE, upgrade("alice"))
