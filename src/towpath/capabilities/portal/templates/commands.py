"""Commands of the terminal: `new`, `adopt`, `templates`, `runs` and `template test`."""

from pathlib import Path

from towpath.hooks.commands import Command, Terminal

SYSTEM_NAMESPACE = "towpath-system"


async def new(
    terminal: Terminal,
    template: str,
    name: str,
    *,
    project: str = "",
    set_: tuple[str, ...] = (),
    keep: str = "",
    wait: bool = False,
    timeout: float = 300.0,
) -> None:
    """Make a new service from a template.

    `towpath templates` lists the templates. With --wait it is followed until it is healthy.

    Parameters
    ----------
    template
        The name of the template; `towpath templates` lists them.
    name
        The name of what is made: repository, workload and address.
    project
        The project that it belongs to; needed when there are several.
    set_
        A parameter as name=value; may be given several times.
    keep
        How long it is kept: 24h, 7d; left out, for good.
    wait
        Follow every step until the service answers; exit with 1 if anything fails.
    timeout
        How many seconds to wait at most.
    """
    from towpath.capabilities.portal.templates.creating import Request, create

    request = Request(template=template, name=name, project=project, given=set_, keep=keep)
    await create(terminal, request, wait_s=timeout if wait else None)


async def adopt(
    terminal: Terminal,
    where: str = ".",
    *,
    project: str = "",
    repository: str = "",
    set_: tuple[str, ...] = (),
    dry_run: bool = False,
    yes: bool = False,
    wait: bool = False,
    timeout: float = 300.0,
) -> None:
    """Deliver a repository that is there already: read it, show what it lacks, commit that.

    Only new files are committed, in one commit on main. Nothing is written before you say yes.

    Parameters
    ----------
    where
        A folder (with a slash, or "."), the address of a repository elsewhere, or the name of one
        in the project.
    project
        The project that it is delivered in; needed when there are several.
    repository
        The repository's name here; the folder's or the address's if not given.
    set_
        An answer as name=value, such as port=9000 or database=yes; may be given several times.
    dry_run
        Print the new files as a patch, and write nothing.
    yes
        Do not ask.
    wait
        Follow every step until the service answers; exit with 1 if anything fails.
    timeout
        How many seconds to wait at most.
    """
    from towpath.capabilities.portal.templates import adopting

    wanted = adopting.Wanted(
        where=where,
        repository=repository,
        project=project,
        given=set_,
        dry_run=dry_run,
        yes=yes,
        wait_s=timeout if wait else None,
    )
    await adopting.adopt(terminal, wanted)


async def templates(terminal: Terminal, *, of: str = "") -> None:
    """List the templates that a service can be made from.

    Parameters
    ----------
    of
        List this project's own templates as well.
    """
    from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
    from towpath.machinery.conditions import is_true

    offered = (await terminal.api.list(SOFTWARE_TEMPLATE, SYSTEM_NAMESPACE)).items
    if of:
        offered += (await terminal.api.list(SOFTWARE_TEMPLATE, of)).items
    rows = []
    for item in offered:
        descriptor = item["spec"]["descriptor"]
        metadata, spec = descriptor["metadata"], descriptor["spec"]
        rows.append(
            {
                "name": item["metadata"]["name"],
                "title": metadata.get("title", ""),
                "type": spec.get("type", ""),
                "ready": "yes" if is_true(item, "Ready") else "no",
                "+description": metadata.get("description", ""),
            }
        )
    terminal.show({"items": offered}, rows)


async def runs(terminal: Terminal, *, project: str = "") -> None:
    """List the runs of templates in a project.

    Parameters
    ----------
    project
        The project; needed when there are several.
    """
    from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
    from towpath.capabilities.portal.templates.progress import phase_of

    found = (await terminal.api.list(TEMPLATE_RUN, project)).items
    rows = [
        {
            "name": run["metadata"]["name"],
            "template": run["spec"]["template"]["name"],
            "phase": phase_of(run),
            "by": run["spec"].get("requestedBy", ""),
            "started": (run.get("status") or {}).get("startedAt", ""),
            "+message": (run.get("status") or {}).get("message", ""),
        }
        for run in sorted(found, key=lambda run: run["metadata"]["creationTimestamp"])
    ]
    terminal.show({"items": found}, rows)


async def template_test(_terminal: Terminal | None, path: Path, *, update: bool = False) -> None:
    """Render a template with the inputs of its tests and compare with what is expected.

    Tests are `tests/<name>.yaml` beside `template.yaml`; what they render to is kept in
    `tests/<name>.expected.yaml`.

    Parameters
    ----------
    path
        The template's folder.
    update
        Write what is rendered now as what is expected.
    """
    import asyncio

    from towpath.capabilities.portal.templates.testing import run_tests

    # In a thread of its own: the steps of each test run in a loop of their own.
    await asyncio.to_thread(run_tests, path, update=update)


COMMANDS = (
    Command(("new",), new),
    Command(("adopt",), adopt),
    Command(("templates",), templates),
    Command(("runs",), runs),
    Command(("template", "test"), template_test, local=True),
)
