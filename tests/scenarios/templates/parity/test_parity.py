"""Templates of our own give here what they gave in a real Backstage; README.md says which one."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from tests.scenarios.templates.conftest import PROJECT_NAME, World
from tests.scenarios.templates.parity.corpus import HERE, THEMES, Case, cases, cleaned, recorded
from tests.scenarios.templates.test_backstage_scaffolder import Client

from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject

DIFFERENCES: Mapping[str, str] = yaml.safe_load((HERE / "differences.yaml").read_text())

OWN_WORDS = re.compile(
    "ENOENT|ENOTDIR|EISDIR|Cannot (overwrite|move)|Relative path is not|Template error at"
    "|Template action with ID|Reading from|Source and destination|The `cwd` option|dest already"
    "|Fetch action input extension|Input template is not a template|Entity reference"
)
"""Refusals of theirs that we tell by what the author wrote: a path, the file, what there is."""

TEMPLATE_REFUSED = re.compile(r"(<root>|/metadata|/spec)\S* must ")
"""A template that is none is a TypeError and 500 there; here the caller is told it is theirs."""

KNOWN: tuple[RawObject, ...] = (
    {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "known", "annotations": {"example.org/x": "y"}},
        "spec": {"type": "service", "lifecycle": "experimental", "owner": "team-a"},
    },
    {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Group",
        "metadata": {"name": "team-a"},
        "spec": {"type": "team", "children": []},
    },
)
"""What both catalogues have."""


async def echo(context: ActionContext) -> dict[str, Any]:
    return {"given": context.input}


async def fail(context: ActionContext) -> dict[str, Any]:
    if context.input.get("only") is False:
        return {"passed": True}
    raise ValueError(context.input["message"])


@pytest.fixture
async def client(world: World) -> Client:
    for name, run in (("corpus:echo", echo), ("corpus:fail", fail)):
        world.extra_actions[name] = TemplateAction(
            name, "of the corpus", {"type": "object"}, run, supports_dry_run=True
        )
    entities = [entity_of(descriptor) for descriptor in KNOWN]
    await world.platform.catalog.ingest("known", entities, project=PROJECT_NAME, version="1")
    return Client(world)


@pytest.mark.parametrize("theme", THEMES)
async def test_a_dry_run_answers_as_there(client: Client, theme: str) -> None:
    there = recorded(theme)
    differing = {}
    for case in cases(theme):
        here = _compared(case, await _answered(client, case))
        wanted = _compared(case, there[case.name])
        if OWN_WORDS.search(wanted.get("message", "")):
            here["message"] = wanted["message"]
        if (here != wanted) != (case.name in DIFFERENCES):
            differing[case.name] = {"here": here, "there": wanted}
    assert not differing, json.dumps(differing, indent=1)


async def _answered(client: Client, case: Case) -> dict[str, Any]:
    try:
        answer = await client.send("POST", "/v2/dry-run", case.body)
    except StatusError as refused:
        return cleaned(*client.told(refused))
    return cleaned(answer.status, json.loads(answer.body))


def _compared(case: Case, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Without what an action tells of its own work."""
    if TEMPLATE_REFUSED.match(answer.get("message", "")):
        refused = "Input template is not a template"
        return {"status": 400, "error": "InputError", "message": refused}
    if "log" not in answer:
        return dict(answer)
    steps = case.given.get("steps", ())
    own = {step.get("id") for step in steps if step["action"] != "debug:log"}
    log = [line for line in answer["log"] if line[0] not in own or _is_of_the_run(*line[1:])]
    return {**answer, "log": log}


def _is_of_the_run(status: str, message: str) -> bool:
    return bool(status) or message.startswith(("info: Running ", "info: Skipping "))
