"""From an address to an API, a kind and an object, with the visitor's rights.

`namespaces` are those that one who may not list everywhere can choose from.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, target_namespace
from towpath.client.protocols import Client
from towpath.hooks.pages import Visit
from towpath.hooks.showing import PLATFORM_PLACE, get_if_there, in_projects
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

CORE = "core"
NO_NAMESPACE = "-"
NAMESPACES_MAX = 200


@dataclass(frozen=True, slots=True)
class Place:
    """`cluster` "" is the platform's API; `name` "" is the collection."""

    cluster: str
    api: Client
    resource: Resource
    namespace: str = ""
    name: str = ""


def cluster_of(parameters: Mapping[str, str]) -> str:
    asked = parameters["cluster"]
    return "" if asked == PLATFORM_PLACE else asked


def api_of(visit: Visit) -> Client:
    """Raises NotFound for a cluster that is not connected."""
    cluster = cluster_of(visit.parameters)
    return visit.cluster(cluster) if cluster else visit.api


async def place_of(visit: Visit) -> Place:
    """Raises NotFound for a kind that is not served there."""
    api = api_of(visit)
    resource = await _served(api, resource_in(visit.parameters))
    namespace = visit.parameters.get("namespace", "")
    return Place(
        cluster=cluster_of(visit.parameters),
        api=api,
        resource=resource,
        namespace="" if namespace == NO_NAMESPACE or not resource.namespaced else namespace,
        name=visit.parameters.get("name", ""),
    )


def resource_in(parameters: Mapping[str, str]) -> Resource:
    """What the address says: where objects of the kind are, not what the kind is called."""
    group = parameters["group"]
    return Resource("" if group == CORE else group, parameters["version"], "", parameters["plural"])


async def _served(api: Client, asked: Resource) -> Resource:
    for resource in await api.resources():
        if (resource.group, resource.plural) == (asked.group, asked.plural):
            return replace(resource, version=asked.version)
    where = asked.group or CORE
    raise NotFound(f"the API serves no {asked.plural} in group {where}; see the list of kinds")


async def namespaces_of(visit: Visit) -> list[str]:
    """The namespaces that hold the visitor's projects, there where the address points."""
    if visit.viewer.projects is None:
        return []
    projects = sorted(visit.viewer.projects)[:NAMESPACES_MAX]
    cluster = cluster_of(visit.parameters)
    if not cluster:
        return projects
    environments = await in_projects(visit.api, ENVIRONMENT, projects, limit=NAMESPACES_MAX)
    found = sorted(
        target_namespace(one["metadata"]["namespace"], one["metadata"]["name"])
        for one in environments
        if one["spec"]["cluster"] == cluster
    )
    return found[:NAMESPACES_MAX]


async def existing(
    api: Client, references: Sequence[tuple[Resource, str, str]]
) -> list[RawObject | None]:
    """The objects at (kind, name, namespace), None for what is gone or not for the visitor."""
    return list(
        await asyncio.gather(
            *(get_if_there(api, kind, name, namespace) for kind, name, namespace in references)
        )
    )
