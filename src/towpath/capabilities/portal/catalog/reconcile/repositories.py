"""Everything in the catalogue that comes of one hosted repository.

One source of the index per repository: what its descriptors say, merged with the workloads that
the repository holds and their databases. A source that discovers repositories is a source of each
of them, so that a push costs what one repository costs, however many there are.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.delivery.workloads.kinds import (
    OF_REPOSITORY,
    WORKLOAD,
    WORKLOAD_LABEL,
)
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.portal.catalog import facts
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
    DEFAULT_PATH,
    DISCOVERY,
    GIT,
    REFRESH_ANNOTATION,
)
from towpath.capabilities.portal.catalog.reconcile.claims import Claims
from towpath.capabilities.portal.catalog.reconcile.ingesting import (
    Outcome,
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
from towpath.capabilities.portal.catalog.sources.hosted_git import (
    TYPE,
    HostedGit,
    address_of,
    split,
)
from towpath.capabilities.portal.catalog.sources.place import Place, PlaceError, Places
from towpath.client.protocols import Client
from towpath.engines.git.port import MAIN, GitHost, RepositoryName, RepositoryNotFound
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.errors import NotFound
from towpath.machinery.globs import Globs
from towpath.machinery.objects import CommitSHA, Key, RawObject, annotations_of, key_of, labels_of
from towpath.records.contract import CatalogIndex, Cause, Entity, Ingested

PREFIX = "repository:"
TAKEN_RETRY_S = 5.0
LET_GO_S = 0.2
"""After which the platform's own knowledge of people has yielded to a description."""


def is_of_platform(source: RawObject) -> bool:
    """Whether the platform's engineers made it: nobody else may write where it is."""
    return bool(source["metadata"]["namespace"] == SYSTEM_NAMESPACE)


