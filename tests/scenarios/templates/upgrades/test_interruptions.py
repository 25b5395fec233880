"""What is interrupted after Git has changed, and before the status says so, goes on from there."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.scenarios.templates.conftest import PROJECT_NAME, World
from tests.scenarios.templates.upgrades.conftest import V1, V2, Upgrading

from towpath.capabilities.portal.templates.upgrades.kinds import MERGED, READY
from towpath.engines.git.port import RepositoryName

ORDERS = RepositoryName(PROJECT_NAME, "orders")
BRANCH = "refs/heads/towpath/upgrade-service"
WRITES = ("snapshot", "merge", "commit_tree", "move")
WRITES_OF_AN_UPGRADE = 8
"""Two snapshots, a merge, a commit, the branch; then a commit, main, and the branch goes."""


class Interrupted:
    """A Git host that does what it is asked for, and then fails, once."""

    def __init__(self, git: Any, after: int) -> None:
        self._git = git
        self._left = after
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._git, name)
        return self._counted(found) if name in WRITES else found

    def _counted(self, write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counted(*arguments: Any, **named: Any) -> Any:
            answer = await write(*arguments, **named)
            self.writes += 1
            self._left -= 1
            if self._left == 0:
                raise OSError("the power went")
            return answer

        return counted


@pytest.mark.parametrize("after", range(1, WRITES_OF_AN_UPGRADE + 1))
async def test_an_upgrade_goes_on_after_each_of_its_writes(world: World, after: int) -> None:
    calm = Upgrading(world)
    async with calm.running():
        await calm.offer(V1)
        await calm.make("orders")
        second = await calm.offer(V2)
    git = Interrupted(world.platform.git, after)
    world.platform = replace(world.platform, git=git)  # type: ignore[arg-type]
    rough = Upgrading(world)
    async with rough.running():
        await rough.upgrade("orders", second)
        upgrade = await rough.upgraded("orders", READY)
        await rough.change("orders", merge={"commit": upgrade["status"]["head"], "by": "alice"})
        merged = await rough.upgraded("orders", MERGED)
    main = await rough.head("orders")
    assert merged["status"]["merged"] == main
    assert await rough.head("orders", BRANCH) is None
    history = await rough.git.history(ORDERS, main)
    subjects = [commit.message.splitlines()[0].partition(" of ")[0] for commit in history]
    assert sorted(subjects) == sorted(
        ["Initial commit", "Upgrade to the newer version", "Merge the upgrade"]
    ), "nothing is done twice"
    assert (await rough.files("orders"))["new.txt"] == "new in orders\n"
    assert git.writes >= WRITES_OF_AN_UPGRADE
