"""A CatalogEdit of what is described on another Git host is proposed there."""

import asyncio
from pathlib import Path
from typing import Any

from tests.followed import follow
from tests.git_hosts import git_host
from tests.git_there import REPOSITORY
from tests.scenarios.catalog.test_catalogue import edited
from tests.scenarios.catalog.test_sources import make
from tests.scenarios.catalog.world import DESCRIPTOR, World
from tests.served import served
from tests.support import eventually

from towpath.capabilities.portal.remotes.controllers import controllers
from towpath.capabilities.portal.remotes.kinds import REMOTE_REPOSITORY

REF = "component:demo/orders"


async def test_another_owner_is_proposed_where_the_entity_is_described(
    world: World, tmp_path: Path
) -> None:
    host = git_host("gitea", tmp_path)
    host.make(REPOSITORY)
    host.commit(REPOSITORY, {"catalog-info.yaml": DESCRIPTOR, "openapi.yaml": "x: 1\n"})
    api = world.platform.api
    async with served(host) as url, world.running():
        host.url = url
        tasks = [asyncio.create_task(one.run()) for one in controllers(world.platform)]
        await follow(api, host, "demo", "there")

        async def is_here() -> bool:
            found = await api.get(REMOTE_REPOSITORY, "there", "demo")
            return bool((found.get("status") or {}).get("head"))

        await eventually(is_here)
        await make(world, "there", type="git", repository="there")
        await world.becomes(REF, bool)
        made = await edited(world, "fix", entity=REF, owner="group:default/team-b", reason="Gone")
        (pull,) = host.pulls
        assert made["pullRequest"] == f"{url}/acme/shop/pulls/1"
        assert (pull.title, pull.body) == ("orders is owned by team-b", "Gone")
        assert "owner: group:default/team-b" in _text(host, pull.branch)
        assert "owner: group:default/team-b" not in _text(host, "main").split("---")[0]
        host.merge(pull)
        await world.becomes(REF, lambda one: "team-b" in str(one))
        refused = await edited(world, "again", entity=REF, owner="group:default/team-b")
        assert "says so already" in str(refused)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _text(host: Any, branch: str) -> str:
    return str(host.files(REPOSITORY, branch)["catalog-info.yaml"])
