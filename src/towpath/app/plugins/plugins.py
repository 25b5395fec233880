"""All plug-ins together: which are installed, what they add just now, and how they are.

What a plug-in adds comes and goes while the platform runs: pages ask each time, and whoever must
look again when an action has come waits for `actions_changed`.
"""

import asyncio
import dataclasses
import logging
import shutil
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from towpath.app.plugins.appetite import Appetite
from towpath.app.plugins.kinds import install_kinds
from towpath.app.plugins.offers import action_of, check_of, source_of, tab_of
from towpath.app.plugins.process import START_DEADLINE_S
from towpath.app.plugins.supervised import SupervisedPlugin
from towpath.client.protocols import Client
from towpath.engines.processes.port import ProcessHost
from towpath.hooks.checks import ServiceCheck
from towpath.hooks.reads import Read
from towpath.hooks.sources import PluginSource
from towpath.hooks.tabs import ServiceTab
from towpath.hooks.templates import TemplateAction
from towpath.plugin.discovery import Installed
from towpath.plugin.reports import Condition, Incident, PluginReport
from towpath.plugin.wire import Offers
from towpath.records.contract import Viewer

log = logging.getLogger(__name__)


class Plugins:
    """`without` are the names of those that are switched off."""

    def __init__(
        self,
        installed: Sequence[Installed],
        *,
        without: Collection[str],
        processes: ProcessHost,
        api: Client,
        data_dir: Path,
        start_deadline_s: float = START_DEADLINE_S,
        appetite: Appetite | None = None,
    ) -> None:
        self._api = api
        self._data_dir = data_dir
        self._refused = [one for one in installed if one.problem]
        usable = [one for one in installed if not one.problem]
        self._switched_off = [one for one in usable if one.name in without]
        self.not_installed = sorted(set(without) - {one.name for one in usable})
        self._plugins = [
            SupervisedPlugin(
                one,
                processes,
                data_dir,
                welcome=self._welcome,
                start_deadline_s=start_deadline_s,
                appetite=appetite,
            )
            for one in usable
            if one.name not in without
        ]
        self._tabs: dict[str, tuple[ServiceTab, ...]] = {}
        self._checks: dict[str, tuple[ServiceCheck, ...]] = {}
        self._actions: dict[str, dict[str, TemplateAction]] = {}
        self._sources: dict[str, dict[str, PluginSource]] = {}
        self._version = 0
        self._changed = asyncio.Event()

    @property
    def names(self) -> list[str]:
        return [plugin.name for plugin in self._plugins]

    def told(self) -> str:
        """For whoever starts the platform: which there are; "" when there is nothing to say."""
        parts = []
        if self._plugins:
            parts.append(f"plug-ins: {', '.join(self.names)}")
        if self._switched_off:
            parts.append(f"without {', '.join(one.name for one in self._switched_off)}")
        if self.not_installed:
            parts.append(f"no plug-in {', '.join(self.not_installed)} is installed")
        return "; ".join(parts)

    async def run(self) -> None:
        """Keep all of them going until cancelled; none of them can end this."""
        # What a platform that was killed has left.
        await asyncio.to_thread(shutil.rmtree, self._data_dir / "plugins", ignore_errors=True)
        async with asyncio.TaskGroup() as tasks:
            for plugin in self._plugins:
                tasks.create_task(self._keep(plugin), name=f"plugin-{plugin.name}")
            await asyncio.Event().wait()

    async def _keep(self, plugin: SupervisedPlugin) -> None:
        while True:
            try:
                await plugin.run()
            except Exception:
                # A fault of ours; it must cost one plug-in and no platform.
                log.exception("a plug-in's keeper failed", extra={"plugin": plugin.name})
                await asyncio.sleep(1)

    async def _welcome(self, plugin: SupervisedPlugin, offers: Offers) -> None:
        """Take what it offers, which replaces what it offered before. Raises Broken."""
        await install_kinds(self._api, plugin.name, offers.kinds)
        self._tabs[plugin.name] = tuple(tab_of(plugin, one) for one in offers.tabs)
        self._checks[plugin.name] = tuple(check_of(plugin, one) for one in offers.checks)
        self._sources[plugin.name] = {one.id: source_of(plugin, one) for one in offers.sources}
        self._actions[plugin.name] = {one.id: action_of(plugin, one) for one in offers.actions}
        self._version += 1
        self._changed.set()

    def tabs(self) -> tuple[ServiceTab, ...]:
        return tuple(tab for name in self.names for tab in self._tabs.get(name, ()))

    def checks(self) -> tuple[ServiceCheck, ...]:
        return tuple(check for name in self.names for check in self._checks.get(name, ()))

    def actions(self) -> dict[str, TemplateAction]:
        return {key: one for offered in self._actions.values() for key, one in offered.items()}

    def source(self, plugin: str, source: str) -> PluginSource | None:
        """None while it is away for the first time, too."""
        return self._sources.get(plugin, {}).get(source)

    async def actions_changed(self) -> AsyncIterator[None]:
        """Each time that a plug-in's actions and sources have come."""
        seen = 0
        while True:
            self._changed.clear()
            if seen == self._version:
                await self._changed.wait()
            seen = self._version
            yield

    def reports(self) -> list[PluginReport]:
        return [
            *(
                plugin.report(switch_off(plugin.name), uninstall(plugin.plugin))
                for plugin in self._plugins
            ),
            *(
                _idle(one, Condition.SWITCHED_OFF, "It was switched off at the start.")
                for one in self._switched_off
            ),
            *(_idle(one, Condition.FAILED, one.problem) for one in self._refused),
        ]


def plugins_read(plugins: Plugins) -> Read:
    """How the plug-ins are. Nothing in it belongs to a project: everybody may know."""

    async def answer(_: Viewer, __: Mapping[str, str]) -> Any:
        return [dataclasses.asdict(one) for one in plugins.reports()]

    return Read("plugins", answer)


def switch_off(name: str) -> str:
    return f"towpath up --without-plugin {name}"


def uninstall(one: Installed) -> str:
    return f".venv/bin/uv pip uninstall {one.package}"


def _idle(one: Installed, condition: Condition, sentence: str) -> PluginReport:
    incidents = (Incident(sentence, "", 1, 0.0, 0.0),) if condition is Condition.FAILED else ()
    return PluginReport(
        name=one.name,
        package=one.package,
        version=one.version,
        summary=one.summary,
        condition=condition,
        sentence=sentence,
        adds=(),
        incidents=incidents,
        switch_off=switch_off(one.name) if condition is not Condition.SWITCHED_OFF else "",
        uninstall=uninstall(one),
        log="",
    )
