"""Normal: three services that are well, one ahead in staging, one promotion that waits."""

import asyncio
from pathlib import Path

from tests.platform import PlatformProcess
from tests.worlds.people import PIPELINE_RUN, PROMOTION, be_due, member, until_phases

ACTION = """\
apiVersion: towpath.dev/v1alpha1
kind: Action
metadata: {name: hand-over, namespace: demo}
spec:
  title: Hand over
  description: Gives the service to another team, when somebody of the project agrees.
  operation: DAY-2
  target: {apiVersion: towpath.dev/v1alpha1, kind: Workload}
  userInputs:
    properties:
      owner: {type: string, title: New owner, default: "${object.spec.owner}"}
    required: [owner]
  approval: {required: 1, expiresAfter: 720h}
  backend: {type: object, object: {operation: patch, patch: {spec: {owner: "${inputs.owner}"}}}}
"""

DATASET = """\
apiVersion: towpath.dev/v1alpha1
kind: EntityKind
metadata: {name: dataset}
spec:
  kind: Dataset
  title: Data set
  description: A table that others build on.
  schema: {type: object, required: [rows], properties: {rows: {type: integer, title: Rows}}}
"""

NOTES = "# Orders\n\nWhat a customer has ordered, from the basket to the door.\n"


async def fill(platform: PlatformProcess, folder: Path) -> None:
    (folder / "dataset.yaml").write_text(DATASET)
    await platform.towpath("apply", "--file", str(folder / "dataset.yaml"))
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
    (folder / "action.yaml").write_text(ACTION)
    await alice.towpath("apply", "--file", str(folder / "action.yaml"))
    rename = ("--set", "owner=team-a", "--reason", "It moved to another team.")
    await bob.towpath("action", "run", "hand-over", "payments", *rename)
    await alice.towpath("lease", "extend", "workload", "catalogue-web", "--for", "30d")
