"""A world to try the catalogue in: real API, Git host and index."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from tests.people import People, nobody
from tests.support import eventually, running_api_server

from towpath.capabilities.delivery.workloads.kinds import KINDS as WORKLOAD_KINDS
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import KINDS as PROJECT_KINDS
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.catalog.kinds import KINDS as CATALOG_KINDS
from towpath.capabilities.portal.catalog.reads import reads
from towpath.capabilities.portal.catalog.reconcile import controllers
from towpath.capabilities.portal.remotes.kinds import KINDS as REMOTE_KINDS
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.engines.identity.local import LocalIdentity
from towpath.hooks.platform import Platform
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import custom_resource_definition
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM
from towpath.records.contract import Viewer
from towpath.records.sqlite import SqliteRecords

REPOSITORY = RepositoryName("demo", "orders")
ANYBODY = Viewer(PLATFORM, None)
DATABASE_CRD = custom_resource_definition(POSTGRESQL_INSTANCE, spec={"type": "object"})

DESCRIPTOR = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: orders
  namespace: demo
  description: Takes orders
spec:
  type: service
  lifecycle: experimental
  owner: group:default/team-a
  providesApis: [orders]
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: orders, namespace: demo}
spec:
  type: openapi
  lifecycle: production
  owner: group:default/team-a
  definition: {$text: ./openapi.yaml}
"""


class Everybody:
    """Of a trail: alice has done everything."""

    async def last_writer(self, *_: str) -> str:
        return "alice"


class Here:
    """Of addresses."""

    def portal(self, path: str = "/") -> str:
        return f"http://localhost:8080{path}"


class World:
    def __init__(self, platform: Platform, identity: LocalIdentity) -> None:
        self.platform = platform
        self.identity = identity
        self.answers = {read.path: read.answer for read in reads(platform)}

    async def push(self, **files: str | None) -> None:
        git = self.platform.git
        await git.create(REPOSITORY, owner_uid="u")
        changes = {
            path.replace("_", "-") + ".yaml": None if text is None else File(text.encode())
            for path, text in files.items()
        }
        await git.write(
            REPOSITORY,
            changes,
            message="m",
            author=Signature("alice", "a@b"),
            expected=await git.head(REPOSITORY),
        )

    async def register(self) -> None:
        spec = {"type": "git", "repository": "orders", "path": "catalog-info.yaml"}
        source = CATALOG_SOURCE.object("orders", "demo", spec=spec)
        await self.platform.api.create(CATALOG_SOURCE, source)

    async def workload(self) -> None:
        spec = {"repository": "orders", "environments": ["staging"], "owner": "team-a"}
        await self.platform.api.create(WORKLOAD, WORKLOAD.object("orders", "demo", spec=spec))

    async def database(self) -> None:
        instance = POSTGRESQL_INSTANCE.object("orders-staging-db", "demo", spec={})
        instance["metadata"]["labels"] = {
            "towpath.dev/workload": "orders",
            "towpath.dev/environment": "staging",
        }
        await self.platform.api.create(POSTGRESQL_INSTANCE, instance)

    async def entity(self, ref: str, viewer: Viewer = ANYBODY) -> RawObject | None:
        kind, _, rest = ref.partition(":")
        namespace, _, name = rest.partition("/")
        answer = cast(Any, self.answers["catalog/entities/by-name/{kind}/{namespace}/{name}"])
        parts = {"kind": kind, "namespace": namespace, "name": name}
        try:
            return cast(RawObject, await answer(viewer, parts))
        except NotFound:
            return None

    async def becomes(self, ref: str, check: Callable[[RawObject | None], bool]) -> RawObject:
        seen: list[RawObject | None] = []

        async def holds() -> bool:
            seen.append(await self.entity(ref))
            return check(seen[-1])

        await eventually(holds)
        return cast(RawObject, seen[-1])

    async def source_says(self, text: str) -> None:
        async def said() -> bool:
            source = await self.platform.api.get(CATALOG_SOURCE, "orders", "demo")
            conditions = (source.get("status") or {}).get("conditions") or []
            return any(text in condition["message"] for condition in conditions)

        await eventually(said)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(c.run()) for c in controllers(self.platform)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def relations(entity: RawObject) -> set[tuple[str, str]]:
    return {(relation["type"], relation["targetRef"]) for relation in entity["relations"]}


@asynccontextmanager
async def standing_world(tmp_path: Path) -> AsyncIterator[World]:
    people = People()
    host = EmbeddedGitHost(
        tmp_path / "git", lambda: "http://localhost:8080", people.authenticate, people.authorize
    )
    kinds = [*PROJECT_KINDS, *WORKLOAD_KINDS, *CATALOG_KINDS, *REMOTE_KINDS, DATABASE_CRD]
    async with (
        running_api_server(kinds=kinds) as api,
        host as git,
        SqliteRecords(tmp_path / "records.db") as records,
    ):
        nothing = cast(Any, None)
        identity = LocalIdentity(records.identity)
        platform = Platform(
            api=api.client(),
            clusters=nothing,
            git=git,
            images=nothing,
            processes=nothing,
            logs=records.logs,
            catalog=records.catalog,
            trail=cast(Any, Everybody()),
            audit=records.audit,
            inbox=records.inbox,
            passages=records.passages,
            docs=records.docs,
            seen=records.seen,
            scores=records.scores,
            provisioned=records.provisioned,
            changes=records.changes,
            people=nobody,
            sign_out=identity.sign_out,
            addresses=cast(Any, Here()),
            authorize=people.authorize,
            service_account_token=nothing,
            template_actions=dict,
            data_dir=tmp_path,
            cache_dir=tmp_path,
            database_url="",
            ca_file=tmp_path,
        )
        await platform.api.create(NAMESPACE, NAMESPACE.object("demo"))
        members = [
            {"kind": "User", "name": "alice", "role": "owner"},
            {"kind": "Group", "name": "team-a", "role": "developer"},
        ]
        await platform.api.create(PROJECT, PROJECT.object("demo", spec={"members": members}))
        yield World(platform, identity)
