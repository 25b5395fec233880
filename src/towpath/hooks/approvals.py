"""Whose word something needs: one machinery for all that waits for approvals.

Who asked never counts, one person counts once, and who may not approve any more does not count
whatever they said before. The rules are those of the moment when it was asked for and those of
now, both: nobody gets something through by changing them while it waits. An older decision than
the thing itself was about another thing of that name.

Decisions are objects of the kind Approval, whose author admission has checked; the thing's own
reconciler weighs them again whenever it looks, as long as it waits.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from towpath.client.protocols import Client
from towpath.hooks.rules import BadRule, Known, names_in
from towpath.machinery.durations import parse_duration
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import towpath_resource
from towpath.machinery.objects import Key, RawObject
from towpath.machinery.references import BadReference, parse_reference
from towpath.machinery.users import (
    AUTHENTICATED,
    PLATFORM,
    AccessRequest,
    Authorize,
    UserInfo,
    service_account,
)

APPROVAL = towpath_resource("Approval", "approvals")

WAITING_FOR_APPROVAL = "WaitingForApproval"
"""The phase of everything that waits for one."""

APPROVE, REJECT = "Approve", "Reject"

_ACCOUNT = "system:serviceaccount:"
_ANY = "*"

People = Callable[[], Awaitable[Sequence[UserInfo]]]


@dataclass(frozen=True, slots=True)
class Policy:
    """What an object says of the approvals that it wants; see POLICY_SCHEMA of the kind."""

    required: int = 0
    approvers: str = ""
    """CEL: the names of those who decide; "" is whoever may approve in the project."""
    expires_after: str = ""

    @classmethod
    def of(cls, raw: RawObject | None) -> "Policy":
        given = raw or {}
        return cls(
            int(given.get("required", 0)),
            str(given.get("approvers", "")),
            str(given.get("expiresAfter", "")),
        )

    def as_object(self) -> RawObject:
        found: RawObject = {"required": self.required}
        if self.approvers:
            found["approvers"] = self.approvers
        if self.expires_after:
            found["expiresAfter"] = self.expires_after
        return found


@dataclass(frozen=True, slots=True)
class Asked:
    """What is decided on."""

    kind: str
    name: str
    namespace: str
    uid: str
    created: str
    requester: str

    @classmethod
    def of(cls, obj: RawObject) -> "Asked":
        metadata = obj["metadata"]
        return cls(
            obj["kind"],
            metadata["name"],
            metadata["namespace"],
            metadata["uid"],
            metadata.get("creationTimestamp", ""),
            obj["spec"].get("requestedBy", ""),
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with something's approvals."""

    decisions: list[RawObject]
    required: int
    rejection: RawObject | None = None
    expired: bool = False
    expires: str = ""
    """When it expires, "" for never."""
    approvers: tuple[str, ...] | None = None
    """Their names where a rule names them."""
    problem: str = ""
    """Why nobody can approve it."""

    @property
    def approved(self) -> int:
        return sum(1 for one in self.decisions if one["counts"] and one["decision"] == APPROVE)

    @property
    def missing(self) -> int:
        return max(self.required - self.approved, 0)

    @property
    def is_approved(self) -> bool:
        return not (self.rejection or self.expired or self.problem) and not self.missing

    @property
    def summary(self) -> str:
        if not self.required:
            return "No approval is required."
        return f"{self.approved} of {self.required} approvals."

    def look_again_s(self, at_most_s: float) -> float:
        """When it expires, or when somebody may have lost their rights."""
        if not self.expires:
            return at_most_s
        left_s = (datetime.fromisoformat(self.expires) - _now()).total_seconds()
        return min(max(left_s, 1.0), at_most_s)

    def waits_for(self, requester: str) -> str:
        """`1 approval by somebody other than alice`."""
        if self.problem:
            return f"approvers, who cannot be told: {self.problem}"
        whose = f" of {' or '.join(self.approvers)}" if self.approvers else ""
        if self.missing == 1:
            return f"1 approval by somebody{whose} other than {requester}"
        return f"{self.missing} approvals by people{whose} other than {requester}"


def weigh(
    asked: Asked, approvals: Iterable[RawObject], unable: Mapping[str, str]
) -> list[RawObject]:
    """Every decision on it, oldest first, and whether it counts. Pure.

    `unable`: who may not decide, and why.
    """
    decisions = []
    heard: set[str] = set()
    for approval in sorted(approvals, key=_order):
        spec = approval["spec"]
        if not is_about(asked, approval):
            continue
        user, decision = spec["user"], spec["decision"]
        takes_back = decision == REJECT and user == asked.requester
        why_not = "" if takes_back else unable.get(user, "")
        if decision == APPROVE and user == asked.requester:
            why_not = "the requester's own approval does not count"
        elif decision == APPROVE and user in heard:
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


def is_about(asked: Asked, approval: RawObject) -> bool:
    subject = approval["spec"]["subject"]
    if (subject["kind"], subject["name"]) != (asked.kind, asked.name):
        return False
    if uid := subject.get("uid"):
        return bool(uid == asked.uid)
    return bool(approval["metadata"].get("creationTimestamp", "") >= asked.created)


def _order(approval: RawObject) -> tuple[str, str]:
    metadata = approval["metadata"]
    return metadata.get("creationTimestamp", ""), metadata["name"]


