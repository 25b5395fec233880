"""Projects and people, which the platform knows by itself."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.catalog import facts
from towpath.capabilities.portal.catalog.reconcile.claims import Claims
from towpath.capabilities.portal.catalog.reconcile.ingesting import version_of
from towpath.capabilities.portal.catalog.reconcile.repositories import TAKEN_RETRY_S
from towpath.client.protocols import Client
from towpath.hooks.platform import Platform
from towpath.machinery.objects import Key, RawObject
from towpath.records.contract import CatalogIndex

PROJECT_SOURCE = "project:"
PEOPLE_SOURCE = "people"
EVERYBODY = Key("", PEOPLE_SOURCE)


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
    """Everybody who can sign in, with their groups, and everybody who is a member anywhere.

    Without those that a trusted source describes. What goes here is nobody's mistake: the platform
    knows its own people, so that nothing is refused.
    """

    platform: Platform
    claims: Claims

    async def __call__(self, _: Key) -> float | None:
        projects = (await self.platform.api.list(PROJECT)).items
        people = facts.people(projects, await self.platform.people(), self.claims.refs)
        ingested = await self.platform.catalog.ingest(
            PEOPLE_SOURCE,
            people,
            project="",
            version=version_of(people),
            loss_allowed=True,
        )
        # A source says that it lets go of somebody shortly before it has.
        return TAKEN_RETRY_S if ingested.taken else None


def everybody(_: RawObject) -> Iterable[Key]:
    return (EVERYBODY,)


async def people_changes(platform: Platform) -> AsyncIterator[Key]:
    """Once at least, for a platform without any project has people too."""
    yield EVERYBODY
    if platform.people_changed is not None:
        async for _ in platform.people_changed():
            yield EVERYBODY


async def claim_changes(claims: Claims) -> AsyncIterator[Key]:
    async for _ in claims.changes():
        yield EVERYBODY
