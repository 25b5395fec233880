"""Commands of the terminal: `template instances`, `behind`, `upgrade`, `upgrades`, `campaign`."""

from towpath.hooks.commands import Command, Terminal

SYSTEM_NAMESPACE = "towpath-system"


async def instances(terminal: Terminal, template: str = "", *, project: str = "") -> None:
    """List the repositories that came of a template, and the version of it that they have.

    Parameters
    ----------
    template
        Only those of this template: its name, or <namespace>/<name>.
    project
        Only those of this project.
    """
    from towpath.capabilities.portal.templates.upgrades.asking import show_instances

    await show_instances(terminal, template, project, only_behind=False)


async def behind(terminal: Terminal, template: str = "", *, project: str = "") -> None:
    """List the repositories for which there is a newer version of their template.

    Parameters
    ----------
    template
        Only those of this template: its name, or <namespace>/<name>.
    project
        Only those of this project.
    """
    from towpath.capabilities.portal.templates.upgrades.asking import show_instances

    await show_instances(terminal, template, project, only_behind=True)


async def upgrade(
    terminal: Terminal,
    what: str,
    *,
    all_: bool = False,
    project: str = "",
    set_: tuple[str, ...] = (),
    merge: bool = False,
    waves: str = "1,5,20",
    pause: str = "0s",
    wait: bool = False,
    timeout: float = 300.0,
) -> None:
    """Bring the newest version of its template to a repository; with --all to all that are behind.

    It is proposed on a branch, and nothing is merged before you say so.

    Parameters
    ----------
    what
        The repository; with --all the template.
    all_
        Start a campaign for every repository of the template that is behind.
    project
        The project; a campaign without one is for all projects.
    set_
        An answer to something that is new, as name=value; may be given several times.
    merge
        Merge each when its pipelines have succeeded.
    waves
        How many repositories each wave of a campaign has; the last number repeats.
    pause
        How long a campaign waits between two waves, such as 30m.
    wait
        Follow it until nothing happens by itself any more.
    timeout
        How many seconds to wait at most.
    """
    from towpath.capabilities.portal.templates.upgrades import asking

    if all_:
        wanted = asking.Campaign(what, project, set_, merge, waves, pause)
        await asking.start_campaign(terminal, wanted, timeout if wait else None)
    else:
        await asking.start_upgrade(
            terminal, what, project, set_, merge=merge, wait_s=timeout if wait else None
        )


async def upgrades(terminal: Terminal, *, project: str = "") -> None:
    """List upgrades, the newest first.

    Parameters
    ----------
    project
        Only those of this project.
    """
    from towpath.capabilities.portal.templates.upgrades.asking import show_upgrades

    await show_upgrades(terminal, project)


async def campaign(
    terminal: Terminal, name: str, do: str = "show", *, project: str = SYSTEM_NAMESPACE
) -> None:
    """Show a campaign, or pause, resume or cancel it, or let it go on after failures.

    Parameters
    ----------
    name
        The campaign's name.
    do
        show, pause, resume, cancel or go-on.
    project
        The project that it is in; those of all projects are in towpath-system.
    """
    from towpath.capabilities.portal.templates.upgrades.asking import steer_campaign

    await steer_campaign(terminal, name, do, project)


COMMANDS = (
    Command(("template", "instances"), instances),
    Command(("template", "behind"), behind),
    Command(("template", "upgrade"), upgrade),
    Command(("template", "upgrades"), upgrades),
    Command(("template", "campaign"), campaign),
)
