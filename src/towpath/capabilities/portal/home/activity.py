"""What happened lately that concerns the visitor: what they asked for, and what moved of theirs."""

import asyncio
from collections.abc import Sequence
from typing import Any

from towpath.capabilities.delivery.promotions.kinds import PROMOTION, phase_of
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.pages import Visit
from towpath.hooks.showing import lately_created, person
from towpath.machinery.objects import RawObject
from towpath.machinery.references import DEFAULT_NAMESPACE
from towpath.records.contract import EntityFilter

SHOWN = 8
LOOKED_AT = 24
"""How far back it is looked for something of the visitor's."""


async def lately(visit: Visit, owners: Sequence[str]) -> list[dict[str, Any]]:
    """The newest first; for who owns nothing, whatever moved."""
    promotions, runs = await asyncio.gather(
        lately_created(visit, PROMOTION, LOOKED_AT if owners else SHOWN),
        lately_created(visit, TEMPLATE_RUN, LOOKED_AT if owners else SHOWN),
    )
    if owners:
        promotions = await _concerning(visit, promotions, owners)
        runs = [one for one in runs if one["spec"].get("requestedBy") == visit.user.name]
    items = [*map(_of_promotion, promotions), *map(_of_run, runs)]
    return sorted(items, key=lambda item: str(item["time"]), reverse=True)[:SHOWN]


async def _concerning(
    visit: Visit, promotions: Sequence[RawObject], owners: Sequence[str]
) -> list[RawObject]:
    """Those that the visitor asked for, and those of services that they own."""
    refs = {ref for one in promotions for ref in _refs(one)}
    where = EntityFilter({"ref": sorted(refs), "owner": owners})
    found = await visit.records.catalog.query(visit.viewer, where, limit=len(refs) or 1)
    own = {one.ref for one in found.entities}
    return [
        one
        for one in promotions
        if one["spec"]["requestedBy"] == visit.user.name or own & set(_refs(one))
    ]


def _refs(promotion: RawObject) -> tuple[str, str]:
    """A component is named in its project, or by its own descriptor in `default`."""
    name = promotion["spec"]["workload"]
    namespaces = (promotion["metadata"]["namespace"], DEFAULT_NAMESPACE)
    first, second = (f"component:{namespace}/{name}".lower() for namespace in namespaces)
    return first, second


def _of_promotion(promotion: RawObject) -> dict[str, Any]:
    spec, metadata = promotion["spec"], promotion["metadata"]
    return {
        "status": phase_of(promotion),
        "title": f"{spec['release']} to {spec['environment']}",
        "who": person(spec["requestedBy"]),
        "time": (promotion.get("status") or {}).get("finishedAt")
        or metadata.get("creationTimestamp", ""),
        "href": f"/projects/{metadata['namespace']}/promotions/{metadata['name']}",
    }


def _of_run(run: RawObject) -> dict[str, Any]:
    spec, metadata = run["spec"], run["metadata"]
    wanted = (spec.get("parameters") or {}).get("name") or spec["template"]["name"]
    return {
        "status": (run.get("status") or {}).get("phase") or "Pending",
        "title": f"Create {wanted}",
        "who": spec.get("requestedBy", ""),
        "time": metadata.get("creationTimestamp", ""),
        "href": f"/projects/{metadata['namespace']}/runs/{metadata['name']}",
    }
