"""The whole way, as people go it: a golden path gets a newer version, and a running service has it.

On a platform of its own: the golden paths of one that others use must stay as they are.
"""

from pathlib import Path

import pytest
from tests.platform import running_platform_process
from tests.scenarios.spine.estate import Estate
from tests.support import eventually
from tests.worlds.people import PIPELINE_RUN, PROJECT, member, until_phases

from towpath.capabilities.delivery.workloads.kinds import RELEASE
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.upgrades.kinds import (
    TEMPLATE_INSTANCE,
    TEMPLATE_UPGRADE,
    UPGRADE_CAMPAIGN,
)
from towpath.hooks.platform import SYSTEM_NAMESPACE

pytestmark = pytest.mark.slow

PATH = "static-site"
README = "static-site/skeleton/README.md.njk"
DEADLINE_S = 60.0


async def test_a_newer_golden_path_reaches_a_running_service_checked_and_released(
    tmp_path: Path,
) -> None:
    async with running_platform_process(tmp_path / "data", "--demo") as platform:
        estate = Estate(platform)
        alice = await member(platform, "alice", tmp_path)
        await alice.towpath("new", PATH, "pier", "--project", PROJECT, "--wait")
        await alice.push("pier", "A word of our own", {"OWN.md": "Ours.\n"})
        await until_phases(platform, PIPELINE_RUN, "pier", {"Succeeded": 2})

        text = await _skeleton(estate, tmp_path)
        newer = await estate.push("towpath/golden-paths", {README: text}, tmp_path)
        async with platform.client() as client:
            source = {"spec": {"source": {"revision": newer}}}
            await client.patch(SOFTWARE_TEMPLATE, PATH, SYSTEM_NAMESPACE, source)

            async def behind() -> bool:
                found = await client.get(TEMPLATE_INSTANCE, "pier", PROJECT)
                return bool((found.get("status") or {}).get("behind"))

            await eventually(behind, deadline_s=DEADLINE_S, every_s=0.1)
            listed = await alice.towpath("template", "behind", PATH)
            assert "demo/pier" in listed.stdout

            wanted = ("template", "upgrade", PATH, "--all", "--project", PROJECT, "--merge")
            done = await alice.towpath(*wanted, "--wait", "--timeout", "50")
            assert "demo/pier" in done.stdout

            (campaign,) = (await client.list(UPGRADE_CAMPAIGN, PROJECT)).items
            assert campaign["status"]["phase"] == "Done", campaign["status"]
            (upgrade,) = (await client.list(TEMPLATE_UPGRADE, PROJECT)).items
            status = upgrade["status"]
            assert status["phase"] == "Merged"
            assert [check["phase"] for check in status["checks"]] == ["Succeeded"]
            assert [check["phase"] for check in status["after"]] == ["Succeeded"]
            runs = (await client.list(PIPELINE_RUN, PROJECT)).items
            (proposed,) = [one for one in runs if one["spec"]["event"] == "pull_request"]
            released = {
                one["spec"]["commit"] for one in (await client.list(RELEASE, PROJECT)).items
            }
            assert status["merged"] in released
            assert proposed["spec"]["commit"] not in released, "what is proposed releases nothing"

        await alice.git("-C", str(alice.person.home / "src" / "pier"), "pull", "-q")
        clone = alice.person.home / "src" / "pier"
        assert "Written by the newer path." in (clone / "README.md").read_text()
        assert (clone / "OWN.md").read_text() == "Ours.\n"


async def _skeleton(estate: Estate, folder: Path) -> str:
    """The skeleton's README as it is, and a line more."""
    clone = folder / "paths"
    await estate.git(
        "clone", "-q", estate.repository("towpath/golden-paths"), str(clone), cwd=folder
    )
    return (clone / README).read_text() + "\nWritten by the newer path.\n"
