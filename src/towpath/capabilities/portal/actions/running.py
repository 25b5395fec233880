"""The steps of one run; see reconcile.py for their order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

from towpath.capabilities.portal.actions.backends import (
    Backend,
    NothingToUndo,
    Order,
    Refused,
    Result,
    backends_of,
)
from towpath.capabilities.portal.actions.kinds import (
    ACTION,
    ACTION_RUN,
    CANCELLED,
    CANCELLED_BY,
    FAILED,
    PENDING,
    RUNNING,
    SUCCEEDED,
    UNDO_ATTEMPT,
    UNDOING,
    UNDONE,
    UNDONE_BY,
    WAITING_FOR_APPROVAL,
    is_finished,
    log_prefix,
    log_stream,
    suffix_of,
    wants_undo,
)
from towpath.capabilities.portal.actions.offering import fits
from towpath.capabilities.portal.actions.rendering import render
from towpath.capabilities.portal.actions.rules import (
    errors_of,
    prefilled,
    why_not,
    with_defaults,
)
from towpath.capabilities.portal.actions.targets import (
    NO_TARGET,
    Asking,
    Target,
    TargetMissing,
    known_of,
    target_of,
)
from towpath.hooks.approvals import Approvals, Policy, identity_of
from towpath.hooks.forms import form_errors
from towpath.hooks.leases import EXPIRES, LONGEST, BadLease, until
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.hooks.rules import BadRule, Known
from towpath.hooks.showing import person
from towpath.machinery.durations import parse_duration
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject, annotations_of
from towpath.machinery.users import AccessRequest, UserInfo
from towpath.records.contract import Viewer
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.steps import Subject

LOOK_AGAIN_S = 3600.0
TRYING_AGAIN = "TryingAgain"
TIMEOUT = "1h"


@dataclass(frozen=True, slots=True)
class _Read:
    """The Action as it is now, what it is done to, and who asked, with the rights of now."""

    spec: RawObject
    namespace: str
    target: Target
    known: Known
    requester: UserInfo


@dataclass(slots=True)
class RunSteps:
    platform: Platform
    approvals: Approvals = field(init=False)
    backends: dict[str, Backend] = field(init=False)

    def __post_init__(self) -> None:
        platform = self.platform
        self.approvals = Approvals(platform.api, platform.authorize, platform.people)
        self.backends = dict(backends_of(platform))

    async def begin(self, subject: Subject) -> None:
        subject.status.setdefault("phase", PENDING)
        subject.status.setdefault("startedAt", _now())

    async def cancel(self, subject: Subject) -> None:
        by = annotations_of(subject.obj).get(CANCELLED_BY)
        if not by or is_finished(subject.obj) or subject.status["phase"] == UNDOING:
            return
        await self._stop(subject)
        _finish(subject, CANCELLED, f"{person(by)} cancelled it.")
        raise Stalled("Cancelled", subject.status["message"])

    async def check(self, subject: Subject) -> None:
        """May it be done at all? What speaks against it is said at once, and is final."""
        if "action" in subject.status:
            return
        read = await self._read(subject)
        if errors := errors_of(read.spec):
            _fail(subject, "ActionInvalid", f"The action cannot be run: {'; '.join(errors)}.")
        self._require_fit(subject, read)
        self._require_permission(subject, read.spec, read.known)
        self._lease(subject, read)
        subject.status["inputs"] = dict(read.known.inputs)
        subject.status["action"] = {
            **read.spec,
            "namespace": read.namespace,
            "targetUid": read.target.uid,
        }
        subject.mark("Permitted", True, "Permitted", f"{read.requester.name} may run it.")

    async def approve(self, subject: Subject) -> None:
        if subject.status["phase"] not in (PENDING, WAITING_FOR_APPROVAL):
            return
        read = await self._read(subject)
        policy = Policy.of(read.spec.get("approval"))
        standing = await self.approvals.weighed(subject.obj, subject.status, policy, read.known)
        requester, title = subject.spec["requestedBy"], _title(subject)
        if rejection := standing.rejection:
            why = f": {rejection['comment']}" if rejection["comment"] else "."
            did = "took it back" if rejection["user"] == requester else "rejected it"
            _fail(subject, "Rejected", f"{rejection['user']} {did}{why}")
        if standing.expired:
            _fail(subject, "Expired", f"{title} was not approved by {standing.expires}.")
        if not standing.is_approved:
            subject.mark("Approved", False, "WaitingForApproval", standing.summary)
            message = (
                f"{title} waits for {standing.waits_for(person(requester))}: "
                f"`towpath approve {subject.key.name}`."
            )
            subject.status["phase"], subject.status["message"] = WAITING_FOR_APPROVAL, message
            after_s = standing.look_again_s(LOOK_AGAIN_S)
            raise Waiting("WaitingForApproval", message, after_s=after_s)
        subject.mark("Approved", True, "Approved", standing.summary)

    async def plan(self, subject: Subject) -> None:
        """Fill in what will be done, and write it down before it is done."""
        if subject.status["phase"] not in (PENDING, WAITING_FOR_APPROVAL):
            return
        read, pinned = await self._read(subject), subject.status["action"]
        self._require_fit(subject, read)
        if read.target.uid != pinned["targetUid"]:
            _fail(subject, "TargetReplaced", "What it was to be done to is another one by now.")
        for spec in (pinned, read.spec):
            self._require_permission(subject, spec, read.known)
        backend = pinned["backend"]
        try:
            filled = render(backend[backend["type"]], read.known)
        except BadRule as error:
            _fail(subject, "NotFilledIn", f"The action cannot be filled in: {error}.")
        lease = self._lease(subject, read)
        subject.status["plan"] = {"type": backend["type"], "spec": filled, "lease": lease}
        order = self._order(subject, read.requester, read.known)
        try:
            subject.status["made"] = await self.backends[backend["type"]].prepare(order)
        except Refused as refused:
            _fail(subject, "Refused", f"{_title(subject)}: {refused}.")
        subject.status["phase"], subject.status["actedAt"] = RUNNING, _now()
        subject.status["message"] = f"{_title(subject)} is being done."
        raise Waiting("Beginning", subject.status["message"], after_s=0)

    async def act(self, subject: Subject) -> None:
        status = subject.status
        if status["phase"] != RUNNING:
            return
        _wait_for_retry(subject)
        backend = self.backends[status["plan"]["type"]]
        order = self._order(subject, await self._requester(subject), None)
        try:
            result = await backend.act(order)
        except Refused as refused:
            _fail(subject, "Refused", f"{_title(subject)}: {refused}.")
        except Waiting as waiting:
            await self._wait(subject, waiting, backend, order)
        _keep(subject, result)
        _finish(subject, SUCCEEDED, result.message)

    async def plan_undo(self, subject: Subject) -> None:
        status = subject.status
        if status["phase"] != SUCCEEDED or not wants_undo(subject.obj):
            return
        annotations, before = annotations_of(subject.obj), status.get("undo") or {}
        by = identity_of(await self.approvals.people(), annotations[UNDONE_BY])
        undo: RawObject = {
            "by": by.name,
            "attempt": annotations.get(UNDO_ATTEMPT, ""),
            "since": _now(),
            # `finishedAt` will say when it was taken back.
            "runEndedAt": before.get("runEndedAt") or status["finishedAt"],
        }
        status["undo"] = undo
        for told_of_the_run in ("report", "attempts", "retryAt"):
            status.pop(told_of_the_run, None)
        try:
            known = await self._known_for_undo(subject, by)
            if why := why_not(status["action"], known):
                raise Refused(why)
            if own := status["action"].get("undo"):
                undo["plan"] = {"type": own["type"], "spec": render(own[own["type"]], known)}
                order = self._undo_order(subject, by, known)
                undo["made"] = await self.backends[own["type"]].prepare(order)
            elif not self._can_undo(subject):
                raise NothingToUndo("This action knows no way back.")
        except (Refused, BadRule) as refused:
            _undo_fails(subject, str(refused))
        status["phase"], status["message"] = UNDOING, f"{_title(subject)} is being taken back."
        raise Waiting("Undoing", status["message"], after_s=0)

    async def undo(self, subject: Subject) -> None:
        status = subject.status
        if status["phase"] != UNDOING:
            return
        _wait_for_retry(subject)
        by = identity_of(await self.approvals.people(), status["undo"]["by"])
        order = self._undo_order(subject, by, None)
        own = status["undo"].get("plan")
        backend = self.backends[(own or status["plan"])["type"]]
        try:
            result = await (backend.act(order) if own else backend.undo(order))
        except Refused as refused:
            _undo_fails(subject, str(refused))
        except Waiting as waiting:
            await self._wait(subject, waiting, backend, order)
        _finish(subject, UNDONE, result.message)

    # Deletion.

    async def stop(self, subject: Subject) -> None:
        """Nothing of a run goes on that is no more."""
        await self._stop(subject)

    async def forget(self, subject: Subject) -> None:
        key = subject.key
        await self.approvals.drop(ACTION_RUN.kind, key.name, key.namespace)
        await self.platform.logs.forget(log_prefix(key.namespace, key.name))

    async def _stop(self, subject: Subject) -> None:
        if subject.status.get("phase") == RUNNING:
            backend = self.backends[subject.status["plan"]["type"]]
            await backend.cancel(self._order(subject, await self._requester(subject), None))

    # What it all stands on.

    async def _read(self, subject: Subject) -> _Read:
        """Everything anew: the action, the target and the person's rights may have changed."""
        requester = await self._requester(subject)
        await self._require_right(subject, requester)
        reference, project = subject.spec["action"], subject.key.namespace
        namespace = reference.get("namespace") or project
        if namespace not in (project, SYSTEM_NAMESPACE):
            _fail(subject, "ActionElsewhere", f"An action of {namespace} is not one of {project}.")
        try:
            action = await self.platform.api.get(ACTION, reference["name"], namespace)
        except NotFound:
            where = "" if namespace == project else f" in {namespace}"
            _fail(subject, "ActionNotFound", f"There is no action {reference['name']}{where}.")
        spec: RawObject = action["spec"]
        asking = self._asking(requester, project)
        target = await self._target(subject, asking)
        given = subject.status.get("inputs")
        if given is None:
            bare = await known_of(asking, target, {}, subject.obj)
            schema = prefilled(spec.get("userInputs") or {}, bare)
            given = with_defaults(schema, subject.spec.get("inputs") or {})
            self._require_inputs(subject, schema, given)
        known = await known_of(asking, target, given, subject.obj)
        return _Read(spec, namespace, target, known, requester)

    async def _requester(self, subject: Subject) -> UserInfo:
        return identity_of(await self.approvals.people(), subject.spec["requestedBy"])

    async def _require_right(self, subject: Subject, requester: UserInfo) -> None:
        question = AccessRequest(
            "create", ACTION_RUN.group, ACTION_RUN.plural, namespace=subject.key.namespace
        )
        if not await self.platform.authorize(requester, question):
            why = f"{requester.name} may not run actions in {subject.key.namespace} any more."
            _fail(subject, "NotPermitted", why)

    def _asking(self, user: UserInfo, project: str) -> Asking:
        api = self.platform.api.acting_as(user.name, user.groups)
        viewer = Viewer(user, frozenset({project}))
        return Asking(user, viewer, project, api, self.platform.catalog)

    async def _target(self, subject: Subject, asking: Asking) -> Target:
        try:
            return await target_of(asking, subject.spec.get("target"))
        except TargetMissing as missing:
            _fail(subject, "TargetNotFound", f"{str(missing)[:1].upper()}{str(missing)[1:]}.")

    def _require_inputs(self, subject: Subject, schema: RawObject, given: RawObject) -> None:
        if errors := form_errors(schema, given):
            told = "; ".join(f"{name or 'inputs'}: {why}" for name, why in errors.items())
            _fail(subject, "InputsInvalid", f"The inputs do not fit the form: {told}")

    def _require_fit(self, subject: Subject, read: _Read) -> None:
        if not fits(read.spec, subject.spec.get("target")):
            wanted = (read.spec.get("target") or {}).get("kind", "nothing")
            name = subject.spec["action"]["name"]
            _fail(subject, "TargetDoesNotFit", f"The action {name} is one for: {wanted}.")

    def _require_permission(self, subject: Subject, spec: RawObject, known: Known) -> None:
        if why := why_not(spec, known):
            subject.mark("Permitted", False, "NotPermitted", why)
            _fail(subject, "NotPermitted", f"{why}.")

    def _lease(self, subject: Subject, read: _Read) -> RawObject:
        """Annotations of what is made; the strictest bound counts."""
        lease: RawObject = read.spec.get("lease") or {}
        project = ((read.known.project.get("spec") or {}).get("leases") or {}).get("max", "")
        bounds = [one for one in (lease.get("max", ""), project) if one]
        longest = min(bounds, key=parse_duration, default="")
        keep = subject.spec.get("keep") or lease.get("default") or lease.get("max", "")
        if not keep:
            return {}
        try:
            annotations = {EXPIRES: until(keep, longest=longest)}
        except BadLease as error:
            _fail(subject, "TooLong", f"{str(error)[:1].upper()}{str(error)[1:]}.")
        return {**annotations, LONGEST: longest} if longest else annotations

    def _order(self, subject: Subject, requester: UserInfo, known: Known | None) -> Order:
        status = subject.status
        return Order(
            run=subject.obj,
            requester=requester,
            plan=status["plan"]["spec"],
            made=status.setdefault("made", {}),
            known=_told(subject, known),
            log=self._log(subject, "run"),
            action_namespace=status["action"]["namespace"],
            lease=status["plan"].get("lease") or {},
            attempts=status.get("attempts", 0),
        )

    def _undo_order(self, subject: Subject, by: UserInfo, known: Known | None) -> Order:
        status, undo = subject.status, subject.status["undo"]
        own = undo.get("plan")
        return Order(
            run=subject.obj,
            requester=by,
            plan=(own or status["plan"])["spec"],
            made=undo.setdefault("made", {}) if own else status["made"],
            known=_told(subject, known),
            log=self._log(subject, "undo"),
            action_namespace=status["action"]["namespace"],
            suffix=suffix_of(undo),
            attempts=status.get("attempts", 0),
        )

    async def _known_for_undo(self, subject: Subject, by: UserInfo) -> Known:
        asking = self._asking(by, subject.key.namespace)
        try:
            target = await target_of(asking, subject.spec.get("target"))
        except TargetMissing:
            target = NO_TARGET
        return await known_of(asking, target, subject.status.get("inputs") or {}, subject.obj)

    def _can_undo(self, subject: Subject) -> bool:
        made = subject.status.get("made") or {}
        if "canUndo" in made:
            return bool(made["canUndo"])
        return self.backends[subject.status["plan"]["type"]].can_undo

    def _log(self, subject: Subject, step: str) -> Callable[[str], None]:
        stream = log_stream(subject.key.namespace, subject.key.name, step)
        return lambda text: self.platform.logs.append(stream, text.splitlines() or [""])

    async def _wait(
        self, subject: Subject, waiting: Waiting, backend: Backend, order: Order
    ) -> NoReturn:
        """It goes on; not for ever, and not sooner than it said."""
        status = subject.status
        status["message"] = waiting.message
        limit = status["action"].get("timeout") or TIMEOUT
        since = status["undo"]["since"] if order.is_undo else status["actedAt"]
        left_s = parse_duration(limit) - _since_s(since)
        if left_s < 0:
            await backend.cancel(order)
            late = f"It had not ended after {limit}."
            if order.is_undo:
                _undo_fails(subject, late)
            _fail(subject, "TimedOut", late)
        if waiting.reason == TRYING_AGAIN:
            status["attempts"] = status.get("attempts", 0) + 1
            due = datetime.now(UTC).timestamp() + waiting.after_s
            status["retryAt"] = datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        after_s = min(waiting.after_s, max(left_s, 1))
        raise Waiting(waiting.reason, waiting.message, after_s=after_s) from waiting


