"""What the terminal offers: list runs, read and follow their logs, cancel, run again."""

import asyncio
from collections.abc import Mapping, Sequence

from towpath.capabilities.delivery.pipelines.again import run_again
from towpath.capabilities.delivery.pipelines.kinds import (
    CANCELLED,
    FAILED,
    PENDING,
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    RUNNING,
    SKIPPED,
    is_finished,
    label_value,
    log_stream,
    phase_of,
)
from towpath.hooks.commands import Command, CommandError, Terminal
from towpath.machinery.errors import Conflict, Gone
from towpath.machinery.objects import RawObject

WAIT_FOR_CHANGE_S = 30.0


async def pipelines(terminal: Terminal, app: str = "", *, project: str = "") -> None:
    """List pipeline runs, the newest first.

    Parameters
    ----------
    app
        Only runs of this repository.
    project
        The project.
    """
    labels = f"{REPOSITORY_LABEL}={label_value(app)}" if app else ""
    listed = await terminal.api.list(PIPELINE_RUN, project, labels=labels)
    runs = sorted(
        listed.items, key=lambda run: str(run["metadata"]["creationTimestamp"]), reverse=True
    )
    terminal.show({"items": runs}, [_row(run) for run in runs])


def _row(run: RawObject) -> Mapping[str, str]:
    status = run.get("status") or {}
    return {
        "name": run["metadata"]["name"],
        "phase": phase_of(run),
        "jobs": status.get("progress", ""),
        "ref": run["spec"]["ref"].removeprefix("refs/heads/"),
        "title": status.get("title", ""),
        "created": run["metadata"]["creationTimestamp"],
        "+actor": run["spec"].get("actor", ""),
        "+message": status.get("message", ""),
    }


async def pipeline_logs(
    terminal: Terminal, run: str, *, job: str = "", follow: bool = False, project: str = ""
) -> None:
    """Print the logs of a run, step by step.

    With --follow it goes on until the run has ended, and exits with 1 when the run did not succeed.

    Parameters
    ----------
    run
        The run's name, as `towpath pipelines` shows it.
    job
        Only this job: its key in the workflow file, or one of a matrix such as test.2.
    follow : -f
        Go on with new lines until the run ends.
    project
        The project.
    """
    shown: set[tuple[str, int]] = set()
    while True:
        found = await terminal.api.get(PIPELINE_RUN, run, project)
        if await _show_new(terminal, found, job, shown, follow=follow) and follow:
            continue
        if not follow or is_finished(found):
            break
        await _change_of(terminal, found)
    _tell_end(terminal, found, follow=follow)


async def _show_new(
    terminal: Terminal, run: RawObject, wanted: str, shown: set[tuple[str, int]], *, follow: bool
) -> bool:
    """Print the steps that have begun and were not printed yet; True if there was one."""
    any_new = False
    metadata = run["metadata"]
    for job in (run.get("status") or {}).get("jobs") or ():
        if wanted and wanted not in (job["id"], job["job"]):
            continue
        for step in job.get("steps") or ():
            key = (job["id"], step["number"])
            if key in shown or step["phase"] in (PENDING, SKIPPED):
                continue
            any_new = True
            shown.add(key)
            terminal.say(f"== {job['name']} / {step['number']} {step['name']}")
            stream = log_stream(metadata["namespace"], metadata["name"], job["id"], step["number"])
            goes_on = "true" if follow and step["phase"] == RUNNING else "false"
            async for line in terminal.follow(f"logs/{stream}", follow=goes_on):
                print(line["text"], flush=True)  # noqa: T201 - the log is the output
    return any_new


async def _change_of(terminal: Terminal, run: RawObject) -> None:
    """Wait until the object changes; or for a while, should the watch have missed it."""
    metadata = run["metadata"]
    events = terminal.api.watch(
        PIPELINE_RUN,
        metadata["namespace"],
        since=metadata["resourceVersion"],
        fields=f"metadata.name={metadata['name']}",
    )
    try:
        async with asyncio.timeout(WAIT_FOR_CHANGE_S):
            async for _ in events:
                return
    except (TimeoutError, Gone):
        return
    finally:
        await events.aclose()


def _tell_end(terminal: Terminal, run: RawObject, *, follow: bool) -> None:
    message = (run.get("status") or {}).get("message", "")
    sentence = f"{run['metadata']['name']}: {phase_of(run)}" + (f", {message}" if message else "")
    if follow and phase_of(run) in (FAILED, CANCELLED):
        raise CommandError(sentence)
    terminal.say(sentence)


async def pipeline_cancel(terminal: Terminal, run: str, *, project: str = "") -> None:
    """Stop a run. Steps with `if: always()` still run.

    Parameters
    ----------
    run
        The run's name, as `towpath pipelines` shows it.
    project
        The project.
    """
    found = await terminal.api.get(PIPELINE_RUN, run, project)
    if is_finished(found):
        raise CommandError(f"{run} has ended already: {phase_of(found)}")
    await terminal.api.patch(PIPELINE_RUN, run, project, {"spec": {"cancel": True}})
    terminal.say(f"{run} is being cancelled")


async def pipeline_rerun(terminal: Terminal, run: str, *, project: str = "") -> None:
    """Run the same workflow for the same commit again, and print the new run's name.

    Parameters
    ----------
    run
        The run's name, as `towpath pipelines` shows it.
    project
        The project.
    """
    found = await terminal.api.get(PIPELINE_RUN, run, project)
    try:
        created = await run_again(terminal.api, found, await terminal.user())
    except Conflict as error:
        raise CommandError(error.message) from error
    terminal.show(created, [{"name": created["metadata"]["name"]}])


COMMANDS: Sequence[Command] = (
    Command(("pipelines",), pipelines),
    Command(("pipeline", "logs"), pipeline_logs),
    Command(("pipeline", "cancel"), pipeline_cancel),
    Command(("pipeline", "rerun"), pipeline_rerun),
)
