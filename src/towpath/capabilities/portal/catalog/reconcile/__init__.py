"""The catalogue follows Git, the web, folders, clusters, directories and the platform's objects.

repositories.py  one source of the index per hosted repository: descriptors merged with workloads
outside.py       one per source of the web, of a folder, of a cluster, of people, of a plug-in
readers.py       how each of these is read
people.py        one per project for its System, and one for people
ingesting.py     into the index, unless too much would go
edits.py         commits that change one description
reporting.py     what each source says of itself
An error changes nothing; an entity that was right before stays as it was while it is wrong.
"""

from collections.abc import Sequence

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.portal.catalog import states
from towpath.capabilities.portal.catalog.kinds import (
    CATALOG_EDIT,
    ENTITY_KIND,
)
from towpath.capabilities.portal.catalog.reconcile import outside, people, reporting, repositories
from towpath.capabilities.portal.catalog.reconcile.claims import Claims
from towpath.capabilities.portal.catalog.reconcile.edits import Edits
from towpath.capabilities.portal.catalog.reconcile.models import (
    ALL,
    Judged,
    Kinds,
    Models,
    at_first,
)
from towpath.capabilities.portal.catalog.reconcile.outside import OutsideEntities, outside_keys
from towpath.capabilities.portal.catalog.reconcile.people import PeopleEntities, ProjectEntities
from towpath.capabilities.portal.catalog.reconcile.readers import Readers
from towpath.capabilities.portal.catalog.reconcile.reporting import Reports
from towpath.capabilities.portal.catalog.reconcile.repositories import (
    DiscoveredKeys,
    RepositoryEntities,
)
from towpath.capabilities.portal.catalog.reconcile.watching import Indexed, SourcesWatched
from towpath.capabilities.portal.catalog.sources.cluster import ClusterObjects
from towpath.capabilities.portal.catalog.sources.web import Web
from towpath.engines.outbound import OutboundAnswer, OutboundRequest
from towpath.hooks.outbound import outbound
from towpath.hooks.platform import Platform
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Stream, Watch


def controllers(platform: Platform) -> Sequence[Controller]:
    api, index, git = platform.api, platform.catalog, platform.git
    reports, claims, models = Reports(), Claims(), Models()

    async def send(request: OutboundRequest) -> OutboundAnswer:
        return await (await outbound(api)).send(request)

    web = Web(send)
    cluster = ClusterObjects(api, platform.clusters)
    readers = Readers(platform, web, cluster, models)
    discovered = DiscoveredKeys(git)
    return (
        Controller(
            "catalog-repositories",
            RepositoryEntities(api, git, index, web, reports, claims, models),
            [
                SourcesWatched(api, discovered.of),
                Judged(api, models, discovered.of),
                Watch(api, WORKLOAD, repositories.repository_keys),
                Watch(api, POSTGRESQL_INSTANCE, repositories.workload_keys),
                Stream(lambda: repositories.pushed(git)),
                Indexed(index, repositories.PREFIX),
            ],
        ),
        Controller(
            "catalog-sources",
            OutsideEntities(platform, readers, reports, claims),
            [
                SourcesWatched(api, outside_keys),
                Judged(api, models, outside_keys),
                Stream(lambda: outside.pushed_people(platform)),
                Stream(lambda: outside.offered(platform)),
                cluster,
                Indexed(index, outside.PREFIX),
            ],
        ),
        reporting.controller(api, reports),
        Controller(
            "catalog-kinds",
            Kinds(api, index, models),
            [Watch(api, ENTITY_KIND, lambda _: (ALL,)), Stream(at_first)],
        ),
        Controller(
            "catalog-projects",
            ProjectEntities(api, index),
            [Watch(api, PROJECT), Indexed(index, people.PROJECT_SOURCE)],
        ),
        Controller(
            "catalog-people",
            PeopleEntities(platform, claims),
            [
                Watch(api, PROJECT, people.everybody),
                Stream(lambda: people.people_changes(platform)),
                Stream(lambda: people.claim_changes(claims)),
            ],
        ),
        Controller(
            "catalog-edits", Edits(api, git, index, platform.trail), [Watch(api, CATALOG_EDIT)]
        ),
        states.controller(api, index),
    )
