"""One unfinished promotion for each workload and environment: the newest."""

from dataclasses import dataclass

from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    PROMOTION,
    SUPERSEDED,
    creation_order,
    is_finished,
    phase_of,
)
from towpath.capabilities.delivery.promotions.reconcile.outcome import finish
from towpath.capabilities.delivery.workloads.kinds import OF_WORKLOAD
from towpath.client.protocols import Client
from towpath.machinery.objects import RawObject
from towpath.runtime.outcomes import Stalled
from towpath.runtime.steps import Subject


@dataclass(frozen=True, slots=True)
class Supersede:
    api: Client

    async def __call__(self, subject: Subject) -> None:
        fields = OF_WORKLOAD.format(subject.spec["workload"])
        found = await self.api.list(PROMOTION, subject.key.namespace, fields=fields)
        newer = newest_rival(subject, found.items)
        if newer is None:
            return
        message = f"Promotion {newer['metadata']['name']} is newer and takes its place."
        subject.status["supersededBy"] = newer["metadata"]["name"]
        finish(subject, SUPERSEDED, message)
        raise Stalled("Superseded", message)


def newest_rival(subject: Subject, promotions: list[RawObject]) -> RawObject | None:
    """A newer promotion of the same workload to the same environment that has not failed. Pure.

    One that has finished counts only if it was made in a later second: what came before us and is
    done is no rival, and within a second nobody can tell.
    """
    place = subject.spec["workload"], subject.spec["environment"]
    born = subject.obj["metadata"]["creationTimestamp"]
    newer = [
        promotion
        for promotion in promotions
        if (promotion["spec"]["workload"], promotion["spec"]["environment"]) == place
        and promotion["metadata"]["uid"] != subject.uid
        and creation_order(promotion) > creation_order(subject.obj)
        and phase_of(promotion) != FAILED
        and (not is_finished(promotion) or promotion["metadata"]["creationTimestamp"] > born)
    ]
    return max(newer, key=creation_order, default=None)
