"""Commands of the terminal: `new`, `templates`, `runs` and `template test`."""

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
    wait: bool = False,
    timeout: float = 300.0,
) -> None:
    """Make a new service from a template, and follow it until it is healthy.

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
    wait
        Follow every step until the service answers; exit with 1 if anything fails.
    timeout
        How many seconds to wait at most.
    """
    from towpath.capabilities.portal.templates.creating import Request, create

    request = Request(template=template, name=name, project=project, given=set_)
    await create(terminal, request, wait_s=timeout if wait else None)


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
    Command(("templates",), templates),
    Command(("runs",), runs),
    Command(("template", "test"), template_test, local=True),
)
