"""Who wrote what to a workload and to what belongs to it, from the audit trail."""

import asyncio
from typing import Any

from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.hooks.showing import person
from towpath.machinery.kinds import Resource
from towpath.records.contract import AuditEntry, AuditFilter, AuditTrail, Viewer

SHOWN_MAX = 100
_VERBS = {
    "create": "created",
    "update": "changed",
    "patch": "changed",
    "apply": "applied",
    "delete": "deleted",
}
_NOUNS = {WORKLOAD.plural: "service", PROMOTION.plural: "promotion", RELEASE.plural: "release"}


async def activity_of(
    audit: AuditTrail, viewer: Viewer, project: str, workload: str
) -> list[dict[str, Any]]:
    """The newest first; of objects named after the workload, those that are its own."""
    pages = await asyncio.gather(
        *(
            audit.query(
                viewer,
                AuditFilter(cluster="", resource=_resource(kind), namespace=project),
                limit=SHOWN_MAX,
            )
            for kind in (WORKLOAD, PROMOTION, RELEASE)
        )
    )
    entries = [
        entry
        for page in pages
        for entry in page.entries
        if _is_of(entry, workload) and not entry.subresource
    ]
    entries.sort(key=lambda entry: entry.time_s, reverse=True)
    return [_shown(entry) for entry in entries[:SHOWN_MAX]]


def _resource(kind: Resource) -> str:
    return f"{kind.plural}.{kind.group}"


def _is_of(entry: AuditEntry, workload: str) -> bool:
    return entry.name == workload or entry.name.startswith(f"{workload}-")


def _shown(entry: AuditEntry) -> dict[str, Any]:
    """One item of the timeline."""
    did = _VERBS.get(entry.verb, entry.verb)
    kind = entry.resource.partition(".")[0]
    title = f"{did} {_NOUNS.get(kind, kind)} {entry.name}"
    refused = entry.code >= 400
    return {
        "title": f"Refused: {title}" if refused else title[:1].upper() + title[1:],
        "time": entry.time_s,
        "who": person(entry.user),
        "status": "Failed" if refused else "",
        "text": f"with {entry.user_agent}" if entry.user_agent else "",
    }
