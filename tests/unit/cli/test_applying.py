"""`towpath apply`: what lies in a project of the same file waits for the project."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support import running_api_server

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.environments.kinds import KINDS as ENVIRONMENTS
from towpath.capabilities.governance.projects.kinds import KINDS as PROJECTS
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.cli import object_commands
from towpath.client.protocols import Client
from towpath.hooks.commands import CommandError, Terminal
from towpath.machinery.core_kinds import NAMESPACE

FILE = """
apiVersion: towpath.dev/v1alpha1
kind: Project
metadata: {name: shop}
spec: {displayName: Shop}
---
apiVersion: towpath.dev/v1alpha1
kind: Environment
metadata: {name: staging, namespace: shop}
spec: {cluster: local, order: 1, mode: auto}
"""


class Told:
    def __init__(self, api: Client) -> None:
        self.api = api
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def say(self, text: str) -> None:
        self.lines.put_nowait(text)


async def test_a_stage_waits_for_its_project(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(FILE)
    async with running_api_server(kinds=[*PROJECTS, *ENVIRONMENTS]) as api:
        client = api.client()
        told = Told(client)
        terminal = cast(Terminal, cast(Any, told))
        applying = asyncio.create_task(object_commands.apply(terminal, file=(file,)))
        assert await told.lines.get() == "projects/shop applied"
        await client.create(NAMESPACE, NAMESPACE.object("shop"))
        project = await client.get(PROJECT, "shop")
        ready = {"type": "Ready", "status": "True", "reason": "Ready", "message": ""}
        ready["lastTransitionTime"] = "2026-01-01T00:00:00Z"
        project["status"] = {"conditions": [ready]}
        assert not applying.done()
        await client.update(PROJECT, project, subresource="status")
        await applying
        assert (await client.get(ENVIRONMENT, "staging", "shop"))["spec"]["order"] == 1


async def test_a_project_that_does_not_get_ready_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_commands, "PROJECT_S_MAX", 0)
    file = tmp_path / "shop.yaml"
    file.write_text(FILE)
    async with running_api_server(kinds=[*PROJECTS, *ENVIRONMENTS]) as api:
        terminal = cast(Terminal, cast(Any, Told(api.client())))
        with pytest.raises(CommandError, match="the project shop is not ready"):
            await object_commands.apply(terminal, file=(file,))
