"""Failing: all that goes wrong on an ordinary bad day, beside a service that is well.

A pipeline whose tests fail, a service that ends as soon as it starts, a promotion that was
rejected, a change by hand, a template run that could not do what it was asked for, and an upgrade
of which a part is in conflict.
"""

import asyncio
from pathlib import Path

from tests.platform import PlatformProcess
from tests.scenarios.spine.terminals import KUBECTL
from tests.worlds import upgrading
from tests.worlds.people import (
    PIPELINE_RUN,
    PROJECT,
    PROMOTION,
    Member,
    be_due,
    member,
    until_phases,
)
from towpath.machinery.kinds import towpath_resource

ACTION = towpath_resource("Action", "actions")
ENTITY_KIND = towpath_resource("EntityKind", "entitykinds", namespaced=False)
ROTATE = {
    "title": "Rotate the keys",
    "operation": "DAY-2",
    "target": {"apiVersion": "towpath.dev/v1alpha1", "kind": "Workload"},
    "backend": {"type": "workflow", "workflow": {"repository": "keys", "workflow": "rotate.yaml"}},
}
DATASET = {
    "kind": "Dataset",
    "title": "Data set",
    "schema": {"type": "object", "properties": {"rows": {"type": "integer", "title": "Rows"}}},
}
BROKEN_TEST = """def test_a_price_has_two_decimals() -> None:
    assert f"{12.5}" == "12.50"
"""
TELLING = (
    "/create/demo/worker/versions",
    "/projects/demo/templates/resizer",
    "/projects/demo/actions",
    "/catalog?kind=Dataset",
)
CRASH = """import sys

print("payments: the key of the card processor is not set (CARD_KEY)", file=sys.stderr)
sys.exit(78)
"""


async def fill(platform: PlatformProcess, folder: Path) -> None:
    alice = await member(platform, "alice", folder)
    bob = await member(platform, "bob", folder)
    await alice.new_service("order-service", description="Takes orders and remembers them.")
    await alice.new_service("payments", description="Charges cards, refunds, books.")
    await asyncio.gather(
        _reject(platform, alice, bob),
        _break_the_tests(platform, alice),
        _crash(platform, bob),
        _ask_for_what_there_is(bob),
        upgrading.fill(alice),
        be_due(platform, "2026-01-31"),
        _rotate_in_vain(platform, alice),
    )
    await _change_by_hand(platform)


async def _rotate_in_vain(platform: PlatformProcess, alice: Member) -> None:
    """An action whose workflow has gone; and a kind of which there is nothing."""
    async with platform.client() as api:
        await api.create(ACTION, ACTION.object("rotate-keys", PROJECT, spec=ROTATE))
        await api.create(ENTITY_KIND, ENTITY_KIND.object("dataset", spec=DATASET))
    done = await alice.person.towpath(
        *("action", "run", "rotate-keys", "payments", "--project", PROJECT, "--wait")
    )
    assert done.code != 0, "there is no such repository"


async def _reject(platform: PlatformProcess, alice: Member, bob: Member) -> None:
    reason = ("--reason", "The campaign begins today.")
    await alice.towpath("promote", "order-service", "--to", "production", *reason)
    await until_phases(platform, PROMOTION, "order-service", {"WaitingForApproval": 1})
    await bob.towpath("reject", "order-service", "--comment", "Not on a Friday.")


async def _break_the_tests(platform: PlatformProcess, alice: Member) -> None:
    await alice.push("order-service", "Check prices", {"tests/test_prices.py": BROKEN_TEST})
    await until_phases(platform, PIPELINE_RUN, "order-service", {"Failed": 1})


async def _crash(platform: PlatformProcess, bob: Member) -> None:
    await bob.push("payments", "Ask for the card key at start", {"src/*/__main__.py": CRASH})
    await until_phases(platform, PIPELINE_RUN, "payments", {"Succeeded": 2})


async def _ask_for_what_there_is(bob: Member) -> None:
    done = await bob.person.towpath(
        "new", "python-service", "order-service", "--project", PROJECT, "--wait"
    )
    assert done.code != 0, "the name was taken"


async def _change_by_hand(platform: PlatformProcess) -> None:
    scale = ("scale", "deployment", "order-service", "--replicas=3")
    done = await platform.run(KUBECTL, "--context", "local", "-n", "demo-staging", *scale)
    assert done.code == 0, done.stderr
