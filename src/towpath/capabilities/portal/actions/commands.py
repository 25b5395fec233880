"""What the terminal offers for actions: list, run, runs, show, cancel, undo."""

from collections.abc import Mapping

from towpath.hooks.commands import Command, CommandError, Terminal
from towpath.hooks.waiting import TIMEOUT_S
from towpath.machinery.objects import RawObject

SYSTEM_NAMESPACE = "towpath-system"


async def list_(terminal: Terminal, *, kind: str = "", project: str = "") -> None:
    """List what can be done in a project.

    Parameters
    ----------
    kind
        Only what is done to things of this kind, such as Workload.
    project : -p
        The project; needed when there are several.
    """
    found = [
        one
        for one in await _actions(terminal, project)
        if kind in ("", (one["spec"].get("target") or {}).get("kind", ""))
    ]
    terminal.show({"items": found}, [_offer(one) for one in found])


def _offer(action: RawObject) -> Mapping[str, str]:
    spec = action["spec"]
    return {
        "name": action["metadata"]["name"],
        "title": spec["title"],
        "operation": spec["operation"],
        "for": (spec.get("target") or {}).get("kind", ""),
        "approvals": str((spec.get("approval") or {}).get("required", 0)),
        "+how": spec["backend"]["type"],
        "+description": spec.get("description", ""),
    }


async def run(
    terminal: Terminal,
    action: str,
    target: str = "",
    *,
    set_: tuple[str, ...] = (),
    keep: str = "",
    reason: str = "",
    wait: bool = False,
    timeout: float = TIMEOUT_S,
    project: str = "",
) -> None:
    """Run an action.

    Parameters
    ----------
    action
        Its name; `towpath action list` lists them.
    target
        The name of what it is done to.
    set_
        An input as name=value; may be given several times.
    keep
        How long what it makes is kept: 24h, 7d.
    reason
        Why; whoever decides on it reads it.
    wait
        Return when it has ended, with 1 if it did not succeed.
    timeout
        How many seconds to wait at most.
    project : -p
        The project; needed when there are several.
    """
    from towpath.capabilities.portal.actions.form_page import run_name, wanted_target
    from towpath.capabilities.portal.actions.kinds import ACTION_RUN
    from towpath.hooks.forms import spec_from
    from towpath.hooks.leases import BadLease, length
    from towpath.hooks.waiting import Followed, first_word, follow

    chosen = await _action(terminal, action, project)
    spec = chosen["spec"]
    if spec.get("target") and spec["operation"] != "CREATE" and not target:
        kind = spec["target"]["kind"]
        raise CommandError(f"{action} is done to a {kind}", hint=f"name it: {action} NAME")
    schema = spec.get("userInputs") or {}
    wanted: RawObject = {
        "action": {"name": action, "namespace": chosen["metadata"]["namespace"]},
        "inputs": spec_from(schema, _given(schema, set_)),
        "requestedBy": await terminal.user(),
    }
    if about := wanted_target(spec, target):
        wanted["target"] = about
    if keep:
        try:
            wanted["keep"] = f"{int(length(keep).total_seconds())}s"
        except BadLease as error:
            raise CommandError(f"--keep: {error}") from error
    if reason:
        wanted["reason"] = reason
    name = run_name(f"{action}-{target}" if target else action)
    made = await terminal.api.create(ACTION_RUN, ACTION_RUN.object(name, project, spec=wanted))
    terminal.show(made, [{"run": name, "action": action, "target": target}])
    followed = Followed(ACTION_RUN, "action", name, project, "towpath action runs")
    await (follow(terminal, followed, timeout) if wait else first_word(terminal, followed))


def _given(schema: RawObject, texts: tuple[str, ...]) -> dict[str, str]:
    from towpath.hooks.forms import form_values

    fields, given = form_values(schema), {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"--set {text}: write it as name=value")
        if name not in fields:
            hint = f"inputs are {', '.join(fields)}" if fields else "it has none"
            raise CommandError(f"--set {text}: the action has no input {name!r}", hint=hint)
        given[name] = value
    return given


