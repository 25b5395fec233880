"""A template may ask for other people's word before anything of a run is made."""

from dataclasses import dataclass
from datetime import UTC, datetime

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.templates.kinds import PENDING, RUNNING, SOFTWARE_TEMPLATE
from towpath.hooks.approvals import WAITING_FOR_APPROVAL, Approvals, Policy, identity_of
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.hooks.rules import Known
from towpath.hooks.showing import get_if_there, person
from towpath.machinery.objects import RawObject
from towpath.runtime.outcomes import Stalled

LOOK_AGAIN_S = 3600.0


@dataclass(frozen=True, slots=True)
class RunApproval:
    platform: Platform

    async def __call__(self, run: RawObject) -> float | None:
        """None to go on, else when to look again; it is in the status then.

        Raises Stalled where nothing may be made.
        """
        status = run["status"]
        kept = status.get("approval") or {}
        if kept.get("decidedAt") or (not kept and _has_begun(status)):
            return None
        policy = await self._policy(run)
        if not (policy.required or Policy.of(kept.get("policy")).required):
            return None
        platform, requester = self.platform, run["spec"].get("requestedBy", "")
        approvals = Approvals(platform.api, platform.authorize, platform.people)
        known = await self._known(run)
        standing = await approvals.weighed(run, status, policy, known)
        if rejection := standing.rejection:
            why = f": {rejection['comment']}" if rejection["comment"] else "."
            did = "took it back" if rejection["user"] == requester else "rejected it"
            raise Stalled("Rejected", f"{rejection['user']} {did}{why}")
        if standing.expired:
            raise Stalled("Expired", f"It was not approved by {standing.expires}.")
        if standing.is_approved:
            status["approval"]["decidedAt"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            status["phase"], status["message"] = RUNNING, "It is approved."
            return None
        name = run["metadata"]["name"]
        status["phase"] = WAITING_FOR_APPROVAL
        status["message"] = (
            f"It waits for {standing.waits_for(person(requester))}: `towpath approve {name}`."
        )
        return standing.look_again_s(LOOK_AGAIN_S)

    async def _policy(self, run: RawObject) -> Policy:
        """Of the template as it is now; none where it has gone, and what was asked for holds."""
        wanted = run["spec"]["template"]
        namespace = wanted.get("namespace") or SYSTEM_NAMESPACE
        found = await get_if_there(self.platform.api, SOFTWARE_TEMPLATE, wanted["name"], namespace)
        return Policy.of(((found or {}).get("spec") or {}).get("approval"))

    async def _known(self, run: RawObject) -> Known:
        """What a rule that names approvers may ask: the run is its object."""
        spec, project = run["spec"], run["metadata"]["namespace"]
        requester = identity_of(await self.platform.people(), spec.get("requestedBy", ""))
        found = await get_if_there(self.platform.api, PROJECT, project, "")
        return Known(
            requester, object=run, project=found or {}, inputs=spec.get("parameters") or {}
        )


def _has_begun(status: RawObject) -> bool:
    """A rule that comes while a run is under way is one for the next."""
    return any(step["phase"] != PENDING for step in status.get("steps") or ())
