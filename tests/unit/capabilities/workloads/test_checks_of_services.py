"""The tab Checks: a built-in tab, of built-in checks, by the hooks that plug-ins use."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.portal import RunningPortal, running_portal

from towpath.capabilities.delivery.workloads.checks import CHECKS
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.hooks.blocks import (
    Block,
    Code,
    Facts,
    Link,
    Moment,
    Named,
    State,
    Table,
    Text,
)
from towpath.hooks.checks import Outcome
from towpath.hooks.pages import Visit
from towpath.hooks.tabs import Service, ServiceTab
from towpath.machinery.errors import NotFound

SERVICE = "/projects/demo/workloads/shop"


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        yield portal


async def make(portal: RunningPortal, **spec: Any) -> None:
    stages = ["staging", "production"]
    spec = {"repository": "shop", "environments": stages, **spec}
    await portal.client.create(WORKLOAD, WORKLOAD.object("shop", "demo", spec=spec))


async def test_it_says_what_is_missing_first_and_what_to_do(portal: RunningPortal) -> None:
    await make(portal, owner="team-a")
    page = await portal.open(f"{SERVICE}/checks")
    assert "1 of 5 checks pass. 3 are unknown." in page.text
    assert page.text.index("Says what it is for") < page.text.index("Has an owner")
    assert "metadata.description of its catalog-info.yaml" in page.text


async def test_a_description_in_the_catalogue_is_one(portal: RunningPortal) -> None:
    await make(portal, owner="team-a")
    metadata = {"name": "shop", "namespace": "demo", "description": "It sells boats."}
    spec = {"type": "service", "lifecycle": "production", "owner": "team-a"}
    descriptor = {"kind": "Component", "metadata": metadata, "spec": spec}
    entity = replace(entity_of(descriptor), workload="shop")
    await portal.records.catalog.ingest("a", [entity], project="demo", version="1")
    page = await portal.open(f"{SERVICE}/checks")
    assert "The catalogue says what it is for." in page.text
    assert "It sells boats." in page.text


async def test_the_tab_is_marked_and_stands_before_the_yaml(portal: RunningPortal) -> None:
    await make(portal)
    page = await portal.open(f"{SERVICE}/checks")
    assert f'<a href="{SERVICE}/checks" aria-current="page">Checks' in page.html
    assert page.text.index("Activity Template Checks YAML") > 0


async def test_a_tab_that_nobody_adds_is_not_found(portal: RunningPortal) -> None:
    await make(portal)
    with pytest.raises(NotFound):
        await portal.open(f"{SERVICE}/nothing")


EVIL = "<script>alert(1)</script>"


async def test_whatever_a_plugin_writes_is_text(portal: RunningPortal) -> None:
    async def show(_: Visit, service: Service) -> list[Block]:
        row = (Named(EVIL, EVIL), State(EVIL), Link(EVIL, "/x?a=<b>"), Moment(EVIL))
        table = Table((EVIL, "B", "C", "D"), [row], title=EVIL)
        return [Text(EVIL), Text(EVIL, tone="bad"), Facts({EVIL: EVIL}), table, Code(EVIL)]

    await make(portal)
    added = ServiceTab("evil.tab", EVIL, show, "evil")
    page = await replace(portal, added=(added,)).open(f"{SERVICE}/evil.tab")
    assert EVIL not in page.html
    assert page.html.count("&lt;script&gt;alert(1)") >= 8
    assert "The plug-in evil brings this tab." in page.text


STAGES = {
    "the newest runs in the last stage": ("b", "b", Outcome.PASSED, "production runs b"),
    "an older one runs there": ("b", "a", Outcome.FAILED, "production runs a; the newest is b."),
    "nothing runs there": ("b", "", Outcome.FAILED, "Nothing runs in production yet"),
    "there is no release": ("", "", Outcome.UNKNOWN, "no release yet"),
}


@pytest.mark.parametrize(("newest", "runs", "outcome", "found"), STAGES.values(), ids=STAGES)
async def test_the_last_stage_runs_the_newest_release_when(
    newest: str, runs: str, outcome: Outcome, found: str
) -> None:
    status = {
        "latestRelease": newest,
        "environments": [{"name": "production", "release": runs, "health": "Healthy"}],
    }
    obj = {"spec": {"environments": ["staging", "production"]}, "status": status}
    check = next(one for one in CHECKS if one.id == "newest-release")
    visit: Any = None
    verdict = await check.run(visit, Service("demo", "shop", obj))
    assert (verdict.outcome, found in verdict.sentence) == (outcome, True)
