"""One plug-in, kept going: started, asked, ended when it hangs, started again a little later.

Whoever asks gets an answer or a sentence, and never waits for a start: while the process is away,
the sentence is all there is. What goes wrong is written down as an incident, once per kind and
place; its text is the platform's own, because what a plug-in says may come from one visitor's data.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from towpath.app.plugins.appetite import Appetite
from towpath.app.plugins.asking import Asked
from towpath.app.plugins.process import (
    START_DEADLINE_S,
    Broken,
    HookFailed,
    Launch,
    PluginProcess,
)
from towpath.engines.processes.port import ProcessHost
from towpath.plugin.declaration import API_VERSION
from towpath.plugin.discovery import Installed
from towpath.plugin.reports import Condition, Incident, PluginReport
from towpath.plugin.wire import Offers

log = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
RETRY_S_MAX = 600.0
STEADY_S = 300.0
"""Who has run as long without an incident begins anew with the first delay."""
INCIDENTS_MAX = 20
RECENT_S = 3600.0


class NotNow(Exception):
    """It cannot answer; `str()` is one plain sentence for the page."""


Welcome = Callable[["SupervisedPlugin", Offers], Awaitable[None]]
"""Takes what it offers, each time that it has started. Raises Broken for what it may not."""


class SupervisedPlugin:
    def __init__(
        self,
        plugin: Installed,
        processes: ProcessHost,
        data_dir: Path,
        *,
        welcome: Welcome,
        start_deadline_s: float = START_DEADLINE_S,
        appetite: Appetite | None = None,
    ) -> None:
        self.plugin = plugin
        self.offers: Offers | None = None
        """As it said last; kept while it is away, so that nothing flickers."""
        self._launch = Launch(
            plugin,
            processes,
            root=data_dir / "plugins",
            log=data_dir / "logs" / f"plugin-{plugin.name}.log",
            deadline_s=start_deadline_s,
            appetite=appetite or Appetite(),
        )
        self._welcome = welcome
        self._process: PluginProcess | None = None
        self._incidents: dict[tuple[str, str], Incident] = {}
        self._retry_at_s = 0.0
        self._sentence = ""

    @property
    def name(self) -> str:
        return self.plugin.name

    async def run(self) -> None:
        """Keep it going until cancelled."""
        retry_s = FIRST_RETRY_S
        while True:
            began_s = time.monotonic()
            try:
                await self._live()
            except Broken as broken:
                if time.monotonic() - began_s > STEADY_S:
                    retry_s = FIRST_RETRY_S
                self._sentence = f"{broken}."
                self._note(str(broken), broken.where)
            self._retry_at_s = time.monotonic() + retry_s
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, RETRY_S_MAX)

    async def _live(self) -> None:
        """One process, from its start to its end. Raises Broken at the end, with the place."""
        process = await PluginProcess.start(self._launch)
        hung = False
        try:
            offers = accept(self.plugin, process.offers)
            await self._welcome(self, offers)
            self.offers, self._process, self._sentence = offers, process, ""
            broken = await process.broken
            hung = True
        finally:
            self._process = None
            where = await process.end(ask_where=hung)
        raise Broken(str(broken), broken.where or where)

    async def ask(
        self,
        hook: str,
        name: str,
        subject: Mapping[str, Any],
        *,
        title: str,
        deadline_s: float,
        asked: Asked | None,
    ) -> Any:
        """What the hook answers. Raises NotNow."""
        process = self._process
        if process is None:
            raise NotNow(self.away())
        try:
            return await process.call(
                hook, name, subject, title=title, deadline_s=deadline_s, asked=asked
            )
        except HookFailed as failed:
            self._note(str(failed), failed.where)
            raise NotNow(f"{failed}.") from failed
        except Broken as broken:
            raise NotNow(f"{broken}.") from broken

    async def perform(
        self,
        hook: str,
        name: str,
        subject: Mapping[str, Any],
        *,
        deadline_s: float,
        workspace: Path,
        template: Path,
        log: Callable[[str], None],
    ) -> Any:
        """An action, in a process of its own that sees the run's files. Raises HookFailed."""
        launch = replace(self._launch, writable=(workspace,), readable=(template,), appetite=None)

        async def call(process: PluginProcess) -> Any:
            title = f"Action {name}"
            return await process.call(
                hook, name, subject, title=title, deadline_s=deadline_s, log=log
            )

        return await self._apart(launch, call)

    async def read(
        self,
        source: str,
        subject: Mapping[str, Any],
        *,
        deadline_s: float,
        log: Callable[[str], None],
    ) -> list[Any]:
        """What a source finds, in a process of its own: pages do not wait. Raises HookFailed."""
        parts: list[Any] = []

        async def call(process: PluginProcess) -> Any:
            title = f"Source {source}"
            return await process.call(
                "read", source, subject, title=title, deadline_s=deadline_s, log=log, parts=parts
            )

        await self._apart(replace(self._launch, appetite=None), call)
        return parts

    async def _apart(self, launch: Launch, call: Callable[[PluginProcess], Awaitable[Any]]) -> Any:
        """A call in a process that lives no longer than it. Raises HookFailed."""
        try:
            process = await PluginProcess.start(launch)
        except Broken as broken:
            self._note(str(broken), broken.where)
            raise HookFailed(str(broken), broken.where) from broken
        hung = False
        try:
            return await call(process)
        except HookFailed as failed:
            if not failed.mild:
                self._note(str(failed), failed.where)
            raise
        except Broken as broken:
            hung = True
            raise HookFailed(str(broken)) from broken
        finally:
            where = await process.end(ask_where=hung)
            if hung:
                self._note(str(process.broken.result()), where)

    def away(self) -> str:
        if self.offers is None and not self._incidents:
            return f"The plug-in {self.name} is starting."
        return f"The plug-in {self.name} does not answer just now. {self._again()}"

    def _again(self) -> str:
        return f"It is started again {_in(self._retry_at_s - time.monotonic())}."

    def report(self, switch_off: str, uninstall: str) -> PluginReport:
        return PluginReport(
            name=self.name,
            package=self.plugin.package,
            version=self.plugin.version,
            summary=self.offers.summary if self.offers else self.plugin.summary,
            condition=self._condition(),
            sentence=self._lately() if self._process else self._failing(),
            adds=adds_of(self.offers) if self.offers else (),
            incidents=tuple(
                sorted(self._incidents.values(), key=lambda one: one.last_s, reverse=True)
            ),
            switch_off=switch_off,
            uninstall=uninstall,
            log=f"logs/{self._launch.log.name}",
        )

    def _lately(self) -> str:
        """What went wrong last, while it runs."""
        if self._condition() is Condition.HEALTHY:
            return ""
        last = max(self._incidents.values(), key=lambda one: one.last_s)
        return f"{last.what}{f', {last.count} times' if last.count > 1 else ''}."

    def _failing(self) -> str:
        return f"{self._sentence} {self._again()}" if self._sentence else self.away()

    def _condition(self) -> Condition:
        if self._process is not None:
            since_s = time.time() - RECENT_S
            recent = any(one.last_s > since_s for one in self._incidents.values())
            return Condition.DEGRADED if recent else Condition.HEALTHY
        return Condition.FAILED if self._incidents else Condition.STARTING

    def _note(self, what: str, where: str) -> None:
        log.warning(
            "plug-in failed", extra={"plugin": self.name, "what": what, "where": where or "unknown"}
        )
        now_s = time.time()
        known = self._incidents.pop((what, where), None)
        if known is None and len(self._incidents) >= INCIDENTS_MAX:
            self._incidents.pop(next(iter(self._incidents)))
        self._incidents[what, where] = (
            Incident(what, where, 1, now_s, now_s)
            if known is None
            else replace(known, count=known.count + 1, last_s=now_s)
        )


