"""A platform with the parts that templates need, all real: API, Git host, logs, controllers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from tests.people import People, holds_nothing, nobody
from tests.support import RunningApi, eventually, running_api_server

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.environments.kinds import KINDS as ENVIRONMENT_KINDS
from towpath.capabilities.delivery.pipelines.kinds import KINDS as PIPELINE_KINDS
from towpath.capabilities.delivery.workloads.kinds import KINDS as WORKLOAD_KINDS
from towpath.capabilities.governance.projects.kinds import KINDS as PROJECT_KINDS
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.catalog.kinds import KINDS as CATALOG_KINDS
from towpath.capabilities.portal.remotes.kinds import KINDS as REMOTE_KINDS
from towpath.capabilities.portal.templates.actions import actions
from towpath.capabilities.portal.templates.kinds import KINDS as TEMPLATE_KINDS
from towpath.capabilities.portal.templates.kinds import (
    SOFTWARE_TEMPLATE,
    TEMPLATE_RUN,
)
from towpath.capabilities.portal.templates.progress import is_finished
from towpath.capabilities.portal.templates.reconcile import controllers
from towpath.capabilities.portal.templates.upgrades.kinds import KINDS as UPGRADE_KINDS
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.hooks.templates import TemplateAction
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.objects import RawObject
from towpath.records.sqlite import SqliteRecords

PROJECT_NAME = "demo"
KINDS = [
    *PROJECT_KINDS,
    *ENVIRONMENT_KINDS,
    *PIPELINE_KINDS,
    *WORKLOAD_KINDS,
    *CATALOG_KINDS,
    *REMOTE_KINDS,
    *TEMPLATE_KINDS,
    *UPGRADE_KINDS,
]


class LocalAddresses:
    def portal(self, path: str = "/") -> str:
        return f"http://localhost:8080{path}"

    def registry(self) -> str:
        return "localhost:8080"


@dataclass
class World:
    """The platform and what a test does with it."""

    api: RunningApi
    platform: Platform
    extra_actions: dict[str, TemplateAction] = field(default_factory=dict)

    @property
    def client(self) -> Any:
        return self.platform.api

    async def template(self, name: str, steps: list[RawObject], **spec: Any) -> None:
        descriptor = {
            "apiVersion": "scaffolder.backstage.io/v1beta3",
            "kind": "Template",
            "metadata": {"name": name},
            "spec": {"type": "service", "steps": steps, **spec},
        }
        obj = SOFTWARE_TEMPLATE.object(name, SYSTEM_NAMESPACE, spec={"descriptor": descriptor})
        await self.client.create(SOFTWARE_TEMPLATE, obj)

    async def start(self, run_name: str, template: str, /, **parameters: Any) -> RawObject:
        spec = {
            "template": {"name": template},
            "parameters": parameters,
            "requestedBy": "alice",
        }
        run = TEMPLATE_RUN.object(run_name, PROJECT_NAME, spec=spec)
        return cast(RawObject, await self.client.create(TEMPLATE_RUN, run))

    async def finished(self, name: str) -> RawObject:
        """The run when nothing is left to do for it."""
        seen: list[RawObject] = []

        async def check() -> bool:
            run = await self.client.get(TEMPLATE_RUN, name, PROJECT_NAME)
            seen.append(run)
            return is_finished(run) and not run["metadata"].get("finalizers")

        await eventually(check, deadline_s=10)
        return seen[-1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The controllers, until the block ends: then they stop as in a crash, at any await."""
        tasks = [asyncio.create_task(c.run()) for c in controllers(self.platform)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def add_action(self, action_id: str, run: Any, undo: Any = None, **schema: Any) -> None:
        self.extra_actions[action_id] = TemplateAction(
            action_id, "of the test", {"type": "object", **schema}, run, undo
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    people = People()
    host = EmbeddedGitHost(
        tmp_path / "git",
        lambda: "http://localhost:8080",
        people.authenticate,
        people.authorize,
    )
    async with (
        running_api_server(kinds=KINDS) as api,
        host as git,
        SqliteRecords(tmp_path / "records.db") as records,
    ):
        made: list[World] = []

        def offered() -> Mapping[str, TemplateAction]:
            return {**actions(made[0].platform), **made[0].extra_actions}

        nothing = cast(Any, None)
        platform = Platform(
            api=api.client(),
            clusters=nothing,
            git=git,
            images=nothing,
            processes=nothing,
            logs=records.logs,
            catalog=records.catalog,
            trail=records.audit,
            audit=records.audit,
            inbox=records.inbox,
            passages=records.passages,
            docs=records.docs,
            seen=records.seen,
            scores=records.scores,
            provisioned=records.provisioned,
            changes=records.changes,
            people=nobody,
            sign_out=holds_nothing,
            addresses=cast(Any, LocalAddresses()),
            authorize=people.authorize,
            service_account_token=nothing,
            template_actions=offered,
            data_dir=tmp_path,
            cache_dir=tmp_path / "cache",
            database_url="",
            ca_file=tmp_path / "ca.crt",
        )
        made.append(World(api, platform))
        await _furnish(platform)
        yield made[0]


async def _furnish(platform: Platform) -> None:
    for name in (SYSTEM_NAMESPACE, PROJECT_NAME):
        await platform.api.create(NAMESPACE, NAMESPACE.object(name))
    members = [{"kind": "Group", "name": "team-a", "role": "developer"}]
    await platform.api.create(PROJECT, PROJECT.object(PROJECT_NAME, spec={"members": members}))
    for name, order in (("production", 20), ("staging", 10)):
        spec = {"cluster": "local", "order": order}
        await platform.api.create(ENVIRONMENT, ENVIRONMENT.object(name, PROJECT_NAME, spec=spec))
