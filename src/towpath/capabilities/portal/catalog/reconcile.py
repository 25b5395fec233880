"""The catalogue follows Git and the platform's own objects.

One source of the index per repository: its descriptor's entities, merged with the workloads that
the repository holds and their databases. One per project for its System, and one for people.
An error changes nothing; an entity that was right before stays as it was while it is wrong.
"""

import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace

import orjson

from towpath.capabilities.delivery.workloads.kinds import (
    OF_REPOSITORY,
    WORKLOAD,
    WORKLOAD_LABEL,
)
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.portal.catalog import facts, states
from towpath.capabilities.portal.catalog.descriptors import EntityError
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.catalog.reading import Reading, Unreadable, read_source
from towpath.client.protocols import Client
from towpath.engines.git.port import MAIN, GitHost
from towpath.hooks.platform import Platform
from towpath.machinery.conditions import set_condition
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, RawObject, key_of, labels_of
from towpath.machinery.users import PLATFORM
from towpath.records.contract import CatalogIndex, Entity, EntityFilter, Viewer
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Enqueue, Stream, Watch

log = logging.getLogger(__name__)

EVERYTHING = Viewer(PLATFORM, None)
REPOSITORY_SOURCE = "repository:"
PROJECT_SOURCE = "project:"
PEOPLE_SOURCE = "people"
EVERYBODY = Key("", PEOPLE_SOURCE)
ENTITIES_MAX = 5000
ERRORS_SHOWN_MAX = 20
TAKEN_RETRY_S = 5.0


def controllers(platform: Platform) -> Sequence[Controller]:
    api, index = platform.api, platform.catalog
    repositories = RepositoryEntities(api, platform.git, index)
    return (
        Controller(
            "catalog-repositories",
            repositories,
            [
                Watch(api, CATALOG_SOURCE, _repository_keys),
                Watch(api, WORKLOAD, _repository_keys),
                Watch(api, POSTGRESQL_INSTANCE, _workload_keys),
                Stream(lambda: _pushed(platform.git)),
                _Indexed(index, REPOSITORY_SOURCE),
            ],
        ),
        Controller(
            "catalog-projects",
            ProjectEntities(api, index),
            [Watch(api, PROJECT), _Indexed(index, PROJECT_SOURCE)],
        ),
        Controller(
            "catalog-people",
            PeopleEntities(platform),
            [Watch(api, PROJECT, _everybody), Stream(lambda: _people_changes(platform))],
        ),
        states.controller(api, index),
    )


def _everybody(_: RawObject) -> Iterable[Key]:
    return (EVERYBODY,)


async def _people_changes(platform: Platform) -> AsyncIterator[Key]:
    """Once at least, for a platform without any project has people too."""
    yield EVERYBODY
    if platform.people_changed is not None:
        async for _ in platform.people_changed():
            yield EVERYBODY


def _repository_keys(obj: RawObject) -> Iterable[Key]:
    return (Key(obj["metadata"]["namespace"], obj["spec"]["repository"]),)


def _workload_keys(obj: RawObject) -> Iterable[Key]:
    """By the workload's name, which most repositories have; the reconciler looks up the others."""
    name = labels_of(obj).get(WORKLOAD_LABEL)
    return (Key(obj["metadata"]["namespace"], name),) if name else ()


async def _pushed(git: GitHost) -> AsyncIterator[Key]:
    async for push in git.pushes():
        if push.ref == MAIN:
            yield Key(push.repository.project, push.repository.name)


@dataclass(frozen=True, slots=True)
class _Indexed:
    """Once: what the index holds, for what has gone while nobody looked."""

    index: CatalogIndex
    prefix: str

    async def run(self, enqueue: Enqueue) -> None:
        for name in await self.index.sources():
            if name.startswith(self.prefix):
                namespace, _, rest = name.removeprefix(self.prefix).rpartition("/")
                enqueue(Key(namespace, rest))


@dataclass(frozen=True, slots=True)
class RepositoryEntities:
    """Everything in the catalogue that comes of one repository."""

    api: Client
    git: GitHost
    index: CatalogIndex
    readings: dict[Key, dict[Key, Reading | Unreadable]] = field(default_factory=dict)
    """The last reading of each source, by repository and source."""

    async def __call__(self, key: Key) -> float | None:
        repositories = {key.name}
        try:
            named = await self.api.get(WORKLOAD, key.name, key.namespace)
        except NotFound:
            pass
        else:
            repositories.add(named["spec"]["repository"])
        again = False
        for repository in sorted(repositories):
            fields = OF_REPOSITORY.format(repository)
            sources = (await self.api.list(CATALOG_SOURCE, key.namespace, fields=fields)).items
            workloads = (await self.api.list(WORKLOAD, key.namespace, fields=fields)).items
            again |= await self._index(key.namespace, repository, sources, workloads)
        return TAKEN_RETRY_S if again else None

    async def _index(
        self,
        project: str,
        repository: str,
        sources: Sequence[RawObject],
        workloads: Sequence[RawObject],
    ) -> bool:
        """Whether to look again, for another source may let go of a reference."""
        name = f"{REPOSITORY_SOURCE}{project}/{repository}"
        if not sources and not workloads:
            self.readings.pop(Key(project, repository), None)
            if name in await self.index.sources():
                await self.index.forget(name)
            return False
        readings = await self._read(project, repository, sources)
        entities = await self._known(workloads)
        previous = await self._previous(name)
        for _, reading in readings:
            for entity in _kept(reading, previous):
                _merge_in(entities, entity)
        ingested = await self.index.ingest(
            name,
            list(entities.values()),
            project=project,
            version=version_of(entities.values()),
        )
        for source, reading in readings:
            await self._report(source, reading, ingested.taken)
        return bool(ingested.taken)

    async def _read(
        self, project: str, repository: str, sources: Sequence[RawObject]
    ) -> list[tuple[RawObject, Reading | Unreadable]]:
        """Every source with what it says; readings of those that are gone are forgotten."""
        key = Key(project, repository)
        known = self.readings.get(key, {})
        readings = {
            key_of(source): await read_source(self.git, source, known.get(key_of(source)))
            for source in sources
        }
        if readings:
            self.readings[key] = readings
        else:
            self.readings.pop(key, None)
        return [(source, readings[key_of(source)]) for source in sources]

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

    async def _previous(self, source: str) -> dict[str, Entity]:
        page = await self.index.query(
            EVERYTHING, EntityFilter({"source": (source,)}), limit=ENTITIES_MAX
        )
        return {entity.ref: entity for entity in page.entities}

    async def _report(
        self, source: RawObject, reading: Reading | Unreadable, taken: Sequence[str]
    ) -> None:
        before = source.get("status") or {}
        after = {**source, "status": {**before}}
        after["status"]["conditions"] = [dict(c) for c in before.get("conditions") or ()]
        _write_status(after, reading, taken)
        changed = {k: v for k, v in after["status"].items() if before.get(k) != v}
        if not changed:
            return
        key = key_of(source)
        try:
            await self.api.patch(
                CATALOG_SOURCE,
                key.name,
                key.namespace,
                {"status": changed},
                subresource="status",
            )
        except NotFound:
            log.info("catalogue source gone while it was read", extra={"source": str(key)})