async def runs(terminal: Terminal, action: str = "", *, project: str = "") -> None:
    """List runs of actions, the newest first.

    Parameters
    ----------
    action
        Only those of this action.
    project : -p
        The project; needed when there are several.
    """
    from towpath.capabilities.portal.actions.kinds import ACTION_RUN

    fields = f"spec.action.name={action}" if action else ""
    found = (await terminal.api.list(ACTION_RUN, project, fields=fields)).items
    found.sort(key=lambda one: one["metadata"]["creationTimestamp"], reverse=True)
    terminal.show({"items": found}, [_row(one) for one in found])


def _row(run: RawObject) -> Mapping[str, str]:
    spec, status = run["spec"], run.get("status") or {}
    return {
        "name": run["metadata"]["name"],
        "action": spec["action"]["name"],
        "target": (spec.get("target") or {}).get("name", ""),
        "phase": status.get("phase", "Pending"),
        "by": spec["requestedBy"],
        "message": status.get("message", ""),
    }


async def log(terminal: Terminal, run: str, *, project: str = "") -> None:
    """Print the log of a run, and follow it while it goes on.

    Parameters
    ----------
    run
        Its name; `towpath action runs` lists them.
    project : -p
        The project; needed when there are several.
    """
    from towpath.capabilities.portal.actions.kinds import ACTION_RUN, log_stream

    await terminal.api.get(ACTION_RUN, run, project)
    async for line in terminal.follow(f"logs/{log_stream(project, run, 'run')}", follow="true"):
        terminal.say(line["text"])


async def cancel(terminal: Terminal, run: str, *, project: str = "") -> None:
    """Stop a run that goes on or waits.

    Parameters
    ----------
    run
        Its name; `towpath action runs` lists them.
    project : -p
        The project; needed when there are several.
    """
    from towpath.capabilities.portal.actions.kinds import ACTION_RUN, CANCELLED_BY, is_finished

    found = await terminal.api.get(ACTION_RUN, run, project)
    if is_finished(found):
        raise CommandError(f"{run} has ended already: {found['status']['phase']}")
    note = {"metadata": {"annotations": {CANCELLED_BY: await terminal.user()}}}
    await terminal.api.patch(ACTION_RUN, run, project, note)
    terminal.say(f"{run} is being cancelled; `towpath action runs` shows how it goes.")


async def undo(terminal: Terminal, run: str, *, project: str = "") -> None:
    """Take back what a run has done, where its action knows how.

    Parameters
    ----------
    run
        Its name; `towpath action runs` lists them.
    project : -p
        The project; needed when there are several.
    """
    from towpath.capabilities.portal.actions.kinds import ACTION_RUN, undo_asked

    found = await terminal.api.get(ACTION_RUN, run, project)
    note = undo_asked(found, await terminal.user())
    await terminal.api.patch(ACTION_RUN, run, project, note)
    terminal.say(f"{run} is being taken back; `towpath action runs` shows how it goes.")


async def _actions(terminal: Terminal, project: str) -> list[RawObject]:
    from towpath.capabilities.portal.actions.kinds import ACTION

    own = (await terminal.api.list(ACTION, project)).items
    return [*own, *(await terminal.api.list(ACTION, SYSTEM_NAMESPACE)).items]


async def _action(terminal: Terminal, name: str, project: str) -> RawObject:
    """The project's own of that name, else the platform's."""
    from towpath.hooks.commands import NOT_FOUND

    for one in await _actions(terminal, project):
        if one["metadata"]["name"] == name:
            return one
    raise CommandError(
        f"there is no action {name} in project {project}",
        hint=f"`towpath action list --project {project}` lists them",
        exit_code=NOT_FOUND,
    )


COMMANDS = (
    Command(("action", "list"), list_),
    Command(("action", "run"), run),
    Command(("action", "runs"), runs),
    Command(("action", "log"), log),
    Command(("action", "cancel"), cancel),
    Command(("action", "undo"), undo),
)
