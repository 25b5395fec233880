"""Instances, upgrades and campaigns as pages show them, read with the visitor's rights."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.templates.upgrades.asking import campaign_page, upgrade_page
from towpath.capabilities.portal.templates.upgrades.kinds import (
    PREPARING,
    TEMPLATE_INSTANCE,
    UPGRADE_CAMPAIGN,
    phase_of,
)
from towpath.hooks.pages import Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import in_projects
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

SHORT = 10


@dataclass(frozen=True, slots=True)
class ShownInstance:
    project: str
    repository: str
    name: str
    service: str
    """Its workload, "" where none delivers it."""
    owner: str
    phase: str
    behind: int
    revision: str
    message: str
    upgrade: str
    opt_out: str

    @property
    def title(self) -> str:
        return self.service or self.repository

    @property
    def page(self) -> str:
        return instance_page(self.project, self.name)

    @property
    def upgrade_page(self) -> str:
        return upgrade_page(self.project, self.upgrade) if self.upgrade else ""

    @property
    def full_name(self) -> str:
        return f"{self.project}/{self.repository}"


def instance_page(project: str, name: str) -> str:
    return f"/projects/{project}/templates/{name}"


def versions_page(template: str) -> str:
    return f"/create/{template}/versions"


async def seen(visit: Visit, resource: Resource, *, fields: str = "") -> list[RawObject]:
    """Of all projects that the visitor may see."""
    projects = visit.viewer.projects
    wanted = sorted(projects) if projects is not None else None
    return await in_projects(visit.api, resource, wanted, fields=fields)


async def instances_of(visit: Visit, template: str) -> list[ShownInstance]:
    """Those furthest behind first."""
    found = await seen(visit, TEMPLATE_INSTANCE, fields=f"status.template={template}")
    projects = sorted({one["metadata"]["namespace"] for one in found})
    workloads = {
        (one["metadata"]["namespace"], one["spec"]["repository"]): one
        for one in await in_projects(visit.api, WORKLOAD, projects)
    }
    shown = [shown_instance(one, workloads) for one in found]
    return sorted(shown, key=lambda one: (-one.behind, one.full_name))


def shown_instance(
    instance: RawObject, workloads: Mapping[tuple[str, str], RawObject]
) -> ShownInstance:
    metadata, spec, status = instance["metadata"], instance["spec"], instance.get("status") or {}
    workload = workloads.get((metadata["namespace"], spec["repository"]))
    return ShownInstance(
        project=metadata["namespace"],
        repository=spec["repository"],
        name=metadata["name"],
        service=workload["metadata"]["name"] if workload else "",
        owner=str(workload["spec"].get("owner", "")) if workload else "",
        phase=status.get("phase") or "Unknown",
        behind=int(status.get("behind") or 0),
        revision=str(status.get("revision") or ""),
        message=str(status.get("message") or ""),
        upgrade=str(status.get("upgrade") or ""),
        opt_out=str((spec.get("optOut") or {}).get("reason", "")),
    )


def by_owner(instances: Iterable[ShownInstance]) -> list[tuple[str, list[ShownInstance]]]:
    """Those of nobody last."""
    groups: dict[str, list[ShownInstance]] = {}
    for one in instances:
        groups.setdefault(one.owner, []).append(one)
    return sorted(groups.items(), key=lambda group: (not group[0], group[0]))


async def campaigns_of(visit: Visit, namespace: str, template: str) -> list[dict[str, Any]]:
    """Those about a template that the visitor may see, the newest first."""
    found = await seen(visit, UPGRADE_CAMPAIGN)
    if visit.viewer.projects is not None:
        # Those of all projects are for who runs the platform.
        with suppress(StatusError):
            found += (await visit.api.list(UPGRADE_CAMPAIGN, SYSTEM_NAMESPACE)).items
    about = [
        one
        for one in found
        if one["spec"]["template"]["name"] == template
        and one["spec"]["template"].get("namespace") == namespace
    ]
    about.sort(key=lambda one: one["metadata"]["creationTimestamp"], reverse=True)
    return [shown_campaign(one) for one in about]


def shown_campaign(campaign: RawObject) -> dict[str, Any]:
    metadata, spec, status = campaign["metadata"], campaign["spec"], campaign.get("status") or {}
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "href": campaign_page(metadata["namespace"], metadata["name"]),
        "phase": status.get("phase") or "Pending",
        "message": status.get("message", ""),
        "progress": status.get("progress", ""),
        "by": spec["requestedBy"],
        "at": metadata["creationTimestamp"],
        "revision": spec["revision"][:SHORT],
    }


def shown_upgrade(upgrade: RawObject) -> dict[str, Any]:
    metadata, spec, status = upgrade["metadata"], upgrade["spec"], upgrade.get("status") or {}
    return {
        "name": metadata["name"],
        "href": upgrade_page(metadata["namespace"], metadata["name"]),
        "phase": phase_of(upgrade) or PREPARING,
        "message": status.get("message", ""),
        "to": str(status.get("to") or spec["revision"])[:SHORT],
        "by": spec["requestedBy"],
        "at": metadata["creationTimestamp"],
    }


def versions_of(template: RawObject, instances: Sequence[ShownInstance]) -> list[dict[str, Any]]:
    """With how many have each: `behind` of an instance is how many are newer than its own."""
    versions = (template.get("status") or {}).get("versions") or []
    counts: dict[int, int] = {}
    for one in instances:
        if one.phase != "Unknown":
            counts[one.behind] = counts.get(one.behind, 0) + 1
    return [
        {**version, "short": version["revision"][:SHORT], "count": counts.get(number, 0)}
        for number, version in enumerate(versions)
    ]
