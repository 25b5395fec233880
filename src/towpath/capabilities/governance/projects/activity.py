"""What people and programs did in a project, from the audit trail; the newest first."""

import asyncio
from collections.abc import Sequence
from typing import Any

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.hooks.pages import Page, Visit
from towpath.hooks.project_frame import frame_of, read_project
from towpath.hooks.showing import person
from towpath.machinery.users import PLATFORM
from towpath.records.contract import AuditEntry, AuditFilter

SHOWN = 60
REFUSED = 400
_CONTROLLERS = "system:serviceaccount:kube-system:"
LOOKED_AT = 4
"""Of so many entries one is worth telling: the rest is the platform's own work."""

_DID = {
    "create": "created",
    "update": "changed",
    "patch": "changed",
    "apply": "applied",
    "delete": "deleted",
    "deletecollection": "deleted all",
}
_NOUNS = {
    "projects": "project",
    "workloads": "service",
    "environments": "environment",
    "promotions": "promotion",
    "approvals": "approval of",
    "templateruns": "run",
    "pipelineruns": "pipeline run",
    "workloadreleases": "release",
    "postgresqlinstances": "database",
    "configmaps": "ConfigMap",
    "secrets": "Secret",
    "catalogsources": "catalogue source",
    "softwaretemplates": "template",
}
_PAGES = {
    "workloads": "/projects/{project}/workloads/{name}",
    "promotions": "/projects/{project}/promotions/{name}",
    "pipelineruns": "/projects/{project}/pipelines/{name}",
    "templateruns": "/projects/{project}/runs/{name}",
    "postgresqlinstances": "/infrastructure/{project}/postgresqlinstances/{name}",
}


async def show(visit: Visit) -> Page:
    project = await read_project(visit)
    frame, told = await asyncio.gather(
        frame_of(visit, project, "activity"),
        activity_of(visit, project["metadata"]["name"], limit=SHOWN),
    )
    title = f"{frame['title_shown']}: activity"
    return Page("projects/activity.html", {**frame, "entries": told}, title=title)


async def activity_of(visit: Visit, project: str, *, limit: int) -> list[dict[str, Any]]:
    inside, itself = await asyncio.gather(
        visit.records.audit.query(
            visit.viewer, AuditFilter(cluster="", namespace=project), limit=limit * LOOKED_AT
        ),
        visit.records.audit.query(
            visit.viewer,
            AuditFilter(cluster="", resource=f"{PROJECT.plural}.{PROJECT.group}", name=project),
            limit=limit,
        ),
    )
    entries = [
        one
        for one in (*inside.entries, *itself.entries)
        if not one.subresource and not _is_housekeeping(one.user)
    ]
    entries.sort(key=lambda one: one.time_s, reverse=True)
    return [_told(first, count, project) for first, count in _rows(entries)[:limit]]


def _is_housekeeping(user: str) -> bool:
    """What the platform and the API server's own controllers do by themselves."""
    return user == PLATFORM.name or user.startswith(_CONTROLLERS)


def _rows(entries: Sequence[AuditEntry]) -> list[tuple[AuditEntry, int]]:
    """The same done by the same to many of a kind is one row: the newest, and how many."""
    rows: list[tuple[AuditEntry, int]] = []
    for entry in entries:
        if rows and _what(rows[-1][0]) == _what(entry):
            first, count = rows[-1]
            rows[-1] = (first, count + 1)
        else:
            rows.append((entry, 1))
    return rows


def _what(entry: AuditEntry) -> tuple[str, str, str, bool]:
    return entry.user, entry.verb, entry.resource, entry.code >= REFUSED


def _told(entry: AuditEntry, count: int, project: str) -> dict[str, Any]:
    plural = entry.resource.partition(".")[0]
    did = _DID.get(entry.verb, entry.verb)
    title = f"{did} {_NOUNS.get(plural, plural)} {entry.name}"
    if count > 1:
        title += f" and {count - 1} more"
    refused = entry.code >= REFUSED
    gone = entry.verb == "delete" or refused
    page = "" if gone else _PAGES.get(plural, "")
    return {
        "title": f"Refused: {title}" if refused else title[:1].upper() + title[1:],
        "href": page.format(project=project, name=entry.name),
        "time": entry.time_s,
        "who": person(entry.user),
        "status": "Failed" if refused else "",
    }
