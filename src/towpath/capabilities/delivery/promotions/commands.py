"""What the terminal offers for promotions: promote, rollback, promotions."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, by_order
from towpath.capabilities.delivery.promotions.kinds import (
    PROMOTION,
    newest_first,
    phase_of,
    release_to_go_back_to,
)
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.hooks.commands import NOT_FOUND, Command, CommandError, Terminal
from towpath.hooks.waiting import TIMEOUT_S, Followed, first_word, follow
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject


async def promote(
    terminal: Terminal,
    app: str,
    *,
    to: str,
    release: str = "",
    reason: str = "",
    wait: bool = False,
    timeout: float = TIMEOUT_S,
    project: str = "",
) -> None:
    """Bring a release to an environment.

    Parameters
    ----------
    app
        The workload's name.
    to
        The environment.
    release
        The release; left out, the one that runs in the stage before, or else the latest.
    reason
        Why; it is kept with the commit.
    wait
        Return when it runs there, with 1 if it does not.
    timeout
        How many seconds to wait at most.
    project : -p
        The project; needed when there are several.
    """
    workload = await _workload(terminal, app, project)
    chosen = release or await _release_before(terminal, workload, to, project)
    await _require_release(terminal, app, chosen, project)
    await _ask(terminal, workload, to, chosen, reason, project, wait_s=timeout if wait else None)


async def rollback(
    terminal: Terminal,
    app: str,
    *,
    env: str,
    to: str = "",
    reason: str = "",
    wait: bool = False,
    timeout: float = TIMEOUT_S,
    project: str = "",
) -> None:
    """Bring an earlier release back to an environment.

    Parameters
    ----------
    app
        The workload's name.
    env : -e
        The environment.
    to
        The release; left out, the one that ran there before.
    reason
        Why; it is kept with the commit.
    wait
        Return when it runs there, with 1 if it does not.
    timeout
        How many seconds to wait at most.
    project : -p
        The project; needed when there are several.
    """
    workload = await _workload(terminal, app, project)
    await _stages(terminal, workload, env, project)
    chosen = to or await _previous(terminal, app, env, project)
    await _require_release(terminal, app, chosen, project)
    why = reason or f"Roll back to {chosen}."
    await _ask(terminal, workload, env, chosen, why, project, wait_s=timeout if wait else None)


async def promotions(terminal: Terminal, app: str = "", *, project: str = "") -> None:
    """List promotions, the newest first.

    Parameters
    ----------
    app
        Only those of this workload.
    project : -p
        The project; needed when there are several.
    """
    found = [
        promotion
        for promotion in newest_first((await terminal.api.list(PROMOTION, project)).items)
        if app in ("", promotion["spec"]["workload"])
    ]
    terminal.show({"items": found}, [_row(promotion) for promotion in found])


def _row(promotion: RawObject) -> Mapping[str, str]:
    spec = promotion["spec"]
    return {
        "name": promotion["metadata"]["name"],
        "environment": spec["environment"],
        "release": spec["release"],
        "phase": phase_of(promotion),
        "by": spec["requestedBy"].rpartition(":")[2],
        "created": promotion["metadata"]["creationTimestamp"],
        "+message": (promotion.get("status") or {}).get("message", ""),
    }


async def _workload(terminal: Terminal, app: str, project: str) -> RawObject:
    try:
        return await terminal.api.get(WORKLOAD, app, project)
    except NotFound:
        raise CommandError(
            f"there is no service {app} in project {project}",
            hint=f"`towpath list --project {project}` shows those that there are",
            exit_code=NOT_FOUND,
        ) from None


async def _require_release(terminal: Terminal, app: str, release: str, project: str) -> None:
    """Said before a Promotion is made, which would fail with the same words."""
    hint = f"`towpath releases {app} --project {project}` lists them"
    try:
        found = await terminal.api.get(RELEASE, release, project)
    except NotFound as error:
        raise CommandError(
            f"there is no release {release} in project {project}", hint=hint, exit_code=NOT_FOUND
        ) from error
    if found["spec"]["workload"] != app:
        raise CommandError(
            f"{release} is a release of {found['spec']['workload']}, not of {app}", hint=hint
        )


async def _release_before(terminal: Terminal, workload: RawObject, to: str, project: str) -> str:
    """What runs in the stage before; the latest release where there is no such stage."""
    status = workload.get("status") or {}
    running = {
        stage["name"]: stage["release"]
        for stage in status.get("environments") or ()
        if stage.get("release")
    }
    names = await _stages(terminal, workload, to, project)
    before = names[: names.index(to)]
    for name in reversed(before):
        if name in running:
            release: str = running[name]
            return release
    latest: str = status.get("latestRelease", "")
    if not latest:
        raise CommandError(
            f"{workload['metadata']['name']} has no release yet",
            hint="its pipeline makes one at a push: `towpath pipelines`",
        )
    return latest


async def _stages(terminal: Terminal, workload: RawObject, asked: str, project: str) -> list[str]:
    """The names of the workload's environments in order, of which `asked` is one."""
    listed: list[str] = workload["spec"]["environments"]
    environments = (await terminal.api.list(ENVIRONMENT, project)).items
    names = [environment["metadata"]["name"] for environment in sorted(environments, key=by_order)]
    names = [name for name in names if name in listed]
    if asked not in names:
        raise CommandError(
            f"{workload['metadata']['name']} does not go to {asked}",
            hint=f"its environments are {', '.join(names)}",
            exit_code=NOT_FOUND,
        )
    return names


