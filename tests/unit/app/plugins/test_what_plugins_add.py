"""What a plug-in adds works as if it were built in: tabs, checks, actions, kinds."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support import running_api_server
from tests.unit.app.plugins.conftest import Rig, Site

from towpath.app.plugins.offers import ActionFailed
from towpath.client.protocols import Client
from towpath.hooks.checks import Outcome, Verdict
from towpath.hooks.pages import Visit
from towpath.hooks.tabs import Service
from towpath.hooks.templates import ActionContext
from towpath.machinery.core_kinds import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, NAMESPACE
from towpath.machinery.errors import NotFound
from towpath.machinery.users import AccessRequest, UserInfo

ALICE, CAROL = UserInfo("alice"), UserInfo("carol")

READS = """
async def hook(service):
    try:
        one = await service.api.get("v1", "ConfigMap", "rota")
        names = [m["metadata"]["name"] for m in await service.api.list("v1", "ConfigMap")]
        return [Text(one["data"]["who"]), Text(" ".join(names))]
    except PermissionError as error:
        return [Text(f"may not: {error}")]
    except LookupError as error:
        return [Text(f"is not there: {error}")]
"""


async def only_alice(user: UserInfo, _: AccessRequest) -> bool:
    return user.name != "carol"


def visit_of(client: Client, user: UserInfo) -> Visit:
    nothing = cast(Any, None)
    return Visit(user, nothing, client, nothing, {}, nothing, nothing, nothing)


async def shown(rig: Rig, client: Client, user: UserInfo = ALICE) -> str:
    (tab,) = rig.plugins.tabs()
    blocks = await tab.show(visit_of(client, user), Service("demo", "shop", {"spec": {}}))
    return "; ".join(str(getattr(block, "text", block)) for block in blocks)


async def test_a_tab_reads_with_the_visitors_rights(site: Site) -> None:
    name = site.write(READS)
    async with running_api_server(authorize=only_alice) as api, site.running() as rig:
        client = api.client()
        await client.create(NAMESPACE, NAMESPACE.object("demo"))
        await rig.running()
        assert "is not there" in await shown(rig, api.client(ALICE))
        await client.create(CONFIG_MAP, CONFIG_MAP.object("rota", "demo", data={"who": "bob"}))
        assert await shown(rig, api.client(ALICE)) == "bob; rota"
        assert "may not" in await shown(rig, api.client(CAROL), CAROL)
        assert rig.plugins.tabs()[0].key == f"{name}.it"
        assert rig.report().incidents == ()


async def test_a_call_that_has_ended_can_ask_nothing(site: Site) -> None:
    """The visitor's rights last as long as the visit."""
    site.write(
        "kept = []\n"
        "async def hook(service):\n"
        "    kept.append(service.api)\n"
        "    if len(kept) == 1: return []\n"
        "    try: await asyncio.wait_for(kept[0].list('v1', 'ConfigMap'), 0.2)\n"
        "    except TimeoutError: return [Text('no answer')]\n"
    )
    async with running_api_server() as api, site.running() as rig:
        await rig.running()
        await shown(rig, api.client())
        assert await shown(rig, api.client()) == "no answer"


CHECKED = """
def plain(service):
    time.sleep(0)
    return failed("No runbook.", fix="Write one.", href="/docs")

async def evil(service):
    return failed("x", href="javascript:alert(1)")

async def breaks(service):
    raise ValueError

CHECKS = [Check("a", "Has a runbook", plain), Check("b", "Evil", evil), Check("c", "C", breaks)]
PLUGIN = Plugin(name="checked", api="1.0", summary="", checks=CHECKS)
"""


async def test_checks_have_verdicts_whatever_they_do(site: Site) -> None:
    site.write("", name="checked", hook="quiet")
    file = site.folder / "plugin_checked.py"
    file.write_text(file.read_text() + CHECKED)
    async with site.running() as rig:
        await rig.running()
        visit = visit_of(cast(Any, None), ALICE)
        service = Service("demo", "shop", {})
        first, second, third = [await c.run(visit, service) for c in rig.plugins.checks()]
        assert first == Verdict(Outcome.FAILED, "No runbook.", "Write one.", "/docs")
        assert (second.outcome, second.href) == (Outcome.FAILED, "")
        assert third.outcome is Outcome.UNKNOWN
        assert third.sentence == "The check C raised ValueError."


ACTIONS = """
def write(step):
    (step.workspace / "runbook.md").write_text(step.input["text"])
    step.log("Wrote runbook.md")
    return {"path": "runbook.md", "uid": step.run["metadata"]["uid"]}

def take_back(step):
    step.log("Took it back")

async def decline(step):
    raise Declined("there is nobody on call")

async def loop(step):
    while True: pass

def pipe(step):
    os.mkfifo(step.workspace / "pipe")

def wander(step):
    return {"seen": os.path.exists(step.input["path"])}

PLUGIN = Plugin(name="acting", api="1.0", summary="", actions=[
    Action("acting:write", "Write", write, undo=take_back,
        input={"type": "object", "required": ["text"]}),
    Action("acting:decline", "Decline", decline),
    Action("acting:loop", "Loop", loop),
    Action("acting:pipe", "Pipe", pipe),
    Action("acting:wander", "Wander", wander),
])
"""


