"""Old promotions go, with their approvals and logs; what a decision may still need stays.

Git keeps every commit of the deployments repository for good: what goes here is the request.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.promotions.kinds import (
    PROMOTION,
    SUCCEEDED,
    commit_order,
    is_finished,
    newest_first,
    phase_of,
)
from towpath.capabilities.delivery.workloads.kinds import OF_WORKLOAD, RELEASE
from towpath.client.protocols import Client
from towpath.hooks.approvals import Approvals
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject
from towpath.runtime.steps import Subject

PROMOTIONS_KEPT = 50
"""Of each workload in each environment."""


@dataclass(frozen=True, slots=True)
class Retention:
    api: Client
    approvals: Approvals

    async def after(self, promotion: RawObject) -> None:
        """Delete the oldest finished ones to the same place, beyond PROMOTIONS_KEPT."""
        spec, project = promotion["spec"], promotion["metadata"]["namespace"]
        fields = f"{OF_WORKLOAD.format(spec['workload'])},spec.environment={spec['environment']}"
        here = (await self.api.list(PROMOTION, project, fields=fields)).items
        if len(here) <= PROMOTIONS_KEPT:
            return
        releases = await self.api.list(
            RELEASE, project, fields=OF_WORKLOAD.format(spec["workload"])
        )
        newest = newest_first(releases.items)
        latest: str = newest[0]["metadata"]["name"] if newest else ""
        for old in to_go(here, latest):
            metadata = old["metadata"]
            try:
                await self.api.delete(PROMOTION, metadata["name"], project, uid=metadata["uid"])
            except NotFound:
                continue

    async def drop_approvals(self, subject: Subject) -> None:
        """As a step of a deletion: a decision on nothing is nothing."""
        await self.approvals.drop(PROMOTION.kind, subject.key.name, subject.key.namespace)


def to_go(promotions: Sequence[RawObject], latest: str) -> list[RawObject]:
    """Those beyond the newest PROMOTIONS_KEPT, but never: one that goes on, what runs there, what
    could be rolled back to, and those of the latest release, which would else go there anew. Pure.
    """
    arrived = sorted(
        (one for one in promotions if phase_of(one) == SUCCEEDED), key=commit_order, reverse=True
    )
    running = arrived[0]["spec"]["release"] if arrived else ""
    previous = next(
        (one["spec"]["release"] for one in arrived if one["spec"]["release"] != running), ""
    )
    needed = {
        next(one["metadata"]["name"] for one in arrived if one["spec"]["release"] == release)
        for release in (running, previous)
        if release
    }
    return [
        one
        for one in newest_first(promotions)[PROMOTIONS_KEPT:]
        if is_finished(one)
        and one["metadata"]["name"] not in needed
        and one["spec"]["release"] != latest
    ]
