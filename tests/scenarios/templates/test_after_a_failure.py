"""A run whose step failed: undone, tried again, or kept; and what its secrets may not reach."""

from typing import Any

import pytest
from tests.scenarios.templates.conftest import PROJECT_NAME, World
from tests.support import eventually

from towpath.capabilities.portal.templates.kinds import (
    DECISION,
    SECRETS_OF_RUN,
    TEMPLATE_RUN,
    step_stream,
)
from towpath.capabilities.portal.templates.secrets import secret_for
from towpath.hooks.templates import ActionContext
from towpath.machinery.conditions import get_condition
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject

STEPS: list[RawObject] = [
    {"id": "one", "action": "make", "input": {"name": "one"}},
    {"id": "two", "action": "make", "input": {"name": "two"}},
    {"id": "three", "action": "make", "input": {"name": "three"}},
]


class Workshop:
    """What steps make, and which of them cannot for now."""

    def __init__(self, world: World) -> None:
        self.made: list[str] = []
        self.fails: set[str] = set()
        world.add_action("make", self._make, self._unmake)

    async def _make(self, context: ActionContext) -> dict[str, Any]:
        name = context.input["name"]
        if name in self.fails:
            raise ValueError(f"no {name} today")
        if name not in self.made:
            self.made.append(name)
        return {"name": name}

    async def _unmake(self, context: ActionContext) -> None:
        if context.input["name"] in self.made:
            self.made.remove(context.input["name"])


async def start(world: World, **spec: Any) -> RawObject:
    run = TEMPLATE_RUN.object(
        "r", PROJECT_NAME, spec={"template": {"name": "t"}, "requestedBy": "alice", **spec}
    )
    made: RawObject = await world.client.create(TEMPLATE_RUN, run)
    return made


async def decide(world: World, decision: str) -> None:
    patch = {"metadata": {"annotations": {DECISION: decision}}}
    await world.client.patch(TEMPLATE_RUN, "r", PROJECT_NAME, patch)


async def until(world: World, reason: str) -> RawObject:
    """The run, when its condition Undone has this reason."""
    seen: list[RawObject] = []

    async def said() -> bool:
        seen.append(await world.client.get(TEMPLATE_RUN, "r", PROJECT_NAME))
        return (get_condition(seen[-1], "Undone") or {}).get("reason") == reason

    await eventually(said, deadline_s=20)
    return seen[-1]


def phases(run: RawObject) -> list[str]:
    return [step["phase"] for step in run["status"]["steps"]]


async def test_a_run_that_asks_keeps_what_was_made_until_somebody_decides(world: World) -> None:
    shop = Workshop(world)
    shop.fails = {"two"}
    await world.template("t", STEPS)
    async with world.running():
        await start(world, onFailure="Ask")
        run = await until(world, "Undecided")
        assert phases(run) == ["Succeeded", "Failed", "Skipped"]
        assert shop.made == ["one"]
        await decide(world, "undo")
        run = await world.finished("r")
    assert run["status"]["phase"] == "Undone"
    assert shop.made == []


async def test_it_goes_on_at_the_step_that_failed(world: World) -> None:
    shop = Workshop(world)
    shop.fails = {"two"}
    await world.template("t", STEPS)
    async with world.running():
        await start(world, onFailure="Ask")
        await until(world, "Undecided")
        shop.fails = set()
        await decide(world, "retry")
        run = await world.finished("r")
    assert run["status"]["phase"] == "Succeeded", run["status"]
    assert shop.made == ["one", "two", "three"]
    assert DECISION not in (run["metadata"].get("annotations") or {})


async def test_it_goes_on_at_the_step_that_is_named(world: World) -> None:
    shop = Workshop(world)
    shop.fails = {"three"}
    await world.template("t", STEPS)
    async with world.running():
        await start(world, onFailure="Ask")
        await until(world, "Undecided")
        shop.fails, shop.made = set(), []
        await decide(world, "retry:two")
        run = await world.finished("r")
    assert run["status"]["phase"] == "Succeeded", run["status"]
    assert shop.made == ["two", "three"]


async def test_what_was_made_can_be_kept(world: World) -> None:
    shop = Workshop(world)
    shop.fails = {"three"}
    await world.template("t", STEPS)
    async with world.running():
        await start(world, onFailure="Ask")
        await until(world, "Undecided")
        await decide(world, "adopt")
        run = await world.finished("r")
    assert run["status"]["phase"] == "Failed"
    assert (get_condition(run, "Undone") or {})["reason"] == "Kept"
    assert shop.made == ["one", "two"]


async def test_one_that_was_undone_can_be_run_again(world: World) -> None:
    shop = Workshop(world)
    shop.fails = {"three"}
    await world.template("t", STEPS)
    async with world.running():
        await start(world)
        assert (await world.finished("r"))["status"]["phase"] == "Undone"
        shop.fails = set()
        await decide(world, "retry")

        async def succeeded() -> bool:
            run = await world.client.get(TEMPLATE_RUN, "r", PROJECT_NAME)
            return bool(run["status"]["phase"] == "Succeeded")

        await eventually(succeeded, deadline_s=20)
    assert shop.made == ["one", "two", "three"]


