"""The author's workbench, and forms whose fields are more than text, as pages."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.portal import ALICE, RunningPortal, running_portal

from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.documents import dump_document
from towpath.machinery.objects import RawObject

FORM = f"/create/{SYSTEM_NAMESPACE}/draft"
WORKBENCH = f"{FORM}/workbench"
EVIL = "<script>alert(1)</script>"


def descriptor(**spec: Any) -> RawObject:
    return {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "draft"},
        "spec": {
            "type": "service",
            "parameters": {
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "title": "The name"},
                    "cloud": {"type": "string", "enum": ["aws", "gcp"]},
                    "token": {"type": "string", "ui:field": "Secret"},
                },
                "dependencies": {
                    "cloud": {
                        "oneOf": [
                            {
                                "properties": {
                                    "cloud": {"const": "aws"},
                                    "account": {"type": "string"},
                                }
                            }
                        ]
                    }
                },
            },
            "steps": [
                {
                    "action": "catalog:write",
                    "input": {"entity": {"metadata": {"name": "${{ parameters.name }}"}}},
                }
            ],
            **spec,
        },
    }


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        template = SOFTWARE_TEMPLATE.object(
            "draft", SYSTEM_NAMESPACE, spec={"descriptor": descriptor()}
        )
        await portal.client.create(SOFTWARE_TEMPLATE, template)
        yield portal


async def test_a_draft_is_tried_beside_its_form(portal: RunningPortal) -> None:
    opened = await portal.open(WORKBENCH)
    assert "The name" in opened.text
    assert "is required" not in opened.text, "nobody has answered yet"
    text = dump_document(descriptor())
    untried = await portal.post(WORKBENCH, {"descriptor": text})
    assert "parameters.name: is required" in untried.text
    assert 'aria-describedby="field-values-help field-values-error"' in untried.html
    page = await portal.post(WORKBENCH, {"descriptor": text, "values": "name: shop"})
    assert page.status == 200
    assert "catalog-info.yaml" in page.text
    assert "name: shop" in page.text
    assert (await portal.client.list(TEMPLATE_RUN, "demo")).items == []


WRONG = {
    "no YAML": ("a: [", "template.yaml:"),
    "no object": ("- a", "must be an object"),
    "no template": ("kind: Component", "must be Template"),
    "aliases that grow": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{name}: &{name} [{', '.join(f'*{before}' for _ in range(10))}]\n"
            for before, name in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "template.yaml:",
    ),
}


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG.keys())
async def test_what_is_wrong_with_a_draft_is_told(
    portal: RunningPortal, text: str, told: str
) -> None:
    page = await portal.post(WORKBENCH, {"descriptor": text})
    assert page.status == 200
    assert told in page.text


async def test_a_draft_is_text_and_a_step_that_fails_is_told(portal: RunningPortal) -> None:
    steps = [{"action": "fetch:plain", "name": EVIL, "input": {"url": "../../etc"}}]
    text = dump_document(descriptor(steps=steps))
    page = await portal.post(WORKBENCH, {"descriptor": text, "values": "name: a"})
    assert EVIL not in page.html
    assert "leaves the workspace" in page.text


async def test_a_form_asks_more_when_an_answer_wants_it(portal: RunningPortal) -> None:
    assert 'name="account"' not in (await portal.open(f"{FORM}?project=demo")).html
    given = {"project": "demo", "cloud": "aws", "preview": "yes"}
    assert 'name="account"' in (await portal.post(FORM, given)).html


async def test_a_secret_goes_into_a_secret_and_is_never_shown_again(portal: RunningPortal) -> None:
    given = {"project": "demo", "name": "shop", "token": "hush-hush", "on-failure": "ask"}
    again = await portal.post(FORM, {**given, "name": ""}, user=ALICE)
    assert "hush-hush" not in again.html
    assert 'type="password"' in again.html
    made = await portal.post(FORM, given, user=ALICE)
    (run,) = (await portal.client.list(TEMPLATE_RUN, "demo")).items
    assert made.leads_to == f"/projects/demo/runs/{run['metadata']['name']}"
    assert run["spec"]["onFailure"] == "Ask"
    assert run["spec"]["parameters"]["token"] == "*" * 9
    secret = await portal.client.get(SECRET, run["spec"]["secretsFrom"], "demo")
    assert list(secret["data"]) == ["token"]
