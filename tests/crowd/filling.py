"""Into the data directory of a platform that has been started once and is stopped."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.crowd import objects, runs, singles
from tests.crowd.plan import PROJECTS_OF_TEAM_A, Service
from tests.crowd.plan import projects as projects_of
from tests.crowd.plan import services as services_of
from tests.platform import PlatformProcess, free_port
from towpath.apiserver.core import key_for
from towpath.apiserver.encoding import encode
from towpath.apiserver.registry import Registry, Served
from towpath.apiserver.server import ApiServer
from towpath.app.addresses import LocalAddresses
from towpath.app.datadir import Ports
from towpath.app.sealing import open_sealing
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.capabilities.governance.projects.kinds import PIPELINE_ACCOUNT
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.portal.catalog import facts
from towpath.capabilities.portal.catalog.reconcile.ingesting import version_of
from towpath.capabilities.portal.catalog.reconcile.repositories import PREFIX as REPOSITORY_SOURCE
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.machinery.objects import RawObject
from towpath.machinery.users import service_account
from towpath.records.contract import AuditEntry
from towpath.records.sqlite import SqliteRecords
from towpath.store.contract import Write
from towpath.store.sqlite import SqliteStore

SERVICES = 5000
SEED = 1
OBJECTS_AT_ONCE = 2000
TOLD = {
    one.kind: f"{one.plural}.{one.group}" for one in (WORKLOAD, RELEASE, PROMOTION, TEMPLATE_RUN)
}
CHECKED_OF_EACH_KIND = 50
"""All are made by the same few functions, so that checking some is checking all."""


@dataclass(frozen=True, slots=True)
class Filled:
    services: int
    projects: tuple[str, ...]
    member_projects: tuple[str, ...]
    """Those that alice, bob and carol belong to, beside `demo`."""
    objects: int
    log_lines: int


@asynccontextmanager
async def running_crowd(
    folder: Path, *, services: int = SERVICES, seed: int = SEED, port: int = 0
) -> AsyncIterator[PlatformProcess]:
    """A started platform with a crowd, in a new data directory; stopped at the end."""
    data_dir, port = folder / "data", port or free_port()
    await prepare(data_dir, port=port, services=services, seed=seed)
    platform = PlatformProcess(data_dir, port=port)
    await platform.start()
    try:
        yield platform
    finally:
        await platform.stop()


async def prepare(data_dir: Path, *, port: int, services: int, seed: int) -> Filled:
    """Start a new platform once, stop it, and fill it."""
    platform = PlatformProcess(data_dir, port=port)
    await platform.start()
    await platform.stop()
    return await fill(data_dir, services=services, seed=seed)


async def fill(
    data_dir: Path, *, services: int = SERVICES, seed: int = SEED, now: datetime | None = None
) -> Filled:
    """The platform of `data_dir` must be stopped. `now` is what ages count from."""
    now = now or datetime.now(UTC)
    addresses = LocalAddresses(Ports(**json.loads((data_dir / "settings.json").read_text())))
    crowd = list(services_of(services, seed, now))
    there = projects_of(services)
    chance = random.Random(seed + 1)
    store = await SqliteStore.open(
        data_dir / "platform" / "store.db", sealing=open_sealing(data_dir / "pki")
    )
    try:
        writer = _Writer(store, (await ApiServer.start(store)).core.registry, chance)
        long_ago = now - timedelta(days=800)
        for project in there:
            await writer.write(objects.of_project(project, long_ago))
        components: list[tuple[Service, list[RawObject]]] = []
        for number, service in enumerate(crowd):
            made = [
                *objects.of_service(service, addresses),
                *runs.of_service(service, number),
            ]
            components.append((service, made))
            await writer.write(made)
        await writer.write(_singles(components, now))
        await writer.flush()
    finally:
        await store.close()
    async with SqliteRecords(data_dir / "records.db") as records:
        await _index(records, components)
        for _, made in components:
            await records.audit.append(_audit(made))
        lines = await _log(records, crowd)
    names = tuple(project.name for project in there)
    return Filled(services, names, names[:PROJECTS_OF_TEAM_A], writer.written, lines)


def _singles(
    components: Sequence[tuple[Service, list[RawObject]]], now: datetime
) -> Iterable[RawObject]:
    """About the first service that is well: it is in the first project."""
    service, made = next(one for one in components if one[0].story == "healthy")
    workload = next(obj for obj in made if obj["kind"] == WORKLOAD.kind)
    return singles.of_service(service, workload, now)


class _Writer:
    """Objects by way of their schemas into the store, many in one commit."""

    def __init__(self, store: SqliteStore, registry: Registry, chance: random.Random) -> None:
        self._store = store
        self._registry = registry
        self._chance = chance
        self._waiting: list[Write] = []
        self._checked: dict[str, int] = {}
        self.written = 0

    async def write(self, made: Iterable[RawObject]) -> None:
        self._waiting += [self._write(obj) for obj in made]
        if len(self._waiting) >= OBJECTS_AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        await asyncio.gather(*(self._store.commit(write) for write in waiting))
        self.written += len(waiting)

    def _write(self, obj: RawObject) -> Write:
        served = self._registry.of_kind(obj["apiVersion"], obj["kind"])
        assert served is not None, f"the platform does not serve {obj['kind']}"
        objects.identity(self._chance, obj)
        self._complete(served, obj)
        metadata = obj["metadata"]
        key = key_for(served, metadata.get("namespace", ""), metadata["name"])
        return Write(
            served.collection,
            key,
            0,
            lambda revision: encode(obj, revision, served.stored_api_version),
        )

    def _complete(self, served: Served, obj: RawObject) -> None:
        """As the server would: nothing unknown, defaults filled in, valid."""
        assert served.schema is not None
        served.schema.default(obj)
        kind = obj["kind"]
        checked = self._checked.setdefault(kind, 0)
        if checked < CHECKED_OF_EACH_KIND:
            self._checked[kind] += 1
            unknown = served.schema.prune(obj)
            assert not unknown, f"{kind} has no {', '.join(unknown)}"
            wrong = served.schema.validate(obj, None)
            assert not wrong, f"{kind} {obj['metadata']['name']}: {wrong}"


async def _index(
    records: SqliteRecords, components: Sequence[tuple[Service, list[RawObject]]]
) -> None:
    """The catalogue as its controller makes it, so that the controller finds nothing to do."""
    for at in range(0, len(components), OBJECTS_AT_ONCE):
        await asyncio.gather(
            *(_index_one(records, *one) for one in components[at : at + OBJECTS_AT_ONCE])
        )


async def _index_one(records: SqliteRecords, service: Service, made: list[RawObject]) -> None:
    workload = next(obj for obj in made if obj["kind"] == WORKLOAD.kind)
    instances = sorted(
        (obj for obj in made if obj["kind"] == POSTGRESQL_INSTANCE.kind),
        key=lambda obj: str(obj["metadata"]["name"]),
    )
    entities = [
        facts.component(workload, instances),
        *(facts.database(instance, workload) for instance in instances),
    ]
    await records.catalog.ingest(
        f"{REPOSITORY_SOURCE}{service.project.name}/{service.name}",
        entities,
        project=service.project.name,
        version=version_of(entities),
    )


async def _log(records: SqliteRecords, crowd: Sequence[Service]) -> int:
    count = 0
    for number, service in enumerate(crowd):
        for stream, lines in runs.logs_of(service):
            records.logs.append(stream, lines)
            records.logs.end(stream)
            count += len(lines)
        if number % 500 == 499:
            await records.logs.settled()
    await records.logs.settled()
    return count


def _audit(made: Iterable[RawObject]) -> list[AuditEntry]:
    """That somebody made them, for pages that tell what has happened."""
    return [
        AuditEntry(
            id=f"/{obj['metadata']['resourceVersion']}/{obj['metadata']['creationTimestamp']}",
            time_s=datetime.fromisoformat(obj["metadata"]["creationTimestamp"]).timestamp(),
            cluster="",
            user=_maker(obj),
            verb="create",
            resource=TOLD[obj["kind"]],
            namespace=obj["metadata"]["namespace"],
            name=obj["metadata"]["name"],
            project=obj["metadata"]["namespace"],
        )
        for obj in made
        if obj["kind"] in TOLD
    ]


def _maker(obj: RawObject) -> str:
    spec, project = obj["spec"], obj["metadata"]["namespace"]
    return str(spec.get("requestedBy") or service_account(project, PIPELINE_ACCOUNT).name)