def accept(plugin: Installed, described: Mapping[str, Any]) -> Offers:
    """What it offers, if this Towpath can take it. Raises Broken."""
    try:
        offers = msgspec.convert(dict(described), Offers)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Broken(f"What it declares is not valid: {error}") from None
    if offers.name != plugin.name:
        raise Broken(
            f"It calls itself {offers.name} and its entry point {plugin.name}; use one name"
        )
    asked, ours = (tuple(map(int, version.split("."))) for version in (offers.api, API_VERSION))
    if asked[0] != ours[0] or asked > ours:
        what = "update Towpath" if asked > ours else "it needs a newer release"
        raise Broken(
            f"It asks for version {offers.api} of towpath.plugin, and this Towpath has "
            f"{API_VERSION}; {what}"
        )
    foreign = [one.id for one in offers.actions if not one.id.startswith(f"{plugin.name}:")]
    if foreign:
        raise Broken(
            f"Its action {foreign[0]} does not begin with {plugin.name}: as its name demands"
        )
    return offers


def adds_of(offers: Offers) -> tuple[str, ...]:
    return (
        *(f"Tab: {tab.label}" for tab in offers.tabs),
        *(f"Check: {check.title}" for check in offers.checks),
        *(f"Action: {action.id}" for action in offers.actions),
        *(f"Source: {source.title}" for source in offers.sources),
        *(f"Command: towpath {offers.name} {word}" for word in offers.commands),
        *(
            f"Kind: {kind.get('spec', {}).get('names', {}).get('kind', '')}"
            for kind in offers.kinds
        ),
    )


def _in(seconds: float) -> str:
    if seconds < 1:
        return "this moment"
    if seconds < 90:
        return f"in {round(seconds)} s"
    return f"in {round(seconds / 60)} minutes"
