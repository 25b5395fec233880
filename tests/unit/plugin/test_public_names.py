"""The public module: its list is complete, and its harness says what the platform would say."""

import ast
from pathlib import Path

import pytest

from towpath import plugin
from towpath.hooks.checks import Verdict
from towpath.plugin import (
    Action,
    Check,
    Declined,
    Facts,
    Link,
    Plugin,
    Service,
    Step,
    Tab,
    Text,
    failed,
    passed,
    testing,
)
from towpath.plugin.testing import Nonsense, open_tab, run_action, run_check, workload

PROMOTION = {
    "apiVersion": "towpath.dev/v1alpha1",
    "kind": "Promotion",
    "metadata": {"name": "one", "namespace": "demo"},
}


def test_every_public_name_is_listed_in_order_and_is_there() -> None:
    for module in (plugin, testing):
        assert module.__all__ == sorted(module.__all__)
        for name in module.__all__:
            assert getattr(module, name) is not None
    tree = ast.parse(Path(str(plugin.__file__)).read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(plugin.__all__)


async def promotions(service: Service) -> list[plugin.Block]:
    found = await service.api.list("towpath.dev/v1alpha1", "Promotion")
    one = await service.api.get("towpath.dev/v1alpha1", "Promotion", "one")
    return [Facts({"count": len(found), "first": one["metadata"]["name"], "owner": service.owner})]


def script(_: Service) -> list[plugin.Block]:
    return [Facts({"x": Link("x", "javascript:alert(1)")})]


def nothing(_: Service) -> list[plugin.Block]:
    return None  # type: ignore[return-value]


def owned(service: Service) -> Verdict:
    return passed("Somebody owns it.") if service.owner else failed("Nobody owns it.")


def note(step: Step) -> dict[str, str]:
    if not step.input:
        raise Declined("there is nothing to note")
    (step.workspace / "note").write_text(step.input["text"])
    step.log("noted")
    return {"path": "note"}


def no_outputs(_: Step) -> dict[str, object]:
    return {"x": object()}


PLUGIN = Plugin(
    name="of-test",
    api="1.0",
    summary="",
    tabs=[Tab("good", "Good", promotions), Tab("script", "S", script), Tab("none", "N", nothing)],
    checks=[Check("owned", "Is owned", owned)],
    actions=[
        Action("of-test:note", "Note", note),
        Action("of-test:odd", "Odd", no_outputs),
    ],
)


async def test_a_tab_finds_the_objects_that_the_test_gives() -> None:
    (facts,) = await open_tab(PLUGIN, "good", workload("shop", owner="team-a"), objects=[PROMOTION])
    assert facts.facts == {"count": 1, "first": "one", "owner": "team-a"}
    with pytest.raises(LookupError):
        await open_tab(PLUGIN, "good", workload("shop"))


@pytest.mark.parametrize("key", ["script", "none", "not-there"])
async def test_a_tab_that_the_platform_would_not_show_is_nonsense(key: str) -> None:
    with pytest.raises(Nonsense):
        await open_tab(PLUGIN, key, workload("shop"))


async def test_a_check_gives_its_verdict() -> None:
    assert (await run_check(PLUGIN, "owned", workload("shop"))).outcome == "Failed"
    assert (await run_check(PLUGIN, "owned", workload("shop", owner="a"))).outcome == "Passed"


async def test_an_action_writes_logs_and_declines(tmp_path: Path) -> None:
    lines: list[str] = []
    given = {"text": "hello"}
    outputs = await run_action(PLUGIN, "of-test:note", tmp_path, given, log=lines)
    assert (outputs, lines) == ({"path": "note"}, ["noted"])
    with pytest.raises(Declined):
        await run_action(PLUGIN, "of-test:note", tmp_path, {})
    with pytest.raises(Nonsense):
        await run_action(PLUGIN, "of-test:odd", tmp_path, {})


def test_what_it_declares_is_what_the_platform_would_take() -> None:
    assert testing.declares(PLUGIN)[0] == "tab Good"
    odd = Plugin(name="Of Test", api="1.0", summary="", tabs=[Tab("x", "X", lambda _: [Text("")])])
    with pytest.raises(Nonsense):
        testing.declares(odd)
