"""Sources outside of the hosted repositories: the web, folders, clusters, Git hosts, directories of
people, plug-ins.

Each is one source of the index. What tells nothing by itself is looked at again after the source's
interval; a failure is tried again sooner, and later each time.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from towpath.capabilities.portal.catalog.gathering import (
    Gathered,
    is_described,
    kept,
    origin_of,
)
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, PERIODIC, PLUGIN, SCIM
from towpath.capabilities.portal.catalog.reconcile.claims import Claims
from towpath.capabilities.portal.catalog.reconcile.ingesting import (
    decided,
    ingest,
    loses,
    previous,
)
from towpath.capabilities.portal.catalog.reconcile.readers import (
    OF_OBJECTS,
    OUTSIDE,
    Read,
    Readers,
)
from towpath.capabilities.portal.catalog.reconcile.reporting import (
    Part,
    Problem,
    Reports,
    at,
    part_of,
)
from towpath.capabilities.portal.catalog.reconcile.repositories import (
    LET_GO_S,
    TAKEN_RETRY_S,
    is_of_platform,
)
from towpath.capabilities.portal.catalog.sources.place import PlaceError
from towpath.hooks.platform import Platform
from towpath.machinery.durations import parse_duration_ns
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, RawObject, key_of
from towpath.machinery.users import PLATFORM
from towpath.records.contract import Cause, Viewer
from towpath.records.provisioned_contract import NEWS as PUSHED

PREFIX = "source:"
INTERVAL_S_MIN = 10.0
RETRY_FIRST_S = 5.0
RETRY_S_MAX = 600.0
PUSHED_S = 0.5


@dataclass(frozen=True, slots=True)
class OutsideEntities:
    platform: Platform
    readers: Readers
    reports: Reports
    claims: Claims
    failures: dict[Key, int] = field(default_factory=dict)

    async def __call__(self, key: Key) -> float | None:
        name = f"{PREFIX}{key.namespace}/{key.name}"
        try:
            source = await self.platform.api.get(CATALOG_SOURCE, key.name, key.namespace)
        except NotFound:
            source = None
        if source is None or source["spec"]["type"] not in OUTSIDE:
            await self._forget(key, name)
            return None
        try:
            read = await self.readers.read(key, source)
        except PlaceError as error:
            # What is missing may come: a Secret, a host that an administrator allows.
            again_s = self._later(key)
            part = Part(problem=Problem("NotAllowed", str(error)))
            self._tell(key, name, part, again_s)
            return again_s
        return await self._take(key, name, source, read)

    def _tell(self, key: Key, name: str, part: Part, again_s: float | None) -> None:
        """With when it was read, of one that is read now and then: a cluster tells of every change
        in it, and each would be a write."""
        if again_s is not None:
            failures = self.failures.get(key, 0)
            part = replace(part, read_at=at(0), next_at=at(again_s), failures=failures)
        self.reports.put(key, name, part)

    async def _take(self, key: Key, name: str, source: RawObject, read: Read) -> float | None:
        # Nothing that is told again is compared here, nor held in memory twice.
        told = {entity.ref for entity in read.gathered.entities}
        before = await previous(self.platform.catalog, name, but=told)
        mine = {
            ref: entity
            for ref, entity in before.items()
            if is_described(entity) and read.asks_for(origin_of(entity))
        }
        spec = source["spec"]
        orphans = spec.get("orphans") != "Delete" and spec["type"] not in OF_OBJECTS
        entities = kept(read.gathered, mine, orphans=orphans)
        claims = self.claims.set(name, [entity.ref for entity in entities])
        outcome = await ingest(
            self.platform.catalog,
            name,
            entities,
            project="" if is_of_platform(source) else key.namespace,
            decided=decided([source]),
            cause=Cause("", f"the catalogue source {key.name} was read"),
            loses=loses(mine, entities),
        )
        taken = outcome.ingested.taken
        refs = [entity.ref for entity in read.gathered.entities]
        part = part_of(read.gathered, refs, taken, must_be_there=True)
        again_s = self._again(key, source, read.gathered)
        self._tell(key, name, outcome.told(part), again_s)
        if not taken:
            return again_s
        return LET_GO_S if claims else min(again_s or TAKEN_RETRY_S, TAKEN_RETRY_S)

    def _again(self, key: Key, source: RawObject, gathered: Gathered) -> float | None:
        if gathered.unread or gathered.unlisted:
            return max(self._later(key), gathered.retry_after_s)
        self.failures.pop(key, None)
        return interval_s(source) if source["spec"]["type"] in PERIODIC else None

    def _later(self, key: Key) -> float:
        """After another failure."""
        failures = self.failures[key] = self.failures.get(key, 0) + 1
        return min(RETRY_FIRST_S * 2.0 ** min(failures - 1, 10), RETRY_S_MAX)

    async def _forget(self, key: Key, name: str) -> None:
        self.readers.memory.pop(key, None)
        self.failures.pop(key, None)
        self.reports.drop(key, name)
        await self.readers.cluster.forget(key)
        await self.platform.provisioned.forget(str(key))
        if name in await self.platform.catalog.sources():
            await self.platform.catalog.forget(name)
        self.claims.set(name, ())


def interval_s(source: RawObject) -> float:
    text = source["spec"].get("interval") or "10m"
    return max(parse_duration_ns(text) / 1e9, INTERVAL_S_MIN)


async def outside_keys(source: RawObject) -> list[Key]:
    return [key_of(source)] if source["spec"]["type"] in OUTSIDE else []


async def pushed_people(platform: Platform) -> AsyncIterator[Key]:
    """The sources of people, when an identity provider has pushed something: once for much.

    Whoever pushes ten thousand people does it one by one, and each look at them costs as much as
    there are.
    """
    news = asyncio.Event()
    with platform.changes.of_projects(PUSHED, Viewer(PLATFORM, None), news.set):
        while True:
            await news.wait()
            await asyncio.sleep(PUSHED_S)
            news.clear()
            field = f"spec.type={SCIM}"
            for source in (await platform.api.list(CATALOG_SOURCE, fields=field)).items:
                yield key_of(source)


async def offered(platform: Platform) -> AsyncIterator[Key]:
    """The sources that plug-ins read, when one has come."""
    if platform.template_actions_changed is None:
        return
    async for _ in platform.template_actions_changed():
        field = f"spec.type={PLUGIN}"
        for source in (await platform.api.list(CATALOG_SOURCE, fields=field)).items:
            yield key_of(source)
