"""What everything else stands on: keys, records, people, processes, the database server, the APIs.

Entered one after the other on the platform's exit stack, so that they are left in reverse.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from towpath.apiserver.authn.pki import Pki, open_pki
from towpath.apiserver.authn.structured import StructuredAuthentication
from towpath.apiserver.front import issuer_named
from towpath.app.addresses import LocalAddresses
from towpath.app.auditing import PolicyAudit, read_audit
from towpath.app.datadir import Ports
from towpath.app.people import ADMINISTRATOR, people_of
from towpath.app.planes import Plane, open_plane
from towpath.app.pods import LocalPods
from towpath.app.sealing import open_sealing
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.clusters.kinds import LOCAL
from towpath.engines.databases.embedded import EmbeddedPostgres
from towpath.engines.identity.guests import Guests
from towpath.engines.identity.local import LocalIdentity
from towpath.engines.processes.host import SupervisedProcesses
from towpath.machinery.users import MASTERS, AccessRequest, UserInfo
from towpath.records.contract import Viewer
from towpath.records.sqlite import SqliteRecords

PLANE = "platform"

Progress = Callable[[str, float], None]
"""Told of each part that has started, and of the seconds it took."""


@dataclass(frozen=True, slots=True)
class Foundations:
    data: Path
    cache: Path
    ports: Ports
    addresses: LocalAddresses
    pki: Pki
    records: SqliteRecords
    identity: LocalIdentity
    processes: SupervisedProcesses
    postgres: EmbeddedPostgres
    api: Plane
    cluster: Plane
    local_pods: LocalPods
    guests: Guests
    federation: StructuredAuthentication
    """Whose tokens are taken besides ours, by DIR/authentication.yaml."""
    policy_audit: PolicyAudit

    async def people(self) -> Sequence[UserInfo]:
        """Everybody who can sign in or has come by a token of a provider, once each."""
        accounts, guests = await self.identity.people(), await self.guests.people()
        names = {one.name for one in accounts}
        return [*accounts, *(one for one in guests if one.name not in names)]

    async def authenticate(self, token: str) -> UserInfo | None:
        """Who a token of the platform's API is; Git, registry and reads ask the same."""
        return await self.api.front.authenticate.authenticate_token(token)

    async def authorize(self, user: UserInfo, request: AccessRequest) -> bool:
        return MASTERS in user.groups or await self.api.front.authorize(user, request)

    async def viewer(self, user: UserInfo) -> Viewer:
        """The user with the projects whose workloads they may list."""
        everywhere = AccessRequest("list", "towpath.dev", "workloads")
        if await self.authorize(user, everywhere):
            return Viewer(user, None)
        seen = [
            name
            for name in await self._project_names()
            if await self.authorize(
                user, AccessRequest("list", "towpath.dev", "workloads", namespace=name)
            )
        ]
        return Viewer(user, frozenset(seen))

    async def projects(self, viewer: Viewer) -> list[str]:
        """The names of the projects that the viewer may see."""
        if viewer.projects is not None:
            return sorted(viewer.projects)
        return await self._project_names()

    async def _project_names(self) -> list[str]:
        projects = await self.api.front.client().list(PROJECT)
        return sorted(project["metadata"]["name"] for project in projects.items)


async def lay_foundations(
    stack: AsyncExitStack, data: Path, cache: Path, ports: Ports, *, demo: bool, progress: Progress
) -> Foundations:
    """Start them all. `demo` adds the demo's people."""
    timer = _Timer(progress)
    cache.mkdir(parents=True, exist_ok=True)
    pki = await asyncio.to_thread(open_pki, data / "pki")
    sealing = open_sealing(data / "pki")
    records = await stack.enter_async_context(SqliteRecords(data / "records.db"))
    identity = LocalIdentity(records.identity, permanent=(ADMINISTRATOR,))
    await records.identity.put_people(people_of(demo=demo))
    timer.done("records")
    processes = await stack.enter_async_context(SupervisedProcesses(data / "run"))
    timer.done(_processes_part(processes.isolation))
    # It takes its time beside everything else; who needs it waits for it.
    postgres = EmbeddedPostgres(data / "postgres", cache=cache, port=ports.postgres)
    stack.push_async_exit(postgres)
    await postgres.begin()
    federation = StructuredAuthentication(
        data / "authentication.yaml", own_issuers=[issuer_named(name) for name in (PLANE, LOCAL)]
    )
    await federation.load()
    guests = Guests(federation.authenticate, records.provisioned, identity.noticed)
    bearer = [identity.authenticate, guests.authenticate]
    policy_audit = await read_audit(data)
    api = await stack.enter_async_context(
        open_plane(
            PLANE,
            data / "platform",
            pki,
            bearer=bearer,
            anonymous_at=federation.anonymous_at,
            audit=policy_audit.for_plane(),
            sealing=sealing,
            signs_certificates=True,
        )
    )
    local_pods = LocalPods(records.audit)
    cluster = await stack.enter_async_context(
        open_plane(
            LOCAL,
            data / "clusters" / LOCAL,
            pki,
            bearer=bearer,
            anonymous_at=federation.anonymous_at,
            audit=policy_audit.for_plane(),
            pods=local_pods,
            sealing=sealing,
        )
    )
    timer.done("platform API and cluster local")
    return Foundations(
        data=data,
        cache=cache,
        ports=ports,
        addresses=LocalAddresses(ports),
        pki=pki,
        records=records,
        identity=identity,
        guests=guests,
        processes=processes,
        postgres=postgres,
        api=api,
        cluster=cluster,
        local_pods=local_pods,
        federation=federation,
        policy_audit=policy_audit,
    )


def _processes_part(isolation: str) -> str:
    if isolation == "none":
        return "processes, not kept apart: single trust"
    return f"processes, kept apart by {isolation}"


class _Timer:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._since = time.monotonic()

    def done(self, part: str) -> None:
        now = time.monotonic()
        self._progress(part, now - self._since)
        self._since = now
