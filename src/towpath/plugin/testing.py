"""Tests of plug-ins, without a platform: hooks are called and checked as the platform does it.

    async def test_it_says_who_is_on_call() -> None:
        blocks = await open_tab(PLUGIN, "rota", workload("shop", owner="team-a"))
        assert blocks[0].facts["On call"] == "alice"

What a hook may not return raises Nonsense, with the same words that the platform would have.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from towpath.hooks.blocks import Block, parse_blocks
from towpath.hooks.checks import Outcome, Verdict
from towpath.plugin import hooks
from towpath.plugin.declaration import Object, Plugin, Reading, Service, Step
from towpath.plugin.hooks import Nonsense
from towpath.plugin.wire import Offers, VerdictSent

__all__ = ["Nonsense", "declares", "open_tab", "read_source", "run_action", "run_check", "workload"]


def workload(name: str, project: str = "demo", **spec: Any) -> Object:
    """A Workload with this spec; add a `status` to it where a hook reads one."""
    return {
        "apiVersion": "towpath.dev/v1alpha1",
        "kind": "Workload",
        "metadata": {"name": name, "namespace": project},
        "spec": {"repository": name, "environments": [], **spec},
    }


def declares(plugin: Plugin) -> list[str]:
    """What it adds, in words. Raises Nonsense for what the platform would refuse."""
    offers = msgspec.convert(hooks.offers_of(plugin), Offers)
    return [
        *(f"tab {tab.label}" for tab in offers.tabs),
        *(f"check {check.title}" for check in offers.checks),
        *(f"action {action.id}" for action in offers.actions),
        *(f"source {source.id}" for source in offers.sources),
        *(f"command {word}" for word in offers.commands),
    ]


async def open_tab(
    plugin: Plugin, key: str, service: Object, *, objects: Sequence[Object] = ()
) -> Sequence[Any]:
    """The tab's blocks. `objects` are what its API finds."""
    value = await hooks.call(hooks.find(plugin, "tab", key), _service(service, objects))
    blocks: Sequence[Block] = parse_blocks(hooks.result_of("tab", value))
    return blocks


async def run_check(
    plugin: Plugin, name: str, service: Object, *, objects: Sequence[Object] = ()
) -> Verdict:
    """The check's verdict."""
    value = await hooks.call(hooks.find(plugin, "check", name), _service(service, objects))
    sent = msgspec.convert(hooks.result_of("check", value), VerdictSent)
    return Verdict(Outcome(sent.outcome), sent.sentence, sent.fix, sent.href)


async def run_action(
    plugin: Plugin,
    name: str,
    workspace: Path,
    given: Mapping[str, Any],
    *,
    undo: bool = False,
    log: list[str] | None = None,
) -> Mapping[str, Any]:
    """The action's outputs; what it writes is in the workspace, what it logs in `log`."""
    step = Step(
        project="demo",
        run={"metadata": {"name": "run", "namespace": "demo", "uid": "a-run"}, "spec": {}},
        step="step",
        input=dict(given),
        workspace=workspace,
        template=workspace,
        user="alice",
        log=(log if log is not None else []).append,
    )
    hook = "undo" if undo else "run"
    value = await hooks.call(hooks.find(plugin, hook, name), step)
    return hooks.result_of(hook, value) or {}


async def read_source(
    plugin: Plugin, name: str, settings: Mapping[str, Any], **secret: str
) -> Sequence[Object]:
    """The descriptors that a source finds."""
    reading = Reading("demo/source", dict(settings), secret, lambda _: None)
    return await hooks.descriptors(hooks.find(plugin, "read", name), reading)


def _service(obj: Object, objects: Sequence[Object]) -> Service:
    metadata = obj["metadata"]
    api = _Objects(objects, metadata["namespace"])
    return Service(metadata["namespace"], metadata["name"], obj, "alice", api)


class _Objects:
    """declaration.Api over a few objects. Selectors are not looked at: give it what matches."""

    def __init__(self, objects: Sequence[Object], namespace: str) -> None:
        self._objects = objects
        self._namespace = namespace

    async def get(
        self, api_version: str, kind: str, name: str, *, namespace: str | None = None
    ) -> Object:
        for obj in self._found(api_version, kind, namespace):
            if obj["metadata"]["name"] == name:
                return obj
        raise LookupError(f"{kind} {name!r} not found")

    async def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
    ) -> Sequence[Object]:
        return self._found(api_version, kind, namespace)[: limit or None]

    def _found(self, api_version: str, kind: str, namespace: str | None) -> Sequence[Object]:
        where = self._namespace if namespace is None else namespace
        return tuple(
            obj
            for obj in self._objects
            if (obj["apiVersion"], obj["kind"]) == (api_version, kind)
            and where in ("", obj["metadata"].get("namespace", ""))
        )