def covers(source: RawObject, repository: RepositoryName) -> bool:
    spec, project = source["spec"], source["metadata"]["namespace"]
    if spec["type"] == GIT:
        return bool((project, spec["repository"]) == (repository.project, repository.name))
    if spec["type"] != DISCOVERY:
        return False
    discovery = spec.get("discovery") or {}
    projects = discovery.get("projects") or [project]
    if not is_of_platform(source):
        projects = [name for name in projects if name == project]
    return (
        Globs(projects).match(repository.project)
        and Globs(discovery.get("repositories") or ["*"]).match(repository.name)
        and not Globs(discovery.get("exclude") or ()).match(repository.name)
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source says of one repository, and what must change for it to say something else."""

    state: tuple[object, ...]
    commit: CommitSHA
    gathered: Gathered
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class RepositoryEntities:
    api: Client
    git: GitHost
    index: CatalogIndex
    web: Place
    reports: Reports
    claims: Claims
    models: Models
    readings: dict[RepositoryName, dict[Key, Reading]] = field(default_factory=dict)
    memory: dict[RepositoryName, Memory] = field(default_factory=dict)
    told: dict[RepositoryName, str] = field(default_factory=dict)
    """The commit that was taken into the catalogue last."""
    locks: dict[RepositoryName, asyncio.Lock] = field(default_factory=dict)
    followers: dict[RepositoryName, set[RepositoryName]] = field(default_factory=dict)
    """Repositories whose Location entities lead into this one."""

    async def __call__(self, key: Key) -> float | None:
        named = {key.name}
        try:
            workload = await self.api.get(WORKLOAD, key.name, key.namespace)
        except NotFound:
            pass
        else:
            named.add(workload["spec"]["repository"])
        repositories = {RepositoryName(key.namespace, name) for name in named}
        for repository in tuple(repositories):
            repositories |= self.followers.get(repository, set())
        again = [await self._index_alone(repository) for repository in sorted(repositories)]
        return min((delay for delay in again if delay is not None), default=None)

    async def _index_alone(self, repository: RepositoryName) -> float | None:
        """Several keys lead to one repository; of two readings the later one must be the last."""
        async with self.locks.setdefault(repository, asyncio.Lock()):
            return await self._index(repository)

    async def _sources(self, repository: RepositoryName) -> list[RawObject]:
        mine = OF_REPOSITORY.format(repository.name)
        named = await self.api.list(CATALOG_SOURCE, repository.project, fields=mine)
        found = await self.api.list(CATALOG_SOURCE, fields=f"spec.type={DISCOVERY}")
        return [source for source in (*named.items, *found.items) if covers(source, repository)]

    async def _index(self, repository: RepositoryName) -> float | None:
        """When to look again, for another source may let go of a reference, or the web answer."""
        name = f"{PREFIX}{repository}"
        sources = await self._sources(repository)
        workloads = await self._workloads(repository)
        self._let_go(repository, name, sources)
        if not sources and not workloads:
            self.memory.pop(repository, None)
            if name in await self.index.sources():
                await self.index.forget(name)
            self.claims.set(name, ())
            return None
        readings = await self._read(repository, sources)
        before = await previous(self.index, name)
        entities = await self._known(workloads)
        own = False
        for source, reading in readings:
            mine = _of_source(source, repository, before)
            have = kept(reading.gathered, mine, orphans=source["spec"].get("orphans") != "Delete")
            own |= loses(mine, have)
            for entity in have:
                merge_in(entities, entity)
        claims = self.claims.set(name, entities)
        cause = await self._cause(repository, readings)
        if not entities and not before:
            outcome = Outcome("", Ingested(changed=False))
        else:
            outcome = await ingest(
                self.index,
                name,
                list(entities.values()),
                project=repository.project,
                decided=decided(sources),
                cause=cause,
                loses=own,
            )
        if not outcome.ingested.refused:
            self.told[repository] = next((one.commit for _, one in readings if one.commit), "")
        again = self._told(name, readings, outcome)
        return LET_GO_S if claims and outcome.ingested.taken else again

    def _told(
        self, name: str, readings: Sequence[tuple[RawObject, Reading]], outcome: Outcome
    ) -> float | None:
        taken = outcome.ingested.taken
        for source, reading in readings:
            must = source["spec"]["type"] == GIT
            refs = [entity.ref for entity in reading.gathered.entities]
            part = part_of(reading.gathered, refs, taken, must_be_there=must)
            if reading.problem is not None:
                part = Part(problem=reading.problem)
            self.reports.put(key_of(source), name, outcome.told(part, commit=reading.commit))
        waits = [TAKEN_RETRY_S] if taken else []
        waits += [
            max(reading.gathered.retry_after_s, TAKEN_RETRY_S)
            for _, reading in readings
            if reading.gathered.unread or reading.gathered.unlisted
        ]
        return min(waits, default=None)

    def _let_go(self, repository: RepositoryName, name: str, sources: Sequence[RawObject]) -> None:
        """Of sources that are about this repository no more."""
        current = {key_of(source) for source in sources}
        known = self.readings.get(repository, {})
        for gone in set(known) - current:
            del known[gone]
            self.reports.drop(gone, name)
        if not current:
            self.readings.pop(repository, None)

    async def _read(
        self, repository: RepositoryName, sources: Sequence[RawObject]
    ) -> list[tuple[RawObject, Reading]]:
        """Every source with what it says. Raises GitUnavailable: leave everything as it is."""
        try:
            head = await self.git.head(repository)
        except RepositoryNotFound:
            gone = Problem("RepositoryNotFound", f"There is no {repository}")
            return [(source, Reading((), CommitSHA(""), Gathered(), gone)) for source in sources]
        if head is None:
            empty = Problem("RepositoryEmpty", f"{repository} has no commit on main yet")
            waiting = Gathered(unlisted={address_of(repository, ""): empty.message})
            return [(source, Reading((), CommitSHA(""), waiting, empty)) for source in sources]
        known = self.readings.setdefault(repository, {})
        read = []
        for source in sources:
            key = key_of(source)
            state = (head, self.models.version, *_asked_of(source))
            reading = known.get(key)
            if reading is None or not self._holds(reading, state, repository):
                reading = await self._gather(repository, head, source, state)
                known[key] = reading
            read.append((source, reading))
        return read

    def _holds(
        self, reading: Reading, state: tuple[object, ...], repository: RepositoryName
    ) -> bool:
        leads_out = any(repository in followers for followers in self.followers.values())
        return reading.state == state and not reading.gathered.unread and not leads_out

    async def _gather(
        self,
        repository: RepositoryName,
        head: CommitSHA,
        source: RawObject,
        state: tuple[object, ...],
    ) -> Reading:
        of_platform = is_of_platform(source)
        hosted = HostedGit(
            self.git,
            lambda project: of_platform or project == repository.project,
            {repository: head},
        )
        place = Places({TYPE: hosted, "url": self.web})
        path = (source["spec"].get("path") or DEFAULT_PATH).strip("/")
        gathered = await gather(
            place,
            await hosted.expand(address_of(repository, path)),
            terms_of(source, is_of_platform=of_platform),
            model=self.models.current,
            memory=self.memory.setdefault(repository, Memory()),
        )
        for other in hosted.commits:
            if other != repository:
                self.followers.setdefault(other, set()).add(repository)
        return Reading(state, head, gathered)

    async def _cause(
        self, repository: RepositoryName, readings: Sequence[tuple[RawObject, Reading]]
    ) -> Cause:
        """Who pushed the commit, and what they said of it; of a commit that was taken before,
        nothing: then it is what the platform knows that has changed."""
        commit = next((reading.commit for _, reading in readings if reading.commit), None)
        if commit is None or self.told.get(repository) == commit:
            return Cause("", "what the platform knows of it")
        found = await self.git.commit(repository, commit)
        subject = found.message.strip().partition("\n")[0][:200]
        return Cause(found.author.name, f"{subject} ({commit})")

    async def _workloads(self, repository: RepositoryName) -> list[RawObject]:
        fields = OF_REPOSITORY.format(repository.name)
        return (await self.api.list(WORKLOAD, repository.project, fields=fields)).items

    async def _known(self, workloads: Sequence[RawObject]) -> dict[str, Entity]:
        """What the platform knows of the repository's workloads."""
        entities: dict[str, Entity] = {}
        for workload in workloads:
            labels = f"{WORKLOAD_LABEL}={workload['metadata']['name']}"
            found = await self.api.list(
                POSTGRESQL_INSTANCE, workload["metadata"]["namespace"], labels=labels
            )
            instances = sorted(found.items, key=key_of)
            component = facts.component(workload, instances)
            entities[component.ref] = component
            for instance in instances:
                resource = facts.database(instance, workload)
                entities[resource.ref] = resource
        return entities


def _asked_of(source: RawObject) -> tuple[object, ...]:
    """What of the source decides what it says."""
    spec = source["spec"]
    return (
        spec.get("path"),
        str(spec.get("rules")),
        annotations_of(source).get(REFRESH_ANNOTATION),
    )


def _of_source(
    source: RawObject, repository: RepositoryName, entities: dict[str, Entity]
) -> dict[str, Entity]:
    """Those that this source gave. What another gave, which is gone, goes with it."""
    chosen = Globs([(source["spec"].get("path") or DEFAULT_PATH).strip("/")])
    found = {}
    for ref, entity in entities.items():
        if not is_described(entity):
            continue
        try:
            origin, path = split(origin_of(entity))
        except PlaceError:
            continue
        if origin == repository and chosen.match(path):
            found[ref] = entity
    return found


def merge_in(entities: dict[str, Entity], described: Entity) -> None:
    """A described component takes the place of the workload's own."""
    for ref, known in list(entities.items()):
        if not is_described(known) and facts.is_same(described, known):
            del entities[ref]
            described = facts.merged(described, known)
    entities[described.ref] = described


# -- where its keys come from ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DiscoveredKeys:
    """The repositories that a source is about; of a discovery, all there are now."""

    git: GitHost

    async def of(self, source: RawObject) -> list[Key]:
        spec, project = source["spec"], source["metadata"]["namespace"]
        if spec["type"] == GIT:
            return [Key(project, spec["repository"])]
        if spec["type"] != DISCOVERY:
            return []
        names = await self.git.repositories("" if is_of_platform(source) else project)
        return [Key(name.project, name.name) for name in names]


def workload_keys(obj: RawObject) -> Iterable[Key]:
    """By the workload's name, which most repositories have; the reconciler looks up the others."""
    name = labels_of(obj).get(WORKLOAD_LABEL)
    return (Key(obj["metadata"]["namespace"], name),) if name else ()


def repository_keys(obj: RawObject) -> Iterable[Key]:
    return (Key(obj["metadata"]["namespace"], obj["spec"]["repository"]),)


async def pushed(git: GitHost) -> AsyncIterator[Key]:
    async for push in git.pushes():
        if push.ref == MAIN:
            yield Key(push.repository.project, push.repository.name)