class Step:
    """A run's folder, and a way to have a step of it done."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self._rig = rig
        self.workspace = folder / "workspace"
        self.workspace.mkdir(parents=True)
        self.lines: list[str] = []

    def context(self, given: Mapping[str, Any]) -> ActionContext:
        run = {"metadata": {"uid": "u1", "name": "r", "namespace": "demo"}, "spec": {}}
        template = self.workspace.parent / "template"
        log = self.lines.append
        return ActionContext("demo", run, "s", dict(given), self.workspace, template, log, "alice")

    async def run(self, name: str, **given: Any) -> dict[str, Any]:
        return await self._rig.plugins.actions()[f"acting:{name}"].run(self.context(given))


async def acting(site: Site, rig: Rig) -> Step:
    await rig.running()
    uid = f"run-{site.folder.parent.name}"
    return Step(rig, site.data_dir / "runs" / uid)


@pytest.fixture
def actions(site: Site) -> Site:
    site.write("", name="acting", hook="quiet")
    file = site.folder / "plugin_acting.py"
    file.write_text(file.read_text() + ACTIONS)
    return site


async def test_an_action_writes_to_the_workspace_and_is_undone(actions: Site) -> None:
    async with actions.running() as rig:
        step = await acting(actions, rig)
        assert await step.run("write", text="call bob") == {"path": "runbook.md", "uid": "u1"}
        assert (step.workspace / "runbook.md").read_text() == "call bob"
        undo = rig.plugins.actions()["acting:write"].undo
        assert undo is not None
        await undo(step.context({"text": ""}))
        assert step.lines == ["Wrote runbook.md", "Took it back"]
        assert rig.report().incidents == ()


async def test_an_action_may_decline_in_its_own_words(actions: Site) -> None:
    async with actions.running() as rig:
        step = await acting(actions, rig)
        with pytest.raises(ActionFailed) as declined:
            await step.run("decline")
        assert str(declined.value) == "there is nobody on call"
        assert rig.report().incidents == ()


async def test_an_action_that_fails_says_to_its_run_where_and_why(actions: Site) -> None:
    async with actions.running() as rig:
        step = await acting(actions, rig)
        with pytest.raises(ActionFailed) as failed:
            await step.run("write")
        assert "Action acting:write raised KeyError at site/plugin_acting.py" in str(failed.value)
        assert "'text'" in str(failed.value)
        assert "'text'" not in str(rig.report())


async def test_an_action_that_loops_is_ended_and_named(
    actions: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("towpath.app.plugins.offers.ACTION_DEADLINE_S", 0.5)
    async with actions.running() as rig:
        step = await acting(actions, rig)
        with pytest.raises(ActionFailed):
            await step.run("loop")
        (incident,) = rig.report().incidents
        assert incident.what == "Action acting:loop did not answer within 0.5 s"
        assert incident.where.endswith("in loop")
        assert rig.report().condition == "Degraded"


async def test_what_nobody_could_read_is_removed_from_the_workspace(actions: Site) -> None:
    async with actions.running() as rig:
        step = await acting(actions, rig)
        with pytest.raises(ActionFailed, match="left pipe in the workspace"):
            await step.run("pipe")
        assert list(step.workspace.iterdir()) == []


async def test_an_action_sees_its_own_run_only(actions: Site) -> None:
    async with actions.running() as rig:
        step = await acting(actions, rig)
        kubeconfig = str(actions.data_dir / "kubeconfig")
        outputs = await step.run("wander", path=kubeconfig)
        assert outputs["seen"] is (actions.isolation == "none")


async def test_who_waits_is_told_when_actions_have_come(actions: Site) -> None:
    async with actions.running() as rig, aclosing(cast(Any, rig.plugins.actions_changed())) as told:
        async with asyncio.timeout(20):
            await anext(told)
        assert "acting:write" in rig.plugins.actions()


KIND = """
def crd(group, plural):
    return {{
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {{"name": f"{{plural}}.{{group}}"}},
        "spec": {{"group": group, "scope": "Namespaced",
            "names": {{"kind": "Rota", "plural": plural}},
            "versions": [{{"name": "v1", "served": True, "storage": True,
                "schema": {{"openAPIV3Schema": {{"type": "object"}}}}}}]}},
    }}

PLUGIN = Plugin(name="{name}", api="1.0", summary="", kinds=[crd("{group}", "rotas")])
"""


async def test_a_kind_arrives_as_its_definition(site: Site) -> None:
    name = site.write("", name="kind-a", hook="quiet")
    file = site.folder / "plugin_kind_a.py"
    file.write_text(file.read_text() + KIND.format(name=name, group="example.org"))
    async with running_api_server() as api, site.running(api=api.client()) as rig:
        await rig.running()
        found = await api.client().get(CUSTOM_RESOURCE_DEFINITION, "rotas.example.org")
        assert found["metadata"]["labels"] == {"towpath.dev/plugin": name}
        assert "Kind: Rota" in rig.report().adds


REFUSED = {
    "of the platform's own group": "towpath.dev",
    "of a group below it": "offerings.towpath.dev",
    "of Kubernetes": "rbac.authorization.k8s.io",
    "of Argo CD": "argoproj.io",
}


@pytest.mark.parametrize("group", REFUSED.values(), ids=REFUSED)
async def test_a_kind_is_refused_that_is(site: Site, group: str) -> None:
    name = site.write("", hook="quiet")
    file = site.folder / f"plugin_{name}.py"
    file.write_text(file.read_text() + KIND.format(name=name, group=group))
    async with running_api_server() as api, site.running(api=api.client()) as rig:
        assert "kinds need a group of their own" in await rig.told()
        with pytest.raises(NotFound):
            await api.client().get(CUSTOM_RESOURCE_DEFINITION, f"rotas.{group}")