async def test_it_waits_across_a_restart(world: World) -> None:
    shop = Workshop(world)
    shop.fails = {"two"}
    await world.template("t", STEPS)
    async with world.running():
        await start(world, onFailure="Ask")
        await until(world, "Undecided")
    shop.fails = set()
    async with world.running():
        await decide(world, "retry")
        run = await world.finished("r")
    assert run["status"]["phase"] == "Succeeded", run["status"]


AFTERWARDS = {
    "always() runs": ("${{ always() }}", "Succeeded"),
    "failure() runs": ("${{ failure() }}", "Succeeded"),
    "always() and no": ("${{ always() and false }}", "Skipped"),
    "what does not ask is skipped": ("${{ true }}", "Skipped"),
}


@pytest.mark.parametrize(("condition", "phase"), AFTERWARDS.values(), ids=AFTERWARDS.keys())
async def test_steps_after_a_failure(world: World, condition: str, phase: str) -> None:
    shop = Workshop(world)
    shop.fails = {"one"}
    await world.template("t", [STEPS[0], {**STEPS[1], "if": condition}])
    async with world.running():
        await start(world, onFailure="Ask")
        run = await until(world, "Undecided")
    assert phases(run) == ["Failed", phase]


async def test_failure_is_false_while_nothing_has_failed(world: World) -> None:
    Workshop(world)
    await world.template("t", [STEPS[0], {**STEPS[1], "if": "${{ failure() }}"}])
    async with world.running():
        await start(world)
        run = await world.finished("r")
    assert phases(run) == ["Succeeded", "Skipped"]


async def test_secrets_reach_inputs_and_nothing_that_is_shown(world: World) -> None:
    got: list[Any] = []

    async def use(context: ActionContext) -> dict[str, Any]:
        got.append(context.input)
        context.log(f"using {context.input['token']} of {context.input['url']}")
        return {"echo": context.input["token"]}

    world.add_action("use", use)
    steps: list[RawObject] = [
        {
            "id": "use",
            "action": "use",
            "input": {
                "token": "${{ secrets.TOKEN }}",
                "url": "https://x/?t=${{ secrets.TOKEN | upper }}",
            },
        },
        {"id": "never", "action": "use", "if": "${{ secrets.TOKEN }}", "input": {"token": "a"}},
    ]
    output = {"links": [{"title": "${{ secrets.TOKEN }}!", "url": "https://x"}]}
    await world.template("t", steps, output=output)
    async with world.running():
        run = await start(world, secretsFrom="r-secrets")
        await world.client.create(SECRET, secret_for(run, {"TOKEN": "hush-hush"}))
        run = await world.finished("r")
        await world.platform.logs.settled()
        lines = await world.platform.logs.read(step_stream(PROJECT_NAME, "r", "use"))
    assert got == [{"token": "hush-hush", "url": "https://x/?t=HUSH-HUSH"}]
    assert [line.text for line in lines] == ["using *** of ***"]
    assert "hush" not in str(run).lower()
    assert phases(run) == ["Succeeded", "Skipped"]
    assert run["status"]["output"]["links"][0]["title"] == "!"
    with pytest.raises(NotFound):
        await world.client.get(SECRET, "r-secrets", PROJECT_NAME)


async def test_no_other_secret_is_read(world: World) -> None:
    got: list[Any] = []

    async def use(context: ActionContext) -> dict[str, Any]:
        got.append(context.input)
        return {}

    world.add_action("use", use)
    secret = SECRET.object("database", PROJECT_NAME)
    secret["metadata"]["labels"] = {SECRETS_OF_RUN: "another"}
    secret["stringData"] = {"password": "x"}
    await world.client.create(SECRET, secret)
    await world.template("t", [{"action": "use", "input": {"password": "${{ secrets.password }}"}}])
    async with world.running():
        await start(world, secretsFrom="database")
        await world.finished("r")
    assert got == [{}]
    assert await world.client.get(SECRET, "database", PROJECT_NAME)


async def test_secrets_are_checked_by_the_templates_schema(world: World) -> None:
    Workshop(world)
    schema = {"type": "object", "required": ["TOKEN"]}
    await world.template("t", STEPS, secrets={"schema": schema})
    async with world.running():
        await start(world)
        run = await world.finished("r")
    assert run["status"]["phase"] == "Failed"
    assert "secrets.TOKEN" in run["status"]["message"]


async def test_ten_failed_runs_wait_without_work(world: World) -> None:
    """A run that waits for a decision holds no worker."""
    shop = Workshop(world)
    shop.fails = {"one"}
    await world.template("t", STEPS[:1])
    async with world.running():
        for index in range(10):
            run = TEMPLATE_RUN.object(
                f"r{index}",
                PROJECT_NAME,
                spec={"template": {"name": "t"}, "requestedBy": "alice", "onFailure": "Ask"},
            )
            await world.client.create(TEMPLATE_RUN, run)

        async def all_failed() -> bool:
            runs = (await world.client.list(TEMPLATE_RUN, PROJECT_NAME)).items
            return all((run.get("status") or {}).get("phase") == "Failed" for run in runs)

        await eventually(all_failed, deadline_s=20)
        shop.fails = set()
        await start(world)
        assert (await world.finished("r"))["status"]["phase"] == "Succeeded"
