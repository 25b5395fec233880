"""Which versions of docs one can read: the newest, and that of each release of the service.

A release is the commit that it was built of; its docs are those of that commit.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from towpath.capabilities.delivery.workloads.kinds import OF_WORKLOAD, RELEASE
from towpath.client.protocols import Client
from towpath.hooks.pages import Visit
from towpath.hooks.showing import get_if_there, in_projects
from towpath.machinery.errors import NotFound
from towpath.records.contract import Entity

RELEASES_MAX = 50
DIFF_LINES_MAX = 400


@dataclass(frozen=True, slots=True)
class Version:
    name: str
    commit: str


async def versions_of(visit: Visit, entity: Entity) -> Sequence[Version]:
    """The newest release first."""
    if not entity.workload or not entity.project:
        return ()
    fields = OF_WORKLOAD.format(entity.workload)
    releases = await in_projects(visit.api, RELEASE, [entity.project], fields=fields)
    releases.sort(key=lambda one: str(one["metadata"].get("creationTimestamp")), reverse=True)
    return [
        Version(one["metadata"]["name"], one["spec"]["commit"]) for one in releases[:RELEASES_MAX]
    ]


def chosen(versions: Sequence[Version], asked: str, entity: Entity) -> Version | None:
    """None for the newest there is. Raises NotFound."""
    if not asked:
        return None
    found = next((one for one in versions if one.name == asked), None)
    if found is None:
        raise NotFound(f"{entity.name} has no release {asked!r}; its docs are those of main")
    return found


def query_of(version: Version | None) -> str:
    return f"?version={quote(version.name, safe='')}" if version else ""


def difference(old: str, new: str) -> str:
    """What has changed since, as a diff; "" for nothing."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "then", "now", lineterm="")
    return "\n".join(list(lines)[:DIFF_LINES_MAX])


async def commit_of(api: Client, entity: Entity, release: str) -> str:
    """Of a release of the entity's service, with its asker's rights. Raises NotFound."""
    found = await get_if_there(api, RELEASE, release, entity.project) if entity.project else None
    if found is None or found["spec"]["workload"] != entity.workload:
        raise NotFound(f"{entity.name} has no release {release!r}")
    return str(found["spec"]["commit"])
