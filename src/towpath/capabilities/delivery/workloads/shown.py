"""Promotions, runs and releases as rows of the service's tables."""

import asyncio
from collections.abc import Sequence
from typing import Any

from towpath.capabilities.delivery.workloads.kinds import RELEASE
from towpath.capabilities.delivery.workloads.lanes import Facts, Lane
from towpath.engines.git.port import RepositoryName
from towpath.hooks.commits import commit_line
from towpath.hooks.pages import Visit
from towpath.hooks.showing import object_page, person
from towpath.machinery.objects import RawObject


def shown_change(promotion: RawObject) -> dict[str, Any]:
    spec, status = promotion["spec"], promotion.get("status") or {}
    return {
        "name": promotion["metadata"]["name"],
        "environment": spec["environment"],
        "release": spec["release"],
        "phase": status.get("phase") or "Pending",
        "by": person(spec["requestedBy"]),
        "reason": spec.get("reason", ""),
        "message": status.get("message", ""),
        "at": status.get("finishedAt") or promotion["metadata"].get("creationTimestamp", ""),
        "approved_by": [one["user"] for one in status.get("approvals") or () if one.get("counts")],
    }


def shown_run(run: RawObject) -> dict[str, Any]:
    status = run.get("status") or {}
    return {
        "name": run["metadata"]["name"],
        "phase": status.get("phase") or "Pending",
        "title": status.get("title", ""),
        "message": status.get("message", ""),
        "progress": status.get("progress", ""),
        "actor": person(run["spec"].get("actor", "")),
        "ref": run["spec"]["ref"].removeprefix("refs/heads/"),
        "commit": run["spec"]["commit"][:8],
        "started": status.get("startedAt", ""),
        "finished": status.get("finishedAt", ""),
    }


async def shown_releases(
    visit: Visit, facts: Facts, lanes: Sequence[Lane], page: int, rows: int
) -> list[dict[str, Any]]:
    """Those of one page, each with the first line of its commit's message."""
    found = facts.releases[page * rows : (page + 1) * rows]
    return list(await asyncio.gather(*(_release(visit, facts, lanes, one) for one in found)))


async def _release(
    visit: Visit, facts: Facts, lanes: Sequence[Lane], release: RawObject
) -> dict[str, Any]:
    name, commit = release["metadata"]["name"], release["spec"]["commit"]
    project, repository = visit.parameters["project"], facts.workload["spec"]["repository"]
    line = await commit_line(visit.git, RepositoryName(project, repository), commit, facts.name)
    return {
        "name": name,
        "commit": commit[:8],
        "title": line.subject if line else "",
        "author": line.author if line else "",
        "href": line.href if line else "",
        "object": object_page(RELEASE, name, project),
        "image": release["spec"]["image"],
        "at": release["metadata"].get("creationTimestamp", ""),
        "in": [lane.name for lane in lanes if lane.release == name],
    }