async def _previous(terminal: Terminal, app: str, env: str, project: str) -> str:
    """The last release that ran in the environment before the one that runs now, or failed to."""
    listed = await terminal.api.list(PROMOTION, project)
    earlier = release_to_go_back_to(
        one
        for one in listed.items
        if one["spec"]["workload"] == app and one["spec"]["environment"] == env
    )
    if earlier:
        return earlier
    raise CommandError(
        f"no earlier release of {app} ran in {env}", hint="name one with --to RELEASE"
    )


async def _ask(
    terminal: Terminal,
    workload: RawObject,
    environment: str,
    release: str,
    reason: str,
    project: str,
    *,
    wait_s: float | None,
) -> None:
    app: str = workload["metadata"]["name"]
    spec: RawObject = {
        "workload": app,
        "environment": environment,
        "release": release,
        "requestedBy": await terminal.user(),
    }
    if reason:
        spec["reason"] = reason
    promotion = PROMOTION.object(f"{app}-{environment}-{time.time_ns() // 10**6:x}", project)
    promotion["metadata"]["labels"] = {PROJECT_LABEL: project}
    made = await terminal.api.create(PROMOTION, {**promotion, "spec": spec})
    name: str = made["metadata"]["name"]
    terminal.show(made, [{"promotion": name, "release": release, "environment": environment}])
    if wait_s is not None:
        await follow(terminal, _followed(name, project), wait_s)
    else:
        await first_word(terminal, _followed(name, project))


def _followed(name: str, project: str) -> Followed:
    def hint(promotion: RawObject) -> str:
        spec = promotion["spec"]
        where = f"{spec['workload']} --env {spec['environment']}"
        return f"`towpath logs {where}`; to go back: `towpath rollback {where}`"

    return Followed(PROMOTION, "promotion", name, project, "towpath promotions", hint)


async def score_validate(_terminal: Terminal | None, path: Path = Path("score.yaml")) -> None:
    """Check a Score file as a promotion will: its form, its placeholders, its resource types.

    Parameters
    ----------
    path
        The Score file.
    """
    from towpath.capabilities.delivery.promotions.render import RenderInput, render
    from towpath.capabilities.delivery.promotions.score import ScoreError, load_score

    try:
        score = load_score(await asyncio.to_thread(path.read_bytes))
        render(
            RenderInput(
                project="project",
                workload=score.name,
                environment="environment",
                release="release",
                image=f"registry.towpath.dev/project/{score.name}@sha256:{'0' * 64}",
                score=score,
                host=f"{score.name}.environment.project.localhost",
            )
        )
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    except ScoreError as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"{path} cannot be delivered:\n{problems}") from error


COMMANDS = (
    Command(("promote",), promote),
    Command(("rollback",), rollback),
    Command(("promotions",), promotions),
    Command(("score", "validate"), score_validate, local=True),
)
