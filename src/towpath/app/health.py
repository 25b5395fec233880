"""The embedded engines, each with the question that shows whether it works: for the about page."""

import asyncio
from collections.abc import Awaitable, Callable

from towpath.app.foundations import Foundations
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.client.protocols import Reader
from towpath.machinery.core_kinds import NODE
from towpath.machinery.kinds import Resource
from towpath.runtime.looplag import LoopLag
from towpath.web.about_page import Engine

Check = Callable[[], Awaitable[str]]


def engines(base: Foundations, lag: LoopLag) -> tuple[Engine, ...]:
    projects = _lists(base.api.front.client(), PROJECT, "project")
    nodes = _lists(base.cluster.front.client(), NODE, "node")
    return (
        Engine("Platform API", "every object of the platform", projects),
        Engine("Cluster local", "runs the workloads", nodes),
        Engine("Records", "catalogue, logs, audit trail", _records(base)),
        Engine("PostgreSQL", "the services' databases", _postgres(base)),
        Engine("Git", "repositories", _git),
        Engine("Processes", "pods and steps of pipelines", _processes(base)),
        Engine("Event loop", "what everything waits for", _loop(lag)),
    )


def _lists(reader: Reader, resource: Resource, what: str) -> Check:
    async def check() -> str:
        return _counted(len((await reader.list(resource)).items), what)

    return check


def _records(base: Foundations) -> Check:
    async def check() -> str:
        return f"{_counted(len(await base.records.catalog.sources()), 'source')} in the catalogue"

    return check


def _postgres(base: Foundations) -> Check:
    async def check() -> str:
        address = base.postgres.address
        _, writer = await asyncio.open_connection(address.host, address.port)
        writer.close()
        version = (base.data / "postgres" / "data" / "PG_VERSION").read_text().strip()
        return f"version {version}, takes connections on port {address.port}"

    return check


async def _git() -> str:
    child = await asyncio.create_subprocess_exec(
        "git", "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said, _ = await child.communicate()
    return said.decode().strip().removeprefix("git ")


def _processes(base: Foundations) -> Check:
    async def check() -> str:
        return f"kept apart by {base.processes.isolation}"

    return check


def _loop(lag: LoopLag) -> Check:
    async def check() -> str:
        return f"at worst {lag.worst_s * 1000:.0f} ms late since the start"

    return check


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
