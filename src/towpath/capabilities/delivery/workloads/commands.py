"""What the terminal offers for workloads: list, show, logs, delete, open."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, target_namespace
from towpath.capabilities.delivery.pipelines.kinds import (
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    label_value,
)
from towpath.capabilities.delivery.promotions.kinds import newest_first
from towpath.capabilities.delivery.workloads.kinds import ADOPTED_ANNOTATION, RELEASE, WORKLOAD
from towpath.hooks.commands import NOT_FOUND, TIMED_OUT, USAGE, Command, CommandError, Terminal
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import Forbidden, NotFound
from towpath.machinery.objects import Key, RawObject, annotations_of, uid_of
from towpath.runtime.following import follow_object

RELEASES_SHOWN = 5
DELETE_TIMEOUT_S = 120.0


async def list_workloads(terminal: Terminal, *, project: str = "") -> None:
    """List the workloads of a project and what runs where.

    Parameters
    ----------
    project : -p
        The project; needed when there are several.
    """
    try:
        found = (await terminal.api.list(WORKLOAD, project)).items
    except Forbidden:
        found = []
    if not found and project not in [one["name"] for one in await terminal.read("projects")]:
        raise CommandError(
            f"there is no project {project}, or you are not a member", exit_code=NOT_FOUND
        )
    none = () if found else (f"Project {project} has no workloads yet: `towpath new` makes one.",)
    terminal.show({"items": found}, [_row(workload) for workload in found], words=none)


def _row(workload: RawObject) -> Mapping[str, str]:
    status = workload.get("status") or {}
    ready = get_condition(workload, "Ready") or {"status": "Unknown"}
    return {
        "name": workload["metadata"]["name"],
        "owner": workload["spec"].get("owner", ""),
        "ready": _yes_no(ready["status"]),
        "latest": status.get("latestRelease", ""),
        "runs": status.get("summary", ""),
        "+message": ready.get("message", ""),
    }


def _yes_no(status: str) -> str:
    return {"True": "yes", "False": "no"}.get(status, "not yet")


async def show(terminal: Terminal, app: str, *, project: str = "") -> None:
    """Show a workload: each environment's release, health and address, and the latest releases.

    Parameters
    ----------
    app
        The workload's name.
    project : -p
        The project; needed when there are several.
    """
    workload = await workload_of(terminal, app, project)
    releases = [
        release
        for release in (await terminal.api.list(RELEASE, project)).items
        if release["spec"]["workload"] == app
    ]
    status = workload.get("status") or {}
    stages: list[RawObject] = status.get("environments") or []
    names = [release["metadata"]["name"] for release in newest_first(releases)[:RELEASES_SHOWN]]
    repository = workload["spec"]["repository"]
    words = [
        *_how_it_is(workload, stages),
        f"Releases, the newest first: {', '.join(names) or 'none yet'}",
        *await _about_pipeline(terminal, repository, project),
        f"Code: {await terminal.portal()}/git/{project}/{repository}.git",
    ]
    data = {"workload": workload, "releases": releases}
    terminal.show(data, [_stage(stage) for stage in stages], words=words)


def _how_it_is(workload: RawObject, stages: Sequence[RawObject]) -> Iterator[str]:
    if ready := get_condition(workload, "Ready"):
        message = ready.get("message", "")
        # Often it is what a stage says, which comes below with the stage's name.
        told = any(stage.get("message") and stage["message"] in message for stage in stages)
        yield f"Ready: {_yes_no(ready['status'])}. {'' if told else message}".rstrip()
    for stage in stages:
        if message := stage.get("message"):
            yield f"{stage['name']}: {message}"
        if drift := stage.get("drift"):
            yield f"{stage['name']}: {_drift(drift)}"


async def _about_pipeline(terminal: Terminal, repository: str, project: str) -> list[str]:
    """The newest run, if nothing comes of it: whoever pushed looks here first."""
    labels = f"{REPOSITORY_LABEL}={label_value(repository)}"
    try:
        runs = (await terminal.api.list(PIPELINE_RUN, project, labels=labels)).items
    except (NotFound, Forbidden):
        return []
    if not runs:
        return []
    newest = newest_first(runs)[0]
    status = newest.get("status") or {}
    if status.get("phase") not in ("Failed", "Cancelled"):
        return []
    message = status.get("message") or "`towpath pipelines` lists its runs"
    return [f"Pipeline {newest['metadata']['name']}: {status['phase']}. {message}"]


def _stage(stage: RawObject) -> Mapping[str, str]:
    return {
        "environment": stage["name"],
        "release": stage.get("release", "-"),
        "health": stage.get("health", ""),
        "sync": stage.get("sync", ""),
        "promotion": stage.get("phase", ""),
        "url": stage.get("url", ""),
        "+commit": stage.get("commit", ""),
    }


def _drift(drift: RawObject) -> str:
    who = drift["by"] or "somebody unknown"
    fields = f" ({', '.join(drift['fields'])})" if drift.get("fields") else ""
    became = "healed from Git" if drift["healed"] else "not healed"
    return f"{drift['resource']} was {drift['change']} by {who} at {drift['at']}{fields}, {became}"


async def logs(
    terminal: Terminal,
    app: str,
    *,
    env: str = "",
    follow: bool = False,
    tail: int = 0,
    project: str = "",
) -> None:
    """Print what a workload's processes write.

    Parameters
    ----------
    app
        The workload's name.
    env : -e
        The environment; needed when it runs in several.
    follow : -f
        Go on with new lines, and with the processes of the next release.
    tail : -n
        Only the last lines of each process; 0 for all.
    project : -p
        The project; needed when there are several.
    """
    from towpath.capabilities.delivery.workloads.pod_logs import print_logs

    workload = await workload_of(terminal, app, project)
    stage = environment_of(workload, env)
    environment = await terminal.api.get(ENVIRONMENT, stage, project)
    client = terminal.cluster(environment["spec"]["cluster"])
    await print_logs(client, app, target_namespace(project, stage), follow=follow, tail=tail)


async def delete(
    terminal: Terminal, app: str, *, project: str = "", yes: bool = False, wait: bool = False
) -> None:
    """Delete a workload with all that runs, its database and its routes; archive its repository.

    Parameters
    ----------
    app
        The workload's name.
    project : -p
        The project; needed when there are several.
    yes : -y
        Do not ask.
    wait
        Return when everything has gone.
    """
    workload = await workload_of(terminal, app, project)
    policy = (workload["spec"].get("deletionPolicy") or {}).get("data", "Delete")
    data = "its data is kept" if policy == "Retain" else "its data is deleted too"
    if not yes and not terminal.confirm(f"Delete {app} from every environment? ({data})"):
        raise CommandError(f"{app} was not deleted", hint="--yes deletes without asking")
    await terminal.api.delete(WORKLOAD, app, project, uid=uid_of(workload))
    if not wait:
        terminal.say(f"{app} is being deleted; {data}.")
        return
    await _until_gone(terminal, workload, project)
    repository = workload["spec"]["repository"]
    others = [
        other["metadata"]["name"]
        for other in (await terminal.api.list(WORKLOAD, project)).items
        if other["spec"]["repository"] == repository
    ]
    kept = f"stays, for {', '.join(others)} uses it" if others else "is in the archive"
    if ADOPTED_ANNOTATION in annotations_of(workload):
        kept = "stays, as it was there before"
    terminal.say(f"{app} is gone; {data}, and its repository {repository} {kept}.")


async def _until_gone(terminal: Terminal, alive: RawObject, project: str) -> None:
    """Tell what it waits for. `alive` is the workload before: what it said then is no news."""
    app: str = alive["metadata"]["name"]
    told = (get_condition(alive, "Ready") or {}).get("message", "")
    changes = follow_object(terminal.api, WORKLOAD, Key(project, app))
    try:
        async with asyncio.timeout(DELETE_TIMEOUT_S):
            async for workload in changes:
                if workload is None:
                    return
                ready = get_condition(workload, "Ready") or {}
                told, before = ready.get("message", ""), told
                if told and told != before:
                    terminal.say(told)
    except asyncio.CancelledError:
        terminal.say(
            f"You wait no longer; {app} is deleted all the same. Follow it with: "
            f"towpath show {app} --project {project}"
        )
        raise
    except TimeoutError:
        raise CommandError(
            f"{app} is not gone after {DELETE_TIMEOUT_S:.0f} s: {told}",
            hint="it goes on; `towpath show` says what it waits for",
            exit_code=TIMED_OUT,
        ) from None
    finally:
        await changes.aclose()


async def open_(terminal: Terminal, app: str = "", *, env: str = "", project: str = "") -> None:
    """Open a workload in the browser, or the portal when none is named.

    Parameters
    ----------
    app
        The workload's name.
    env : -e
        The environment; needed when it runs in several.
    project : -p
        The project; needed when there are several.
    """
    import webbrowser

    if app:
        workload = await workload_of(terminal, app, project)
        stage = environment_of(workload, env)
        url = next(
            (
                entry.get("url", "")
                for entry in (workload.get("status") or {}).get("environments") or ()
                if entry["name"] == stage
            ),
            "",
        )
        if not url:
            raise CommandError(f"{app} has no address in {stage}", hint="does it offer a port?")
    else:
        url = await terminal.portal()
    terminal.show({"url": url}, [{"url": url}])
    await asyncio.to_thread(webbrowser.open, url)


async def workload_of(terminal: Terminal, app: str, project: str) -> RawObject:
    try:
        return await terminal.api.get(WORKLOAD, app, project)
    except NotFound:
        raise CommandError(
            f"there is no service {app} in project {project}",
            hint=f"`towpath list --project {project}` shows those that there are",
            exit_code=NOT_FOUND,
        ) from None


def environment_of(workload: RawObject, wanted: str) -> str:
    """The environment that is meant: the named one, or the only one that something runs in."""
    listed: list[str] = workload["spec"]["environments"]
    if wanted:
        if wanted not in listed:
            raise CommandError(
                f"{workload['metadata']['name']} does not go to {wanted}",
                hint=f"its environments are {', '.join(listed)}",
                exit_code=NOT_FOUND,
            )
        return wanted
    stages = (workload.get("status") or {}).get("environments") or ()
    running = [stage["name"] for stage in stages if stage.get("health")]
    if len(running) == 1:
        name: str = running[0]
        return name
    if not running and len(listed) == 1:
        return listed[0]
    raise CommandError(
        "which environment?",
        hint=f"name one with --env: {', '.join(running or listed)}",
        exit_code=USAGE,
    )


COMMANDS = (
    Command(("list",), list_workloads),
    Command(("show",), show),
    Command(("logs",), logs),
    Command(("delete",), delete),
    Command(("open",), open_),
)
