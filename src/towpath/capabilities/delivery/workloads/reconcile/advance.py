"""A new release goes by itself through the first environments that take one so, one after another.

The promotion's name says release and environment, so that asking twice is asking once, and an
environment that somebody has rolled back is not overrun by the release they rolled back from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, by_order
from towpath.capabilities.delivery.promotions.kinds import PROMOTION, SUCCEEDED, phase_of
from towpath.capabilities.delivery.workloads.kinds import OF_WORKLOAD, RELEASE
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.client.protocols import Client
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM
from towpath.runtime.outcomes import Waiting
from towpath.runtime.steps import Subject


@dataclass(frozen=True, slots=True)
class Advance:
    api: Client

    async def __call__(self, subject: Subject) -> None:
        release = subject.status.get("latestRelease")
        if not release:
            return
        environments = [
            await self.api.get(ENVIRONMENT, name, subject.key.namespace)
            for name in subject.spec["environments"]
        ]
        fields = OF_WORKLOAD.format(subject.key.name)
        promotions = [
            promotion
            for promotion in (
                await self.api.list(PROMOTION, subject.key.namespace, fields=fields)
            ).items
            if promotion["spec"]["release"] == release
        ]
        stage = next_stage(environments, promotions)
        if stage:
            await self._ask(subject, release, stage)
            # Not well yet, though nothing has been promoted that could be unwell.
            raise Waiting("InProgress", f"{stage}: {release} is on its way.", after_s=3600)

    async def _ask(self, subject: Subject, release: str, stage: str) -> None:
        found = await self.api.get(RELEASE, release, subject.key.namespace)
        promotion = PROMOTION.object(
            f"{subject.key.name}-{stage}-{found['spec']['commit'][:8]}",
            subject.key.namespace,
            spec={
                "workload": subject.key.name,
                "environment": stage,
                "release": release,
                "reason": f"{stage} takes new releases by itself.",
                "requestedBy": PLATFORM.name,
            },
        )
        promotion["metadata"]["labels"] = {PROJECT_LABEL: subject.key.namespace}
        try:
            await self.api.create(PROMOTION, promotion)
        except AlreadyExists:
            return


def next_stage(environments: Sequence[RawObject], promotions: Sequence[RawObject]) -> str:
    """Where the release goes next by itself; "" for nowhere. Pure.

    `promotions` are those of this release. Stages are walked from the first one for as long as
    they are automatic and the release has succeeded in the one before.
    """
    for environment in sorted(environments, key=by_order):
        if environment["spec"].get("mode") != "auto":
            return ""
        name: str = environment["metadata"]["name"]
        here = [found for found in promotions if found["spec"]["environment"] == name]
        if not here:
            return name
        if not any(phase_of(found) == SUCCEEDED for found in here):
            return ""
    return ""
