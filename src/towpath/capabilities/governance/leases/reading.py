"""What is leased in a project, as its members may see it, and extending that."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.leases.bounds import OFFERINGS, latest_end, longest_of
from towpath.capabilities.portal.actions.kinds import ACTION_RUN
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.client.protocols import Client
from towpath.hooks.leases import EXPIRES, EXTENDED_BY, BadLease, expires_of, length, moment, written
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

LEASED_MAX = 500


@dataclass(frozen=True, slots=True)
class Leased:
    resource: Resource
    obj: RawObject
    end: datetime

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])


async def leased_in(api: Client, project: str) -> list[Leased]:
    """What ends first is first."""
    kinds = await kinds_in(api, project)
    lists = await asyncio.gather(*(_listed(api, kind, project) for kind in kinds))
    return sorted((one for found in lists for one in found), key=lambda one: one.end)


async def kinds_in(api: Client, project: str) -> Sequence[Resource]:
    """Those that can be leased, and those of which an action has made something for a while."""
    offered = [one for one in await api.resources() if one.group == OFFERINGS and one.namespaced]
    made: dict[Resource, None] = {}
    try:
        runs = (await api.list(ACTION_RUN, project, fields="status.phase=Succeeded")).items
    except StatusError:
        runs = []
    for run in runs:
        plan = (run.get("status") or {}).get("plan") or {}
        manifest = (plan.get("spec") or {}).get("manifest") or {}
        if plan.get("type") == "object" and plan.get("lease") and manifest.get("kind"):
            try:
                made[await api.resolve(manifest["apiVersion"], manifest["kind"])] = None
            except StatusError:
                continue
    return list(dict.fromkeys((WORKLOAD, ENVIRONMENT, TEMPLATE_RUN, *offered, *made)))


async def _listed(api: Client, resource: Resource, project: str) -> list[Leased]:
    try:
        listed = await api.list(resource, project if resource.namespaced else "", limit=LEASED_MAX)
    except StatusError:
        return []  # what the visitor may not see is nothing that they can extend
    found = []
    for obj in listed.items:
        if not (text := expires_of(obj)):
            continue
        try:
            found.append(Leased(resource, obj, moment(text)))
        except BadLease:
            continue  # an event on the object says what is wrong
    return found


async def extended(
    api: Client, resource: Resource, name: str, project: str, by: str, user: str
) -> datetime:
    """Kept from now on for `by`. Raises BadLease and StatusError."""
    obj = await api.get(resource, name, project)
    wanted = datetime.now(UTC) + length(by)
    latest = latest_end(obj, await longest_of(api, resource, obj))
    if latest is not None and wanted > latest:
        raise BadLease(
            f"{name} can be kept until {written(latest)} at most, by the rules of its project or "
            "of what was offered"
        )
    await _annotate(api, resource, obj, {EXPIRES: written(wanted), EXTENDED_BY: user})
    return wanted


async def ended(api: Client, resource: Resource, name: str, project: str) -> None:
    """Kept for good from now on. Raises BadLease where a bound speaks against it."""
    obj = await api.get(resource, name, project)
    if (bound := await longest_of(api, resource, obj)) is not None:
        days = bound.total_seconds() / 86400
        raise BadLease(f"{name} can be kept for {days:g} days at most, and not for good")
    await _annotate(api, resource, obj, {EXPIRES: None})


async def _annotate(
    api: Client, resource: Resource, obj: RawObject, annotations: dict[str, str | None]
) -> None:
    metadata = obj["metadata"]
    patch = {"metadata": {"annotations": annotations}}
    await api.patch(resource, metadata["name"], metadata.get("namespace", ""), patch)


async def resource_of(api: Client, project: str, kind: str) -> Resource:
    """By kind or plural, of those that can be leased. Raises NotFound."""
    wanted = kind.lower()
    for one in await kinds_in(api, project):
        if wanted in (one.kind.lower(), one.plural, f"{one.plural}.{one.group}"):
            return one
    raise NotFound(f"there is no kind {kind} that could have a lease")
