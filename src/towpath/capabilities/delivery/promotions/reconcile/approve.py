"""Four eyes: as many people as the environment asks for, and never the one who asked."""

from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.promotions.reconcile.outcome import fail, sentence, wait
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.client.protocols import Client
from towpath.hooks.approvals import WAITING_FOR_APPROVAL, Approvals, Policy, identity_of
from towpath.hooks.rules import Known
from towpath.hooks.showing import get_if_there, person
from towpath.machinery.objects import RawObject
from towpath.runtime.steps import Subject

LOOK_AGAIN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Approve:
    api: Client
    approvals: Approvals

    async def __call__(self, subject: Subject) -> None:
        if subject.status.get("commit"):
            return  # approved before it was committed
        environment = await self.api.get(
            ENVIRONMENT, subject.spec["environment"], subject.key.namespace
        )
        policy = Policy.of(environment["spec"].get("approvals"))
        known = await self._known(subject, policy)
        standing = await self.approvals.weighed(subject.obj, subject.status, policy, known)
        requester = subject.spec["requestedBy"]
        if rejection := standing.rejection:
            why = f": {rejection['comment']}" if rejection["comment"] else "."
            did = "took it back" if rejection["user"] == requester else "rejected it"
            fail(subject, "Rejected", f"{rejection['user']} {did}{why}")
        if standing.expired:
            fail(
                subject,
                "Expired",
                f"{sentence(subject)} was not approved by {standing.expires}; promote it again.",
            )
        if standing.is_approved:
            subject.mark("Approved", True, "Approved", standing.summary)
            return
        subject.mark("Approved", False, "WaitingForApproval", standing.summary)
        wait(
            subject,
            WAITING_FOR_APPROVAL,
            "WaitingForApproval",
            f"{sentence(subject)} waits for {standing.waits_for(person(requester))}: "
            f"`towpath approve {subject.key.name}`.",
            after_s=standing.look_again_s(LOOK_AGAIN_S),
        )

    async def _known(self, subject: Subject, policy: Policy) -> Known:
        """What a rule that names approvers may ask: the workload is its object."""
        requester = identity_of(await self.approvals.people(), subject.spec["requestedBy"])
        pinned = (subject.status.get("approval") or {}).get("policy") or {}
        if not (policy.approvers or pinned.get("approvers")):
            return Known(requester)
        project = subject.key.namespace
        workload: RawObject | None = await get_if_there(
            self.api, WORKLOAD, subject.spec["workload"], project
        )
        return Known(
            requester,
            object=workload or {},
            project=await get_if_there(self.api, PROJECT, project, "") or {},
        )
