"""The world of templates with upgrades: a template in a repository, and what came of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from tests.scenarios.templates.conftest import PROJECT_NAME, World
from tests.support import eventually

from towpath.capabilities.portal.remotes.controllers import controllers as remote_controllers
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.capabilities.portal.templates.reconcile import controllers as template_controllers
from towpath.capabilities.portal.templates.upgrades.controllers import controllers
from towpath.capabilities.portal.templates.upgrades.kinds import (
    TEMPLATE_INSTANCE,
    TEMPLATE_UPGRADE,
    phase_of,
)
from towpath.engines.git.port import MAIN, File, RepositoryName, Signature
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import CommitSHA, RawObject

TEMPLATES = RepositoryName(PROJECT_NAME, "paths")
AUTHOR = Signature("carol", "carol@example.com")
STEPS: list[RawObject] = [
    {
        "id": "fetch",
        "action": "fetch:template",
        "input": {
            "url": "./skeleton",
            "values": {
                "name": "${{ parameters.name }}",
                "port": "${{ parameters.port }}",
                "project": "${{ towpath.project }}",
                "by": "${{ user.entity.metadata.name }}",
            },
        },
    },
    {
        "id": "publish",
        "action": "publish:towpath",
        "input": {
            "repoUrl": "host?owner=${{ towpath.project }}&repo=${{ parameters.name }}",
        },
    },
]
PARAMETERS: RawObject = {
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "port": {"type": "integer", "default": 8000},
    },
}
LINES = [f"line {number}" for number in range(1, 21)]
V1: dict[str, str] = {
    "README.md": "# ${{ values.name }}\n\nMade by ${{ values.by }} in ${{ values.project }}.\n",
    "app.txt": "\n".join(LINES) + "\n",
    "port.txt": "${{ values.port }}\n",
    "old/moved.txt": "\n".join(f"moved {line}" for line in LINES) + "\n",
    "gone.txt": "it goes\n",
}
V2: dict[str, str] = {
    **{path: text for path, text in V1.items() if path not in ("gone.txt", "old/moved.txt")},
    "app.txt": "\n".join([*LINES[:-1], "line 20 of v2"]) + "\n",
    "new/moved.txt": V1["old/moved.txt"],
    "new.txt": "new in ${{ values.name }}\n",
}


def text_of(files: Mapping[str, File]) -> dict[str, str]:
    return {path: file.content.decode() for path, file in files.items()}


@dataclass
class Upgrading:
    """The world, with the verbs of these tests."""

    world: World

    @property
    def client(self) -> Any:
        return self.world.client

    @property
    def git(self) -> Any:
        return self.world.platform.git

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        platform = self.world.platform
        everything = [
            *template_controllers(platform),
            *controllers(platform),
            *remote_controllers(platform),
        ]
        tasks = [asyncio.create_task(one.run()) for one in everything if one.name != "golden-paths"]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def offer(
        self, skeleton: Mapping[str, str], parameters: RawObject = PARAMETERS
    ) -> CommitSHA:
        """Push a version of the template, whole, and offer it."""
        await self.git.create(TEMPLATES, owner_uid="of-the-test")
        head = await self.git.head(TEMPLATES)
        present = await self.git.files(TEMPLATES, head) if head else {}
        files = {f"skeleton/{path}": File(text.encode()) for path, text in skeleton.items()}
        changes = {**dict.fromkeys(present), **files}
        commit: CommitSHA = await self.git.write(
            TEMPLATES,
            changes,
            message=f"Version of {len(files)} files",
            author=AUTHOR,
            expected=head,
        )
        descriptor = {
            "apiVersion": "scaffolder.backstage.io/v1beta3",
            "kind": "Template",
            "metadata": {"name": "service"},
            "spec": {"type": "service", "steps": STEPS, "parameters": parameters},
        }
        template = SOFTWARE_TEMPLATE.object(
            "service",
            PROJECT_NAME,
            spec={"descriptor": descriptor, "source": {"repository": str(TEMPLATES)}},
        )
        await self.client.apply(SOFTWARE_TEMPLATE, template, manager="test", force=True)
        return commit

    async def offer_files(self, files: Mapping[str, str], steps: list[RawObject]) -> CommitSHA:
        """A template of another tool, pushed whole and offered with these steps."""
        await self.git.create(TEMPLATES, owner_uid="of-the-test")
        head = await self.git.head(TEMPLATES)
        present = await self.git.files(TEMPLATES, head) if head else {}
        changes = {
            **dict.fromkeys(present),
            **{path: File(text.encode()) for path, text in files.items()},
        }
        commit: CommitSHA = await self.git.write(
            TEMPLATES, changes, message="A version", author=AUTHOR, expected=head
        )
        descriptor = {
            "apiVersion": "scaffolder.backstage.io/v1beta3",
            "kind": "Template",
            "metadata": {"name": "service"},
            "spec": {"type": "service", "steps": steps},
        }
        spec = {"descriptor": descriptor, "source": {"repository": str(TEMPLATES)}}
        template = SOFTWARE_TEMPLATE.object("service", PROJECT_NAME, spec=spec)
        await self.client.apply(SOFTWARE_TEMPLATE, template, manager="test", force=True)
        return commit

    async def repository(self, name: str, files: Mapping[str, str]) -> CommitSHA:
        """One that is there already, made by somebody elsewhere."""
        repository = RepositoryName(PROJECT_NAME, name)
        await self.git.create(repository, owner_uid="of-the-test")
        commit: CommitSHA = await self.git.write(
            repository,
            {path: File(text.encode()) for path, text in files.items()},
            message="As it was",
            author=AUTHOR,
            expected=None,
        )
        return commit

    async def make(self, name: str, **parameters: Any) -> CommitSHA:
        """An instance of the template; the head of its main."""
        spec = {
            "template": {"name": "service", "namespace": PROJECT_NAME},
            "parameters": {"name": name, "port": 8000, **parameters},
            "requestedBy": "alice",
        }
        await self.client.create(
            TEMPLATE_RUN, TEMPLATE_RUN.object(f"make-{name}", PROJECT_NAME, spec=spec)
        )
        run = await self.world.finished(f"make-{name}")
        assert run["status"]["phase"] == "Succeeded", run["status"]
        return await self.head(name)

    async def head(self, name: str, ref: str = MAIN) -> Any:
        return await self.git.head(RepositoryName(PROJECT_NAME, name), ref)

    async def files(self, name: str, ref: str = MAIN) -> dict[str, str]:
        repository = RepositoryName(PROJECT_NAME, name)
        return text_of(await self.git.files(repository, await self.head(name, ref)))

    async def push(self, name: str, ref: str = MAIN, **changes: str | None) -> CommitSHA:
        repository = RepositoryName(PROJECT_NAME, name)
        files = {
            path.replace("__", "/").replace("_", "."): None if text is None else File(text.encode())
            for path, text in changes.items()
        }
        commit: CommitSHA = await self.git.write(
            repository,
            files,
            message="By hand",
            author=AUTHOR,
            expected=await self.head(name, ref),
            ref=ref,
        )
        return commit

    async def upgrade(self, name: str, revision: str, **spec: Any) -> str:
        obj = TEMPLATE_UPGRADE.object(
            name,
            PROJECT_NAME,
            spec={"repository": name, "revision": revision, "requestedBy": "alice", **spec},
        )
        await self.client.create(TEMPLATE_UPGRADE, obj)
        return name

    async def change(self, name: str, **spec: Any) -> None:
        await self.client.patch(TEMPLATE_UPGRADE, name, PROJECT_NAME, {"spec": spec})

    async def until(self, resource: Resource, name: str, *phases: str) -> RawObject:
        """The object once it is in one of these phases, its spec having been looked at."""
        seen: list[RawObject] = []

        async def check() -> bool:
            try:
                found = await self.client.get(resource, name, PROJECT_NAME)
            except NotFound:
                return False
            seen.append(found)
            generation = (found.get("status") or {}).get("observedGeneration")
            return phase_of(found) in phases and generation == found["metadata"]["generation"]

        try:
            await eventually(check, deadline_s=15)
        except TimeoutError:
            raise AssertionError(f"not in {phases}: {seen[-1:]}") from None
        return seen[-1]

    async def upgraded(self, name: str, *phases: str) -> RawObject:
        return await self.until(TEMPLATE_UPGRADE, name, *phases)

    async def instance(self, name: str, *phases: str) -> RawObject:
        return await self.until(TEMPLATE_INSTANCE, name, *phases)


@pytest.fixture
async def upgrading(world: World) -> AsyncIterator[Upgrading]:
    made = Upgrading(world)
    async with made.running():
        yield made
