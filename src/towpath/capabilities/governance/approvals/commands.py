"""What the terminal offers for all that waits: approve, reject, approvals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.portal.actions.kinds import ACTION_RUN
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.approvals import APPROVE, REJECT, WAITING_FOR_APPROVAL
from towpath.hooks.commands import NOT_FOUND, Command, CommandError, Terminal
from towpath.hooks.deciding import CannotDecide, decide
from towpath.hooks.waiting import TIMEOUT_S, Followed, follow, has_ended, phase_of
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

_LISTINGS = {
    PROMOTION.kind: ("promotion", "towpath promotions"),
    ACTION_RUN.kind: ("action", "towpath action runs"),
    TEMPLATE_RUN.kind: ("run", "towpath runs"),
}
_SUBJECTS = (PROMOTION, ACTION_RUN, TEMPLATE_RUN)


@dataclass(frozen=True, slots=True)
class _Found:
    resource: Resource
    obj: RawObject

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def about(self) -> str:
        """The workload or object that it is for."""
        spec = self.obj["spec"]
        return str(spec.get("workload") or (spec.get("target") or {}).get("name", ""))


async def approve(
    terminal: Terminal,
    subject: str,
    *,
    env: str = "",
    comment: str = "",
    wait: bool = False,
    timeout: float = TIMEOUT_S,
    project: str = "",
) -> None:
    """Approve something that waits for it: a promotion, an action, a template's run.

    Parameters
    ----------
    subject
        Its name; or the workload's or object's that it is for, when only one thing waits for it.
    env : -e
        The environment, when several promotions of the workload wait.
    comment
        What you have to say about it.
    wait
        Return when it has ended, with 1 if it did not succeed.
    timeout
        How many seconds to wait at most.
    project : -p
        The project; needed when there are several.
    """
    found = await _decide(terminal, APPROVE, subject, env, comment, project)
    if wait:
        await follow(terminal, _followed(found, project), timeout)


async def reject(
    terminal: Terminal, subject: str, *, env: str = "", comment: str = "", project: str = ""
) -> None:
    """Reject something that waits for approval, or take back what you asked for yourself.

    Parameters
    ----------
    subject
        Its name; or the workload's or object's that it is for, when only one thing waits for it.
    env : -e
        The environment, when several promotions of the workload wait.
    comment
        Why.
    project : -p
        The project; needed when there are several.
    """
    await _decide(terminal, REJECT, subject, env, comment, project)


async def approvals(terminal: Terminal, *, project: str = "") -> None:
    """List what waits for approval.

    Parameters
    ----------
    project : -p
        The project; needed when there are several.
    """
    waiting = [one for one in await _all(terminal, project) if _waits(one)]
    terminal.show({"items": [one.obj for one in waiting]}, [_row(one) for one in waiting])


def _row(found: _Found) -> Mapping[str, str]:
    spec, status = found.obj["spec"], found.obj.get("status") or {}
    approval = status.get("approval") or {}
    return {
        "name": found.name,
        "kind": _LISTINGS[found.resource.kind][0],
        "for": " ".join(filter(None, [found.about, spec.get("environment", "")])),
        "requested by": str(spec.get("requestedBy", "")),
        "missing": str(approval.get("missing", "")),
        "expires": str(approval.get("expiresAt", "")),
    }


def _followed(found: _Found, project: str) -> Followed:
    noun, listing = _LISTINGS[found.resource.kind]

    def hint(run: RawObject) -> str:
        spec = run["spec"]
        if found.resource.kind != PROMOTION.kind:
            return ""
        where = f"{spec['workload']} --env {spec['environment']}"
        return f"`towpath logs {where}`; to go back: `towpath rollback {where}`"

    return Followed(found.resource, noun, found.name, project, listing, hint)


async def _decide(
    terminal: Terminal, decision: str, subject: str, env: str, comment: str, project: str
) -> _Found:
    found = await _meant(terminal, subject, env, project)
    user = await terminal.user()
    try:
        made = await decide(terminal.api, found.obj, user, decision, comment)
    except CannotDecide as refused:
        hint = "`towpath login-link --user NAME` signs a second person in"
        raise CommandError(str(refused), hint=hint if refused.status == 403 else "") from None
    noun = _LISTINGS[found.resource.kind][0]
    terminal.show(made, [{noun: found.name, "decision": decision, "user": user}])
    return found


async def _all(terminal: Terminal, project: str) -> list[_Found]:
    found = []
    for resource in _SUBJECTS:
        try:
            listed = await terminal.api.list(resource, project)
        except StatusError:
            if resource is PROMOTION:
                raise
            continue  # whoever may not list these decides on the others
        found += [_Found(resource, {**_typed(resource), **obj}) for obj in listed.items]
    return found


def _typed(resource: Resource) -> RawObject:
    return {"apiVersion": resource.api_version, "kind": resource.kind}


def _waits(found: _Found) -> bool:
    return phase_of(found.obj) == WAITING_FOR_APPROVAL


async def _meant(terminal: Terminal, subject: str, env: str, project: str) -> _Found:
    everything = await _all(terminal, project)
    named = [one for one in everything if one.name == subject]
    going = [one for one in named if not has_ended(one.obj)]
    if len(going) == 1:
        return going[0]
    if named and not going:
        raise CommandError(f"{subject} has ended already: {phase_of(named[0].obj)}")
    waiting = going or [
        one
        for one in everything
        if one.about == subject
        and env in ("", one.obj["spec"].get("environment", ""))
        and _waits(one)
    ]
    if len(waiting) == 1:
        return waiting[0]
    if waiting:
        raise CommandError(f"several things of {subject} wait: {_names(waiting)}", hint="name one")
    raise CommandError(
        f"nothing of {subject} waits for approval in project {project}",
        hint=f"`towpath approvals --project {project}` lists what does",
        exit_code=NOT_FOUND,
    )


def _names(found: Sequence[_Found]) -> str:
    return ", ".join(sorted(one.name for one in found))


COMMANDS = (
    Command(("approve",), approve),
    Command(("reject",), reject),
    Command(("approvals",), approvals),
)
