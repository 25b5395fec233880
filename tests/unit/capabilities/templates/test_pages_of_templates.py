"""Create: what is offered, the form and its errors, the plan, and the run that comes of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, CAROL, RunningPortal, running_portal

from towpath.capabilities.portal.templates.descriptor import FieldError
from towpath.capabilities.portal.templates.forms import errors_by_field, parameters_from
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN, step_stream
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.objects import RawObject

EVIL = "<script>alert(1)</script>"
FORM = f"/create/{SYSTEM_NAMESPACE}/small"

DESCRIPTOR: RawObject = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {"name": "small", "title": EVIL, "description": "Makes little"},
    "spec": {
        "type": "service",
        "owner": "group:default/platform-admins",
        "parameters": {
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "pattern": "^[a-z]+$", "description": "Letters only"},
                "size": {"type": "integer", "minimum": 1, "default": 2},
                "public": {"type": "boolean", "default": True},
                "words": {"type": "array", "items": {"type": "string"}},
                "inner": {"type": "object", "properties": {"port": {"type": "integer"}}},
            },
        },
        "steps": [
            {
                "id": "publish",
                "name": "Publish",
                "action": "publish:towpath",
                "input": {"repoUrl": "towpath?owner=demo&repo=${{ parameters.name }}"},
            }
        ],
    },
}


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        template = SOFTWARE_TEMPLATE.object(
            "small", SYSTEM_NAMESPACE, spec={"descriptor": DESCRIPTOR}
        )
        await portal.client.create(SOFTWARE_TEMPLATE, template)
        yield portal


async def test_what_is_offered_can_be_found_and_is_text(portal: RunningPortal) -> None:
    gallery = await portal.open("/create")
    assert EVIL in gallery.text
    assert EVIL not in gallery.html
    assert "Makes little" in (await portal.open("/create?q=little")).text
    assert "Nothing that is offered fits" in (await portal.open("/create?q=huge")).text


async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    portal: RunningPortal,
) -> None:
    given = {"project": "demo", "name": "Shop 1", "size": "0", "inner.port": "x"}
    page = await portal.post(FORM, given)
    assert page.status == 422
    assert "'Shop 1' does not fit: Letters only." in page.text
    assert 'value="Shop 1"' in page.html
    assert page.html.count('aria-invalid="true"') == 3
    assert (await portal.client.list(TEMPLATE_RUN, "demo")).items == []


async def test_the_plan_is_shown_before_anything_is_made(portal: RunningPortal) -> None:
    page = await portal.post(FORM, {"project": "demo", "name": "shop", "preview": "yes"})
    assert (page.status, "demo/shop" in page.text) == (200, True)
    assert (await portal.client.list(TEMPLATE_RUN, "demo")).items == []


async def test_a_run_is_made_in_the_visitors_name_and_shown_with_its_log(
    portal: RunningPortal,
) -> None:
    given = {"project": "demo", "name": "shop", "public": "false", "words": "one\r\ntwo"}
    made = await portal.post(FORM, given, user=ALICE)
    run = (await portal.client.list(TEMPLATE_RUN, "demo")).items[0]
    name = run["metadata"]["name"]
    assert made.leads_to == f"/projects/demo/runs/{name}"
    assert run["spec"]["requestedBy"] == "alice"
    assert run["spec"]["parameters"] == {
        "name": "shop",
        "size": 2,
        "public": False,
        "words": ["one", "two"],
    }
    links = [{"title": EVIL, "url": "javascript:alert(1)"}]
    steps = [{"id": "publish", "name": EVIL, "phase": "Failed", "message": EVIL}]
    status = {"phase": "Failed", "steps": steps, "output": {"links": links}}
    await portal.client.update(TEMPLATE_RUN, {**run, "status": status}, subresource="status")
    portal.records.logs.append(step_stream("demo", name, "publish"), [EVIL])
    await portal.records.logs.settled()
    page = await portal.open(made.leads_to)
    assert EVIL in page.text
    assert EVIL not in page.html
    assert 'href="javascript:' not in page.html


async def test_who_may_not_create_anywhere_is_told_so(portal: RunningPortal) -> None:
    page = await portal.open(FORM, user=CAROL)
    assert "There is no project that you may create in" in page.text
    refused = await portal.post(FORM, {"project": "demo", "name": "shop"}, user=CAROL)
    assert refused.status == 403


def test_an_empty_field_was_left_out_and_gets_its_default() -> None:
    given = {"name": "shop", "size": "", "inner.port": "80"}
    read = parameters_from(DESCRIPTOR, given)
    assert read == {"name": "shop", "size": 2, "public": True, "inner": {"port": 80}}


def test_an_error_that_belongs_to_no_field_is_told_above_the_form() -> None:
    errors = [FieldError("parameters.words[1]", "is odd"), FieldError("parameters", "is bad")]
    at_field, elsewhere = errors_by_field(DESCRIPTOR, errors)
    assert at_field == {"words": "Is odd."}
    assert elsewhere == ["parameters: is bad"]
