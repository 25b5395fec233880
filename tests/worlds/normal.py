"""Normal: three services that are well, one ahead in staging, one promotion that waits."""

import asyncio
from pathlib import Path

from tests.platform import PlatformProcess
from tests.worlds.people import PIPELINE_RUN, PROMOTION, be_due, member, until_phases

NOTES = "# Orders\n\nWhat a customer has ordered, from the basket to the door.\n"


async def fill(platform: PlatformProcess, folder: Path) -> None:
    alice = await member(platform, "alice", folder)
    bob = await member(platform, "bob", folder)
    await alice.new_service("order-service", description="Takes orders and remembers them.")
    await be_due(platform, "2099-01-31")
    await asyncio.gather(
        alice.new_service("payments", description="Charges cards, refunds, books.", owner="team-a"),
        bob.new_service("catalogue-web", description="Shows what can be bought."),
    )
    reason = ("--reason", "The winter sale begins on Monday.")
    await alice.towpath("promote", "order-service", "--to", "production", *reason)
    await bob.towpath("approve", "order-service", "--wait")
    await alice.push("order-service", "Say what orders are", {"docs/index.md": NOTES})
    await until_phases(platform, PIPELINE_RUN, "order-service", {"Succeeded": 2})
    await until_phases(platform, PROMOTION, "order-service", {"Succeeded": 3})
    await bob.towpath("promote", "payments", "--to", "production", "--reason", "Ready since Friday")
    await until_phases(platform, PROMOTION, "payments", {"WaitingForApproval": 1})
