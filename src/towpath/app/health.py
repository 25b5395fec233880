"""The embedded engines, each with the question that shows whether it works: for the about page.

Everybody may read that page, so an answer counts nothing that belongs to somebody's project.
"""

import asyncio
from collections.abc import Awaitable, Callable

from towpath.app.foundations import Foundations
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.machinery.core_kinds import NODE
from towpath.runtime.looplag import LoopLag
from towpath.web.about_page import Engine

Check = Callable[[], Awaitable[str]]


def engines(base: Foundations, lag: LoopLag) -> tuple[Engine, ...]:
    return (
        Engine("Platform API", "every object of the platform", _platform_api(base)),
        Engine("Cluster local", "runs the workloads", _cluster(base)),
        Engine("Records", "catalogue, logs, audit trail", _records(base)),
        Engine("PostgreSQL", "the services' databases", _postgres(base)),
        Engine("Git", "repositories", _git),
        Engine("Processes", "pods and steps of pipelines", _processes(base)),
        Engine("Event loop", "what everything waits for", _loop(lag)),
    )


def _platform_api(base: Foundations) -> Check:
    async def check() -> str:
        await base.api.front.client().list(PROJECT, limit=1)
        return f"takes requests on port {base.ports.api}"

    return check


def _cluster(base: Foundations) -> Check:
    async def check() -> str:
        nodes = (await base.cluster.front.client().list(NODE)).items
        return "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"

    return check


def _records(base: Foundations) -> Check:
    async def check() -> str:
        await base.records.catalog.sources()
        return "takes questions"

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
