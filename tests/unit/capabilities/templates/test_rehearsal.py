"""Steps whose action is not here: only not done in a workbench, a mistake where all are known."""

import json
from typing import Any

import pytest

from towpath.capabilities.portal.templates.actions.files import FILE_ACTIONS
from towpath.capabilities.portal.templates.descriptor import parse_descriptor
from towpath.capabilities.portal.templates.execution import HIDDEN, Secrets
from towpath.capabilities.portal.templates.rehearsal import (
    DryRun,
    UnknownAction,
    dry_run,
    rehearsal,
)

DESCRIPTOR: dict[str, Any] = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {"name": "t"},
    "spec": {
        "type": "service",
        "steps": [
            {"id": "log", "action": "debug:log", "input": {"message": "one\ntwo"}},
            {"id": "publish", "action": "publish:somewhere", "input": {"repoUrl": "x"}},
            {"id": "after", "action": "debug:log", "input": {"message": "three"}},
        ],
    },
}
ACTIONS = {action.id: action for action in FILE_ACTIONS}


async def tried(*, knows_all: bool) -> DryRun:
    async with rehearsal({}, ACTIONS, project="demo", user="bob", knows_all=knows_all) as stage:
        return await dry_run(stage, parse_descriptor(DESCRIPTOR), {"parameters": {}})


def statuses(made: DryRun) -> list[tuple[str, str]]:
    return [(one["stepId"], one["status"]) for one in made.log if "status" in one]


async def test_what_is_not_done_here_is_skipped() -> None:
    made = await tried(knows_all=False)
    assert made.problem == ""
    assert ("publish", "skipped") in statuses(made)
    assert statuses(made)[-1] == ("after", "completed")
    assert {"stepId": "log", "message": "one\ntwo"} in made.log, "a message keeps its lines"


SECRETS = {"quotes": 'p"a\\ss', "letters": "pässwörd", "lines": "-----BEGIN\nMIIB-abc\n-----END"}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
async def test_a_secret_is_not_told_as_json_writes_it(secret: str) -> None:
    given = {"message": "${{ secrets.key }}"}
    steps = [
        {"id": "log", "action": "debug:log", "input": given},
        {"id": "each", "action": "debug:log", "each": ["${{ secrets.key }}"], "input": given},
    ]
    descriptor = {**DESCRIPTOR, "spec": {"type": "service", "steps": steps}}
    secrets = Secrets({"key": secret})
    async with rehearsal({}, ACTIONS, project="demo", user="bob", secrets=secrets) as stage:
        made = await dry_run(stage, parse_descriptor(descriptor), {"parameters": {}})
    assert made.problem == ""
    told = "\n".join(one["message"] for one in made.log)
    assert HIDDEN in told
    for line in secret.splitlines():
        for written in (line, json.dumps(line)[1:-1], json.dumps(line, ensure_ascii=False)[1:-1]):
            assert written not in told


async def test_what_does_not_exist_is_a_mistake() -> None:
    made = await tried(knows_all=True)
    assert isinstance(made.failure, UnknownAction)
    assert "'publish:somewhere' is not registered" in made.problem
    assert statuses(made)[-1] == ("publish", "failed")


async def test_an_input_that_its_action_does_not_know_is_named() -> None:
    step = {"id": "log", "action": "debug:log", "input": {"message": "x", "more": 1}}
    descriptor = {**DESCRIPTOR, "spec": {"type": "service", "steps": [step]}}
    async with rehearsal({}, ACTIONS, project="demo", user="bob") as stage:
        made = await dry_run(stage, parse_descriptor(descriptor), {"parameters": {}})
    assert 'not allowed to have the additional property "more"' in made.problem
