"""Scorecards on a whole platform: judged by its controllers, with the rights of a viewer, followed
by an initiative, and seen in the terminal.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from tests.platform import PlatformProcess, running_platform_process
from tests.support import eventually

from towpath.capabilities.portal.scorecards.kinds import INITIATIVE, SCORECARD
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.objects import RawObject

SYSTEM = "towpath-system"
PEOPLE: RawObject = {
    "title": "People",
    "appliesTo": {"kind": "User"},
    "resources": [{"name": "stages", "apiVersion": "towpath.dev/v1alpha1", "kind": "Environment"}],
    "levels": [{"name": "Member"}],
    "rules": [
        {
            "id": "in-team-a",
            "title": "Is in team-a",
            "level": "Member",
            "expression": "relations.exists(r, r.targetRef == 'group:default/team-a')",
        }
    ],
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PlatformProcess]:
    folder: Path = tmp_path_factory.mktemp("scorecards")
    async with running_platform_process(folder) as platform:
        yield platform


async def ready(api: KubernetesClient, name: str) -> str:
    found = await api.get(SCORECARD, name, SYSTEM)
    conditions = (found.get("status") or {}).get("conditions") or [{}]
    return str(conditions[0].get("reason", ""))


async def test_entities_are_judged_counted_and_forgotten(platform: PlatformProcess) -> None:
    async with platform.client() as api:
        await api.create(SCORECARD, SCORECARD.object("people", SYSTEM, spec=PEOPLE))

        async def counted() -> bool:
            told = await platform.towpath("scorecard", "list", "--project", "demo")
            return bool(re.search(r"[1-9]\d* Member, [1-9]\d* with no level", told.stdout))

        await eventually(counted)
        spec = {"title": "All", "scorecard": "people", "level": "Member", "due": "2099-01-01"}
        await api.create(INITIATIVE, INITIATIVE.object("all", SYSTEM, spec=spec))

        async def followed() -> bool:
            status = (await api.get(INITIATIVE, "all", SYSTEM)).get("status") or {}
            return status.get("phase") == "Open"

        await eventually(followed)
        # Everybody may read these, and none what all projects have.
        for resource, name in ((SCORECARD, "people"), (INITIATIVE, "all")):
            status = (await api.get(resource, name, SYSTEM))["status"]
            assert not {"entities", "levels", "total", "done"} & status.keys()
        told = await platform.towpath(
            *("scorecard", "show", "people", "--project", "demo", "-o", "json")
        )
        scores = {one["entity"]: one for one in orjson.loads(told.stdout)["items"]}
        assert scores["user:default/alice"]["level"] == "Member"
        assert scores["user:default/carol"]["rules"][0]["outcome"] == "Failed"
        await api.delete(SCORECARD, "people", SYSTEM)

        async def forgotten() -> bool:
            again = await platform.towpath("get", "initiatives", "-n", SYSTEM, "-o", "json")
            (initiative,) = orjson.loads(again.stdout)["items"]
            reasons = {one["reason"] for one in initiative["status"]["conditions"]}
            return "ScorecardNotFound" in reasons

        await eventually(forgotten)
        await api.delete(INITIATIVE, "all", SYSTEM)


async def test_an_expression_that_does_not_compile_is_named(
    platform: PlatformProcess,
) -> None:
    rules = [{**PEOPLE["rules"][0], "expression": "entity.("}]
    async with platform.client() as api:
        spec = {**PEOPLE, "rules": rules}
        await api.create(SCORECARD, SCORECARD.object("broken", SYSTEM, spec=spec))

        async def told() -> bool:
            return await ready(api, "broken") == "ExpressionInvalid"

        await eventually(told)
        await api.delete(SCORECARD, "broken", SYSTEM)
