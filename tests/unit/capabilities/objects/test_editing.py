"""Editing YAML in the portal: tried first, as the visitor, and only what was changed is claimed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.portal import BOB, CAROL, RunningPortal, running_portal

from towpath.capabilities.portal.objects.narrowing import claims, editable, left_out, owned_by
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.documents import dump_document
from towpath.machinery.objects import RawObject

PAGE = "/objects/platform/core/v1/configmaps/demo/settings"
EDIT = f"{PAGE}/edit"


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        made = CONFIG_MAP.object("settings", "demo", data={"colour": "blue", "size": "small"})
        await portal.client.apply(CONFIG_MAP, made, manager="argocd-controller")
        yield portal


async def form(portal: RunningPortal, action: str, **data: str | None) -> dict[str, str]:
    """What the page would post after these changes of the data; None takes a key out."""
    live = await portal.client.get(CONFIG_MAP, "settings", "demo")
    edited = editable(live)
    kept = {**edited["data"], **data}
    edited["data"] = {key: value for key, value in kept.items() if value is not None}
    return {
        "yaml": dump_document(edited),
        "action": action,
        "version": live["metadata"]["resourceVersion"],
    }


async def data_of(portal: RunningPortal) -> dict[str, str]:
    found: dict[str, str] = (await portal.client.get(CONFIG_MAP, "settings", "demo"))["data"]
    return found


async def test_trying_shows_the_change_and_makes_none(portal: RunningPortal) -> None:
    page = await portal.post(EDIT, await form(portal, "try", shape="round"), user=BOB)
    assert "What would change" in page.text
    assert "shape" in page.text
    assert "shape" not in await data_of(portal)


async def test_applying_changes_it_and_claims_only_that(portal: RunningPortal) -> None:
    done = await portal.post(EDIT, await form(portal, "apply", shape="round"), user=BOB)
    assert done.leads_to == PAGE
    assert (await data_of(portal))["shape"] == "round"
    live = await portal.client.get(CONFIG_MAP, "settings", "demo")
    assert owned_by(live, "towpath-portal") == {"f:data": {"f:shape": {}}}


async def test_what_the_portal_added_it_can_take_away(portal: RunningPortal) -> None:
    await portal.post(EDIT, await form(portal, "apply", shape="round", note="x"), user=BOB)
    await portal.post(EDIT, await form(portal, "apply", shape=None), user=BOB)
    assert await data_of(portal) == {"colour": "blue", "size": "small", "note": "x"}


async def test_a_conflict_is_shown_and_can_be_overruled(portal: RunningPortal) -> None:
    posted = await form(portal, "apply", colour="red")
    page = await portal.post(EDIT, posted, user=BOB)
    assert page.status == 409
    assert "data.colour" in page.text
    assert "argocd-controller" in page.text
    assert (await data_of(portal))["colour"] == "blue"
    assert (await portal.post(EDIT, {**posted, "force": "true"}, user=BOB)).leads_to == PAGE
    assert (await data_of(portal))["colour"] == "red"


async def test_what_others_set_stays_and_that_is_said(portal: RunningPortal) -> None:
    page = await portal.post(EDIT, await form(portal, "try", size=None), user=BOB)
    assert "data.size: you left that out, and it stays" in page.text


async def test_what_was_changed_meanwhile_is_tried_again(portal: RunningPortal) -> None:
    posted = await form(portal, "apply", shape="round")
    await portal.client.patch(CONFIG_MAP, "settings", "demo", {"data": {"size": "large"}})
    page = await portal.post(EDIT, posted, user=BOB)
    assert "Somebody changed it while you edited" in page.text
    assert "shape" not in await data_of(portal)


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("a: [", "line"),
        ("- 1", "not an object"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: demo}", "must stay"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: demo}\nnope: 1",
            "nope",
        ),
    ],
    ids=["not YAML", "a list", "another object", "a field that is not there"],
)
async def test_what_cannot_be_is_told_above_the_text(
    portal: RunningPortal, yaml: str, said: str
) -> None:
    page = await portal.post(EDIT, {"yaml": yaml, "action": "try"}, user=BOB)
    assert page.status in (400, 422)
    assert said in page.text


async def test_a_viewer_is_refused_by_the_api(portal: RunningPortal) -> None:
    assert "/edit" not in (await portal.open(PAGE, user=CAROL)).html
    refused = await portal.post(EDIT, await form(portal, "apply", shape="x"), user=CAROL)
    assert refused.status == 403
    assert "shape" not in await data_of(portal)


LIVE: RawObject = {
    "apiVersion": "v1",
    "kind": "Thing",
    "metadata": {"name": "a", "uid": "1", "labels": {"x": "1"}},
    "spec": {"a": 1, "deep": {"b": 2, "c": 3}, "list": [1, 2]},
}


@pytest.mark.parametrize(
    ("spec", "owned", "claimed"),
    [
        (LIVE["spec"], {}, None),
        ({**LIVE["spec"], "a": 2}, {}, {"a": 2}),
        ({**LIVE["spec"], "deep": {"b": 9, "c": 3}}, {}, {"deep": {"b": 9}}),
        ({**LIVE["spec"], "list": [1]}, {}, {"list": [1]}),
        ({**LIVE["spec"], "new": {"d": 1}}, {}, {"new": {"d": 1}}),
        (LIVE["spec"], {"f:spec": {"f:deep": {"f:c": {}}}}, {"deep": {"c": 3}}),
    ],
    ids=[
        "nothing changed",
        "a value",
        "one of two deep ones",
        "a list whole",
        "something new",
        "what is ours already",
    ],
)
def test_only_what_changed_is_claimed(spec: RawObject, owned: RawObject, claimed: Any) -> None:
    edited = {**editable(LIVE), "spec": spec}
    wanted = claims(edited, LIVE, owned)
    assert wanted.get("spec") == claimed
    assert wanted["metadata"] == {"name": "a"}


def test_what_was_taken_out_is_named() -> None:
    edited = {**LIVE, "spec": {"a": 1, "deep": {"b": 2}}}
    assert left_out(edited, LIVE) == ["spec.list", "spec.deep.c"]