def _told(subject: Subject, known: Known | None) -> RawObject:
    """What services are told beside the run itself."""
    told: RawObject = {
        "target": subject.spec.get("target"),
        "inputs": subject.status.get("inputs") or {},
    }
    if known is not None:
        told["object"] = known.object or known.entity
    return told


def _wait_for_retry(subject: Subject) -> None:
    """Our own writing of the status brings us back at once; the service has asked for a pause."""
    retry_at = subject.status.get("retryAt")
    if not retry_at:
        return
    left_s = -_since_s(retry_at)
    if left_s > 0:
        raise Waiting(TRYING_AGAIN, subject.status.get("message", ""), after_s=left_s)
    del subject.status["retryAt"]


def _keep(subject: Subject, result: Result) -> None:
    if result.links:
        subject.status["links"] = [{"title": title, "url": url} for title, url in result.links]
    if result.outputs:
        subject.status["outputs"] = dict(result.outputs)


def _finish(subject: Subject, phase: str, message: str) -> None:
    subject.status["phase"] = phase
    subject.status["finishedAt"] = _now()
    subject.status["message"] = message[:2000]
    subject.status.pop("retryAt", None)


def _fail(subject: Subject, reason: str, message: str) -> NoReturn:
    _finish(subject, FAILED, message)
    raise Stalled(reason, message)


def _undo_fails(subject: Subject, why: str) -> NoReturn:
    """It stays done, and says why it could not be taken back."""
    subject.status["phase"] = SUCCEEDED
    subject.status["undo"]["failed"] = why
    message = f"It could not be taken back: {why}"
    subject.status["message"] = message if message.endswith(".") else f"{message}."
    raise Stalled("CannotUndo", subject.status["message"])


def _title(subject: Subject) -> str:
    """`Restart order-service`."""
    title = (subject.status.get("action") or {}).get("title") or subject.spec["action"]["name"]
    target = (subject.spec.get("target") or {}).get("name", "")
    return f"{title}: {target}" if target else str(title)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _since_s(text: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()
