"""Who wrote what to a workload and to what belongs to it, from the audit trail."""

import asyncio
from typing import Any

from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import (
    RELEASE,
    REPOSITORY_OWNER_ANNOTATION,
    WORKLOAD,
)
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.pages import Visit
from towpath.hooks.showing import get_if_there, person
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, annotations_of, uid_of
from towpath.machinery.users import PLATFORM
from towpath.records.contract import AuditEntry, AuditFilter

SHOWN_MAX = 100
RUNS_MAX = 20
"""Template runs that are named as the one that made it is: others are of names like its own."""
_VERBS = {
    "create": "created",
    "update": "changed",
    "patch": "changed",
    "apply": "applied",
    "delete": "deleted",
}
_NOUNS = {WORKLOAD.plural: "service", PROMOTION.plural: "promotion", RELEASE.plural: "release"}


async def activity_of(visit: Visit, obj: RawObject) -> list[dict[str, Any]]:
    """The newest first; of objects named after the workload, those that are its own."""
    project, workload = obj["metadata"]["namespace"], obj["metadata"]["name"]
    others = await _longer_names(visit, project, workload)
    pages = await asyncio.gather(
        *(
            visit.records.audit.query(
                visit.viewer,
                AuditFilter(
                    cluster="",
                    resource=_resource(kind),
                    namespace=project,
                    named_after=workload,
                ),
                limit=SHOWN_MAX,
            )
            for kind in (WORKLOAD, PROMOTION, RELEASE)
        )
    )
    entries = [
        entry
        for page in pages
        for entry in page.entries
        if not entry.subresource and not any(_is_of(entry, other) for other in others)
    ]
    entries.sort(key=lambda entry: entry.time_s, reverse=True)
    del entries[SHOWN_MAX:]
    asker = await _who_asked(visit, obj) if any(map(_makes_it, entries)) else ""
    return [_shown(entry, asker if _makes_it(entry) else "") for entry in entries]


async def _longer_names(visit: Visit, project: str, workload: str) -> list[str]:
    """Of services whose names begin with this one's: `shop-admin` beside `shop`."""
    found = await visit.records.audit.created(
        [project], _resource(WORKLOAD), f"{workload}-", limit=SHOWN_MAX
    )
    return [name for _, name in found]


def _makes_it(entry: AuditEntry) -> bool:
    """The platform made the workload: somebody has asked for that."""
    made = entry.verb == "create" and entry.resource == _resource(WORKLOAD)
    return made and entry.user == PLATFORM.name


async def _who_asked(visit: Visit, obj: RawObject) -> str:
    """Whom the platform made it for: a template's run made it in their name; "" for nobody."""
    made_by = annotations_of(obj).get(REPOSITORY_OWNER_ANNOTATION)
    if not made_by:
        return ""
    project, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    created = await visit.records.audit.created(
        [project], _resource(TEMPLATE_RUN), f"{name}-", limit=RUNS_MAX
    )
    runs = await asyncio.gather(
        *(get_if_there(visit.api, TEMPLATE_RUN, run, where) for where, run in created)
    )
    for run in runs:
        if run is not None and uid_of(run) == made_by:
            return str(run["spec"].get("requestedBy", ""))
    return ""


def _resource(kind: Resource) -> str:
    return f"{kind.plural}.{kind.group}"


def _is_of(entry: AuditEntry, workload: str) -> bool:
    return entry.name == workload or entry.name.startswith(f"{workload}-")


def _shown(entry: AuditEntry, asker: str) -> dict[str, Any]:
    """One item of the timeline."""
    did = _VERBS.get(entry.verb, entry.verb)
    kind = entry.resource.partition(".")[0]
    title = f"{did} {_NOUNS.get(kind, kind)} {entry.name}"
    refused = entry.code >= 400
    return {
        "title": f"Refused: {title}" if refused else title[:1].upper() + title[1:],
        "time": entry.time_s,
        "who": person(asker or entry.user),
        "status": "Failed" if refused else "",
        "text": f"with {entry.user_agent}" if entry.user_agent else "",
    }