def _kept(reading: Reading | Unreadable, previous: dict[str, Entity]) -> Iterable[Entity]:
    """The entities to have: as read now, else as they were."""
    if isinstance(reading, Unreadable):
        for entity in previous.values():
            if _is_described(entity):
                yield _orphaned(entity) if reading.vanished else entity
        return
    yield from reading.parsed.entities
    wrong = {error.entity for error in reading.parsed.errors}
    yield from (entity for ref, entity in previous.items() if ref in wrong)


def _is_described(entity: Entity) -> bool:
    location = entity.descriptor["metadata"].get("annotations", {}).get(facts.LOCATION, "")
    return bool(location.startswith("towpath-git:"))


def _orphaned(entity: Entity) -> Entity:
    metadata = entity.descriptor["metadata"]
    annotations = {**metadata["annotations"], facts.ORPHAN: "true"}
    descriptor = {**entity.descriptor, "metadata": {**metadata, "annotations": annotations}}
    return replace(entity, descriptor=descriptor)


def _merge_in(entities: dict[str, Entity], described: Entity) -> None:
    """A described component takes the place of the workload's own."""
    for ref, known in list(entities.items()):
        if not _is_described(known) and facts.is_same(described, known):
            del entities[ref]
            described = facts.merged(described, known)
    entities[described.ref] = described


def _write_status(source: RawObject, reading: Reading | Unreadable, taken: Sequence[str]) -> None:
    status = source["status"]
    if reading.commit:
        status["commit"] = reading.commit
    if isinstance(reading, Unreadable):
        message = f"{reading.message} The catalogue keeps what it had."
        set_condition(source, "Ready", status=False, reason=reading.reason, message=message)
        return
    parsed = reading.parsed
    errors = [*parsed.errors, *(_is_taken(ref) for ref in taken)]
    status["entities"] = sorted({entity.ref for entity in parsed.entities} - set(taken))
    status["errors"] = [
        {"entity": error.entity, "field": error.field, "message": error.message}
        for error in errors[:ERRORS_SHOWN_MAX]
    ]
    if errors:
        first = errors[0]
        message = f"{len(errors)} errors; {first.entity} {first.field}: {first.message}"
        set_condition(source, "Ready", status=False, reason="EntitiesInvalid", message=message)
        return
    message = f"{len(parsed.entities)} entities are in the catalogue."
    set_condition(source, "Ready", status=True, reason="Ready", message=message)


def _is_taken(ref: str) -> EntityError:
    return EntityError(ref, "metadata.name", "another source describes an entity of this name")


@dataclass(frozen=True, slots=True)
class ProjectEntities:
    """A project's System."""

    api: Client
    index: CatalogIndex

    async def __call__(self, key: Key) -> None:
        projects = (await self.api.list(PROJECT)).items
        name = f"{PROJECT_SOURCE}{key.name}"
        found = [project for project in projects if project["metadata"]["name"] == key.name]
        if not found:
            await self.index.forget(name)
            return
        entities = [facts.system(found[0])]
        await self.index.ingest(name, entities, project=key.name, version=version_of(entities))


@dataclass(frozen=True, slots=True)
class PeopleEntities:
    """Everybody who can sign in, with their groups, and everybody who is a member anywhere."""

    platform: Platform

    async def __call__(self, _: Key) -> None:
        projects = (await self.platform.api.list(PROJECT)).items
        people = facts.people(projects, await self.platform.people())
        await self.platform.catalog.ingest(
            PEOPLE_SOURCE, people, project="", version=version_of(people)
        )


def version_of(entities: Iterable[Entity]) -> str:
    """The same for the same entities, whatever the order in which they were found."""
    digest = hashlib.sha256()
    for entity in sorted(entities, key=lambda entity: entity.ref):
        relations = [(relation.type, relation.target) for relation in entity.relations]
        digest.update(
            orjson.dumps([entity.ref, entity.descriptor, relations], option=orjson.OPT_SORT_KEYS)
        )
    return digest.hexdigest()
