"""Four eyes: as many people as the environment asks for, and never the one who asked."""

from collections.abc import Iterable
from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, approvals_required
from towpath.capabilities.delivery.promotions.kinds import (
    APPROVAL,
    WAITING_FOR_APPROVAL,
    creation_order,
)
from towpath.capabilities.delivery.promotions.reconcile.outcome import fail, sentence, wait
from towpath.client.protocols import Client
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM
from towpath.runtime.steps import Subject

LOOK_AGAIN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Approve:
    api: Client

    async def __call__(self, subject: Subject) -> None:
        if subject.status.get("commit"):
            return  # approved before it was committed
        environment = await self.api.get(
            ENVIRONMENT, subject.spec["environment"], subject.key.namespace
        )
        required = approvals_required(environment)
        of_this = f"spec.subject.name={subject.key.name}"
        decisions = weigh(
            subject.spec["requestedBy"],
            subject.key.name,
            (await self.api.list(APPROVAL, subject.key.namespace, fields=of_this)).items,
        )
        if decisions:
            subject.status["approvals"] = decisions
        for decision in decisions:
            if decision["decision"] == "Reject" and decision["counts"]:
                why = f": {decision['comment']}" if decision["comment"] else "."
                own = decision["user"] == subject.spec["requestedBy"]
                did = "took it back" if own else "rejected it"
                fail(subject, "Rejected", f"{decision['user']} {did}{why}")
        approved = sum(1 for decision in decisions if decision["counts"])
        if approved >= required:
            subject.mark("Approved", True, "Approved", _summary(approved, required))
            return
        subject.mark("Approved", False, "WaitingForApproval", _summary(approved, required))
        wait(
            subject,
            WAITING_FOR_APPROVAL,
            "WaitingForApproval",
            f"{sentence(subject)} waits for {_people(required - approved)} other than "
            f"{person(subject.spec['requestedBy'])}: `towpath approve {subject.key.name}`.",
            after_s=LOOK_AGAIN_S,
        )


def weigh(requester: str, promotion: str, approvals: Iterable[RawObject]) -> list[RawObject]:
    """Every decision on the promotion, oldest first, and whether it counts. Pure."""
    decisions = []
    heard: set[str] = set()
    for approval in sorted(approvals, key=creation_order):
        spec = approval["spec"]
        if spec["subject"]["name"] != promotion:
            continue
        user, decision = spec["user"], spec["decision"]
        why_not = ""
        if decision == "Approve" and user == requester:
            why_not = "the requester's own approval does not count"
        elif decision == "Approve" and user in heard:
            why_not = "one person counts once"
        heard.add(user)
        decisions.append(
            {
                "name": approval["metadata"]["name"],
                "user": user,
                "decision": decision,
                "comment": spec.get("comment", ""),
                "counts": not why_not,
                **({"message": why_not} if why_not else {}),
            }
        )
    return decisions


def person(user: str) -> str:
    return "the platform" if user == PLATFORM.name else user


def _summary(approved: int, required: int) -> str:
    return f"{approved} of {required} approvals." if required else "No approval is required."


def _people(count: int) -> str:
    return "1 approval by somebody" if count == 1 else f"{count} approvals by people"