@dataclass(frozen=True, slots=True)
class Approvals:
    api: Client
    authorize: Authorize
    people: People

    async def weighed(
        self, obj: RawObject, status: RawObject, current: Policy, known: Known
    ) -> Standing:
        """How it stands now; written into `status` as `approval` and `approvals`."""
        kept: RawObject = status.setdefault("approval", {})
        pinned = Policy.of(kept.setdefault("policy", current.as_object()))
        since = kept.setdefault("since", _now().strftime("%Y-%m-%dT%H:%M:%SZ"))
        standing = await self.standing(Asked.of(obj), (pinned, current), known, since)
        if standing.decisions:
            status["approvals"] = standing.decisions
        kept["required"], kept["missing"] = standing.required, standing.missing
        if standing.expires:
            kept["expiresAt"] = standing.expires
        if standing.approvers is not None:
            kept["approvers"] = list(standing.approvers)
        return standing

    async def standing(
        self, asked: Asked, policies: Sequence[Policy], known: Known, since: str
    ) -> Standing:
        required = max(policy.required for policy in policies)
        fields = f"spec.subject.name={asked.name}"
        found = (await self.api.list(APPROVAL, asked.namespace, fields=fields)).items
        # Whoever has decided is looked at again; of most things nobody has yet.
        about = [one for one in found if is_about(asked, one)]
        try:
            named = _named(policies, known)
        except BadRule as error:
            return Standing(weigh(asked, about, {}), required, problem=str(error))
        unable = {
            user: why
            for user in {one["spec"]["user"] for one in about}
            if (why := await self._why_not(user, asked.namespace, named))
        }
        decisions = weigh(asked, about, unable)
        expires = _expiry(policies, since)
        return Standing(
            decisions,
            required,
            rejection=next(
                (one for one in decisions if one["decision"] == REJECT and one["counts"]), None
            ),
            expired=bool(expires) and _now() >= datetime.fromisoformat(expires),
            expires=expires,
            approvers=_told(named),
        )

    async def _why_not(self, user: str, namespace: str, named: Sequence[Sequence[str]]) -> str:
        person = identity_of(await self.people(), user)
        question = AccessRequest("create", APPROVAL.group, APPROVAL.plural, namespace=namespace)
        if not await self.authorize(person, question):
            return f"may not approve in {namespace} (any more)"
        if not all(is_one_of(person, names) for names in named):
            return "is not one of the approvers"
        return ""

    async def drop(self, kind: str, name: str, namespace: str) -> None:
        """When the thing goes: a decision on nothing is nothing."""
        fields = f"spec.subject.name={name}"
        for approval in (await self.api.list(APPROVAL, namespace, fields=fields)).items:
            metadata = approval["metadata"]
            if approval["spec"]["subject"]["kind"] != kind:
                continue
            try:
                await self.api.delete(APPROVAL, metadata["name"], namespace, uid=metadata["uid"])
            except NotFound:
                continue


def asks_for(kind: str) -> Callable[[RawObject], Iterable[Key]]:
    """For a watch of approvals: whose reconciler each is for."""

    def keys(approval: RawObject) -> Iterable[Key]:
        subject = approval["spec"]["subject"]
        if subject["kind"] != kind:
            return ()
        return (Key(approval["metadata"]["namespace"], subject["name"]),)

    return keys


def identity_of(people: Sequence[UserInfo], name: str) -> UserInfo:
    """Who that is, with the groups of now. Whom nobody knows has no groups."""
    if name == PLATFORM.name:
        return PLATFORM
    for person in people:
        if person.name == name:
            return UserInfo(name, tuple(dict.fromkeys((*person.groups, AUTHENTICATED))))
    namespace, colon, account = name.removeprefix(_ACCOUNT).partition(":")
    if name.startswith(_ACCOUNT) and colon:
        return service_account(namespace, account)
    return UserInfo(name, (AUTHENTICATED,))


def is_one_of(person: UserInfo, names: Sequence[str]) -> bool:
    """`alice`, `user:alice`, `group:default/team-a`; a bare name is a group's or a person's."""
    for name in names:
        try:
            reference = parse_reference(name, default_kind=_ANY)
        except BadReference:
            continue
        kind = reference.kind.lower()
        if kind in (_ANY, "user") and reference.name == person.name:
            return True
        if kind in (_ANY, "group") and reference.name in person.groups:
            return True
    return False


def _named(policies: Sequence[Policy], known: Known) -> list[Sequence[str]]:
    """What each policy that names approvers names. Raises BadRule."""
    rules = dict.fromkeys(policy.approvers for policy in policies if policy.approvers)
    return [names_in(rule, known) for rule in rules]


def _told(named: Sequence[Sequence[str]]) -> tuple[str, ...] | None:
    if not named:
        return None
    common = [one for one in named[0] if all(one in other for other in named[1:])]
    return tuple(common)


def _expiry(policies: Sequence[Policy], since: str) -> str:
    """The soonest that a policy asks for."""
    seconds = [parse_duration(one.expires_after) for one in policies if one.expires_after]
    if not seconds:
        return ""
    due = datetime.fromisoformat(since) + timedelta(seconds=min(seconds))
    return due.strftime("%Y-%m-%dT%H:%M:%SZ")


def _now() -> datetime:
    return datetime.now(UTC)
