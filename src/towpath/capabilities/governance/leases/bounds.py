"""How long something may be kept at most: the strictest of what its project, its offering and the
action that made it say."""

from datetime import datetime, timedelta

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.compositions.kinds import DEFINITION
from towpath.client.protocols import Reader
from towpath.hooks.leases import LONGEST, BadLease, length, moment
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, annotations_of

OFFERINGS = "offerings.towpath.dev"


async def longest_of(api: Reader, resource: Resource, obj: RawObject) -> timedelta | None:
    """None for no bound."""
    told = [annotations_of(obj).get(LONGEST, "")]
    project = await _read(api, PROJECT, obj["metadata"].get("namespace", ""))
    told.append(((project.get("spec") or {}).get("leases") or {}).get("max", ""))
    if resource.group == OFFERINGS:
        definition = await _read(api, DEFINITION, f"{resource.plural}.{resource.group}")
        told.append(annotations_of(definition).get(LONGEST, "") if definition else "")
    found = []
    for text in filter(None, told):
        try:
            found.append(length(text))
        except BadLease:
            continue  # whoever wrote that hears it where they wrote it
    return min(found, default=None)


async def _read(api: Reader, resource: Resource, name: str) -> RawObject:
    try:
        return await api.get(resource, name)
    except StatusError:
        return {}


def latest_end(obj: RawObject, longest: timedelta | None) -> datetime | None:
    """The last moment that a bound allows."""
    if longest is None:
        return None
    return moment(obj["metadata"]["creationTimestamp"]) + longest
