"""One real host of processes for all, and the plug-ins that a test writes, kept going on it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.plugins import HEAD, PLAIN, importable, install
from tests.support import eventually

from towpath.app.plugins.appetite import Appetite
from towpath.app.plugins.asking import Asked
from towpath.app.plugins.plugins import Plugins
from towpath.app.plugins.supervised import NotNow, SupervisedPlugin
from towpath.client.protocols import Client
from towpath.engines.processes.host import SupervisedProcesses
from towpath.plugin.discovery import installed_plugins
from towpath.plugin.reports import PluginReport

DEADLINE_S = 20.0
LINES_OF_HEAD = HEAD.count("\n")
_numbers = count(1)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def processes(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SupervisedProcesses]:
    data_dir = tmp_path_factory.mktemp("platform") / "data"
    data_dir.mkdir(mode=0o700)
    (data_dir / "kubeconfig").write_text("token: secret")
    async with SupervisedProcesses(data_dir / "run", grace_s=1.0) as processes:
        yield processes


@dataclass
class Rig:
    """Plug-ins that run, asked as the platform asks them."""

    plugins: Plugins
    client: Any = None

    def one(self, name: str = "") -> SupervisedPlugin:
        kept = {plugin.name: plugin for plugin in self.plugins._plugins}
        return kept[name] if name else next(iter(kept.values()))

    def report(self, name: str = "") -> PluginReport:
        reports = {one.name: one for one in self.plugins.reports()}
        return reports[name] if name else next(iter(reports.values()))

    async def running(self, name: str = "") -> None:
        async def check() -> bool:
            return self.report(name).condition in ("Healthy", "Degraded")

        await eventually(check, deadline_s=DEADLINE_S, every_s=0.02)

    async def told(self, name: str = "", what: str = "") -> str:
        """What went wrong, as soon as something has."""

        async def check() -> bool:
            return any(what in one.what for one in self.report(name).incidents)

        await eventually(check, deadline_s=DEADLINE_S, every_s=0.02)
        return self.report(name).incidents[0].what

    async def tab(self, name: str = "", *, deadline_s: float = 10.0, obj: Any = None) -> Any:
        """The blocks, or the sentence that takes their place."""
        asked = Asked(self.client, "demo") if self.client else None
        subject = {"project": "demo", "name": "shop", "object": obj or {}, "visitor": "alice"}
        try:
            return await self.one(name).ask(
                "tab", "it", subject, title="The tab It", deadline_s=deadline_s, asked=asked
            )
        except NotNow as error:
            return str(error)


class Site:
    """A folder of modules; each test has its own names, for modules are remembered."""

    def __init__(self, folder: Path, data_dir: Path, processes: SupervisedProcesses) -> None:
        self.folder = folder
        self.data_dir = data_dir
        self._processes = processes

    @property
    def isolation(self) -> str:
        return self._processes.isolation

    def write(self, body: str, *, name: str = "", hook: str = "hook") -> str:
        name = name or f"p{next(_numbers)}"
        install(self.folder, name, body + PLAIN.format(name=name, hook=hook))
        return name

    @asynccontextmanager
    async def running(
        self,
        *,
        start_deadline_s: float = 10.0,
        client: Client | None = None,
        appetite: Appetite | None = None,
        **settings: Any,
    ) -> AsyncIterator[Rig]:
        own = [one for one in installed_plugins() if (self.folder / f"{_module(one)}.py").exists()]
        plugins = Plugins(
            own,
            without=settings.pop("without", ()),
            processes=self._processes,
            api=client or settings.pop("api", None),
            data_dir=self.data_dir,
            start_deadline_s=start_deadline_s,
            appetite=appetite,
        )
        keeping = asyncio.create_task(plugins.run())
        try:
            yield Rig(plugins, client)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


def _module(one: Any) -> str:
    return str(one.value.partition(":")[0])


@pytest.fixture
def site(tmp_path: Path, processes: SupervisedProcesses) -> Iterator[Site]:
    folder = tmp_path / "site"
    with importable(folder):
        yield Site(folder, processes._run_dir.parent, processes)
