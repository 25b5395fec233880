"""Sources outside of the hosted repositories: the web, a folder of this machine, a cluster.

Each is one source of the index. What tells nothing by itself is looked at again after the source's
interval; a failure is tried again sooner, and later each time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.portal.catalog.gathering import (
    Gathered,
    Memory,
    gather,
    is_described,
    kept,
    origin_of,
    terms_of,
)
from towpath.capabilities.portal.catalog.kinds import (
    CATALOG_SOURCE,
    DIRECTORY,
    KUBERNETES,
    URL,
)
from towpath.capabilities.portal.catalog.reconcile.claims import Claims
from towpath.capabilities.portal.catalog.reconcile.ingesting import (
    decided,
    ingest,
    loses,
    previous,
)
from towpath.capabilities.portal.catalog.reconcile.models import Models
from towpath.capabilities.portal.catalog.reconcile.reporting import (
    Part,
    Problem,
    Reports,
    part_of,
)
from towpath.capabilities.portal.catalog.reconcile.repositories import (
    LET_GO_S,
    TAKEN_RETRY_S,
    is_of_platform,
)
from towpath.capabilities.portal.catalog.sources.cluster import ClusterObjects
from towpath.capabilities.portal.catalog.sources.folders import TYPE as FILE
from towpath.capabilities.portal.catalog.sources.folders import Folder
from towpath.capabilities.portal.catalog.sources.place import PlaceError, Places, Unread
from towpath.capabilities.portal.catalog.sources.web import Web, raw_address
from towpath.client.protocols import Client
from towpath.machinery.durations import parse_duration_ns
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, RawObject
from towpath.records.contract import CatalogIndex, Cause

PREFIX = "source:"
INTERVAL_S_MIN = 10.0
RETRY_FIRST_S = 5.0
RETRY_S_MAX = 600.0
OUTSIDE = (URL, DIRECTORY, KUBERNETES)


@dataclass(frozen=True, slots=True)
class _Read:
    gathered: Gathered
    asks_for: Callable[[str], bool]
    """Whether the source, as it is written now, asks for an address."""


@dataclass(frozen=True, slots=True)
class OutsideEntities:
    api: Client
    index: CatalogIndex
    web: Web
    folders: Sequence[str]
    """Below which a directory may be read."""
    cluster: ClusterObjects
    reports: Reports
    claims: Claims
    models: Models
    memory: dict[Key, Memory] = field(default_factory=dict)
    failures: dict[Key, int] = field(default_factory=dict)

    async def __call__(self, key: Key) -> float | None:
        name = f"{PREFIX}{key.namespace}/{key.name}"
        try:
            source = await self.api.get(CATALOG_SOURCE, key.name, key.namespace)
        except NotFound:
            source = None
        if source is None or source["spec"]["type"] not in OUTSIDE:
            await self._forget(key, name)
            return None
        try:
            read = await self._read(key, source)
        except PlaceError as error:
            self.reports.put(key, name, Part(problem=Problem("NotAllowed", str(error))))
            return None
        return await self._take(key, name, source, read)

    async def _take(self, key: Key, name: str, source: RawObject, read: _Read) -> float | None:
        before = await previous(self.index, name)
        mine = {
            ref: entity
            for ref, entity in before.items()
            if is_described(entity) and read.asks_for(origin_of(entity))
        }
        orphans = source["spec"].get("orphans") != "Delete" and not _is_of_objects(source)
        entities = kept(read.gathered, mine, orphans=orphans)
        claims = self.claims.set(name, [entity.ref for entity in entities])
        outcome = await ingest(
            self.index,
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
        self.reports.put(key, name, outcome.told(part))
        again_s = self._again(key, source, read.gathered)
        if not taken:
            return again_s
        return LET_GO_S if claims else min(again_s or TAKEN_RETRY_S, TAKEN_RETRY_S)

    def _again(self, key: Key, source: RawObject, gathered: Gathered) -> float | None:
        if gathered.unread:
            failures = self.failures[key] = self.failures.get(key, 0) + 1
            later_s = RETRY_FIRST_S * 2.0 ** min(failures - 1, 10)
            return max(min(later_s, RETRY_S_MAX), gathered.retry_after_s)
        self.failures.pop(key, None)
        return None if _is_of_objects(source) else interval_s(source)

    async def _forget(self, key: Key, name: str) -> None:
        for known in (self.memory, self.failures):
            known.pop(key, None)
        self.claims.set(name, ())
        self.reports.drop(key, name)
        await self.cluster.forget(key)
        if name in await self.index.sources():
            await self.index.forget(name)

    async def _read(self, key: Key, source: RawObject) -> _Read:
        """Raises PlaceError for what may not be read at all."""
        spec, of_platform = source["spec"], is_of_platform(source)
        terms = terms_of(source, is_of_platform=of_platform)
        if spec["type"] == KUBERNETES:
            origin = f"kubernetes:{spec['kubernetes']['cluster']}"
            return _Read(await self.cluster.gather(source, terms), origin.__eq__)
        memory = self.memory.setdefault(key, Memory())
        if spec["type"] == URL:
            web = await self.web.with_secret(self.api, source)
            targets = [f"url:{raw_address(target)}" for target in spec["url"]["targets"]]
            place = Places({"url": web})
            model = self.models.current
            gathered = await gather(place, targets, terms, model=model, memory=memory)
            return _Read(gathered, frozenset(targets).__contains__)
        folder = Folder.of(spec["directory"]["path"], self.folders, of_platform=of_platform)
        place = Places({FILE: folder, "url": self.web})
        try:
            files = await folder.files(spec["directory"].get("files") or ["**/catalog-info.yaml"])
        except Unread as error:
            return _Read(Gathered(unread={folder.address: str(error)}), folder.holds)
        return _Read(
            await gather(place, files, terms, model=self.models.current, memory=memory),
            folder.holds,
        )


def _is_of_objects(source: RawObject) -> bool:
    return bool(source["spec"]["type"] == KUBERNETES)


def interval_s(source: RawObject) -> float:
    text = source["spec"].get("interval") or "10m"
    return max(parse_duration_ns(text) / 1e9, INTERVAL_S_MIN)


def outside_keys(source: RawObject) -> list[Key]:
    metadata = source["metadata"]
    return [Key(metadata["namespace"], metadata["name"])]
