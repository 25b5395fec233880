"""What no crowd can make up: a service with repository, docs, API and source, and a campaign.

Made by the commands that people use, in the project that the crowd leaves alone.
"""

from pathlib import Path

from tests.platform import PlatformProcess
from tests.support import eventually
from tests.worlds import upgrading
from tests.worlds.people import PROJECT, Member, member

from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.machinery.conditions import is_true

SERVICE = "order-service"
INSTANCE = "mailer"
SOURCE = "shared"
READ_DEADLINE_S = 60.0

_DESCRIPTOR = """\
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: shop, description: Everything that sells.}
spec: {owner: team-a}
"""
_SOURCE = f"""\
apiVersion: towpath.dev/v1alpha1
kind: CatalogSource
metadata: {{name: {SOURCE}, namespace: {PROJECT}}}
spec: {{type: git, repository: {SERVICE}, path: systems.yaml}}
"""


async def make(platform: PlatformProcess, folder: Path) -> None:
    alice = await member(platform, "alice", folder)
    await alice.new_service(SERVICE)
    await alice.push(SERVICE, "Say what it is part of", {"systems.yaml": _DESCRIPTOR})
    await _read_source(alice, folder)
    await upgrading.fill(alice)


async def _read_source(alice: Member, folder: Path) -> None:
    file = folder / "source.yaml"
    file.write_text(_SOURCE)
    await alice.towpath("apply", "--file", str(file))
    async with alice.platform.client() as api:

        async def is_read() -> bool:
            return is_true(await api.get(CATALOG_SOURCE, SOURCE, PROJECT), "Ready")

        await eventually(is_read, deadline_s=READ_DEADLINE_S, every_s=0.2)


__all__ = ["INSTANCE", "PROJECT", "SERVICE", "SOURCE", "make"]
