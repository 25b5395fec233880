"""What the terminal offers for leases: list, extend, end."""

from towpath.hooks.commands import Command, CommandError, Terminal


async def list_(terminal: Terminal, *, project: str = "") -> None:
    """List what is kept for a while only; what ends next is first.

    Parameters
    ----------
    project : -p
        The project; needed when there are several.
    """
    from towpath.capabilities.governance.leases.reading import leased_in
    from towpath.hooks.leases import written

    found = await leased_in(terminal.api, project)
    rows = [
        {
            "kind": one.resource.kind,
            "name": one.name,
            "ends": written(one.end),
            "made": one.obj["metadata"].get("creationTimestamp", ""),
        }
        for one in found
    ]
    terminal.show({"items": [one.obj for one in found]}, rows)


async def extend(
    terminal: Terminal, kind: str, name: str, *, for_: str = "7d", project: str = ""
) -> None:
    """Keep something for so long from now on; it begins a lease where there was none.

    Parameters
    ----------
    kind
        Of what it is: workload, environment, postgresqlinstance.
    name
        Its name.
    for_
        How long: 24h, 7d.
    project : -p
        The project; needed when there are several.
    """
    from towpath.capabilities.governance.leases.reading import extended, resource_of
    from towpath.hooks.leases import BadLease, written

    resource = await resource_of(terminal.api, project, kind)
    try:
        end = await extended(terminal.api, resource, name, project, for_, await terminal.user())
    except BadLease as error:
        raise CommandError(str(error), hint="the page Leases of the project says more") from error
    terminal.show(
        {"name": name, "expires": written(end)},
        [{"kind": resource.kind, "name": name, "ends": written(end)}],
    )


async def end(terminal: Terminal, kind: str, name: str, *, project: str = "") -> None:
    """End a lease: what it was for is kept for good.

    Parameters
    ----------
    kind
        Of what it is: workload, environment, postgresqlinstance.
    name
        Its name.
    project : -p
        The project; needed when there are several.
    """
    from towpath.capabilities.governance.leases.reading import ended, resource_of
    from towpath.hooks.leases import BadLease

    resource = await resource_of(terminal.api, project, kind)
    try:
        await ended(terminal.api, resource, name, project)
    except BadLease as error:
        raise CommandError(str(error)) from error
    terminal.say(f"{name} is kept for good.")


COMMANDS = (
    Command(("lease", "list"), list_),
    Command(("lease", "extend"), extend),
    Command(("lease", "end"), end),
)
