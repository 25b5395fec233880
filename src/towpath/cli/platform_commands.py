"""The platform itself: start it, look how it is, find out what a machine lacks."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from towpath.app import own_name
from towpath.hooks.commands import Command, CommandError, Terminal

FIRST_START_DEADLINE_S = 60.0
START_REFUSED = 3


async def up(
    _: None,
    *,
    data_dir: Path | None = None,
    port: int | None = None,
    demo: bool = False,
    empty: bool = False,
    no_browser: bool = False,
    without_plugin: tuple[str, ...] = (),
    catalog_root: tuple[Path, ...] = (),
) -> None:
    """Start the whole platform in the foreground; Ctrl-C stops everything it started.

    Parameters
    ----------
    data_dir
        Where everything is kept. Default: TOWPATH_DATA_DIR or ~/.local/share/towpath.
    port
        The portal's port. Default: 8080, or the one of the last start.
    demo
        Seed the project `demo` with people, stages and golden paths (default at a first start).
    empty
        Seed nothing but the golden paths.
    no_browser
        Do not open the portal in a browser.
    without_plugin
        The name of an installed plug-in that shall not run this time; may be given several times.
    catalog_root
        A folder below which catalogue sources of type directory may read; may be given several
        times.
    """
    from towpath.app.datadir import default_data_dir, open_data_dir
    from towpath.app.refusals import refusal_of, require_programs

    if demo and empty:
        raise CommandError("--demo and --empty exclude each other; give one of them", exit_code=2)
    path = (data_dir or default_data_dir()).absolute()
    try:
        require_programs()
        with open_data_dir(path) as opened:
            seed = demo or (opened.is_new and not empty)
            await _run(
                opened,
                port,
                seed=seed,
                browse=not no_browser,
                without=without_plugin,
                roots=catalog_root,
            )
    except CommandError:
        raise
    except Exception as error:
        refusal = refusal_of(error, path)
        if refusal is None:
            raise
        raise CommandError(refusal, exit_code=START_REFUSED) from error


async def _run(
    data_dir: object,
    port: int | None,
    *,
    seed: bool,
    browse: bool,
    without: tuple[str, ...],
    roots: tuple[Path, ...],
) -> None:
    from towpath.app.datadir import DataDir, announce, default_cache_dir
    from towpath.app.logging import log_to_file
    from towpath.app.platform import running_platform
    from towpath.app.recovery import end_leftovers
    from towpath.runtime import heap

    assert isinstance(data_dir, DataDir)
    since = time.monotonic()
    stop = _stop_at_signals()
    log_to_file(data_dir.path / "logs" / "towpath.log")
    await end_leftovers(data_dir.path)
    ports = data_dir.ports(port)
    announce(data_dir, ports)
    _say(f"Starting Towpath in {data_dir.path}")
    running = running_platform(
        data_dir,
        default_cache_dir(),
        ports,
        demo=seed,
        progress=_show_progress,
        without_plugins=without,
        catalog_roots=roots,
    )
    with contextlib.ExitStack() as loading:
        loading.enter_context(heap.undisturbed())
        async with running as platform:
            await platform.settled(FIRST_START_DEADLINE_S)
            link = await platform.sign_in_link()
            _say_ready(link, platform.kubeconfig, time.monotonic() - since)
            loading.close()
            if browse:
                _open_browser(link)
            platform.failed.add_done_callback(lambda _: stop.set())
            await stop.wait()
            _say("Stopping: workloads, pipelines, database, API")
            failure = platform.failed.exception() if platform.failed.done() else None
    _say("Stopped.")
    if failure is not None:
        log = data_dir.path / "logs" / "towpath.log"
        raise CommandError(f"the platform failed: {failure}", hint=f"the log is {log}")


def _stop_at_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _show_progress(part: str, seconds: float) -> None:
    _say(f"  {part:<48} {seconds:6.2f} s")


def _say_ready(link: str, kubeconfig: Path, seconds: float) -> None:
    from towpath.app.datadir import default_data_dir

    _say("")
    sys.stdout.write(f"Towpath is ready ({seconds:.1f} s)\n")
    sys.stdout.write(f"  Portal      {link}\n")
    sys.stdout.write(f"  kubeconfig  {kubeconfig}  (contexts platform, local)\n")
    sys.stdout.flush()
    _say("")
    _say("In another terminal:")
    if kubeconfig.parent != default_data_dir().absolute():
        _say(f"  export TOWPATH_DATA_DIR={kubeconfig.parent}")
    _say(f"  {own_name.to_type()} new python-service order-service --project demo --wait")
    _say("Ctrl-C stops everything.")


def _open_browser(link: str) -> None:
    """Only where somebody sits in front of it."""
    if sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        import webbrowser

        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(link)


def _say(text: str) -> None:
    from towpath.cli.output import say

    say(text)


async def status(terminal: Terminal) -> None:
    """Show how the platform is: its clusters, projects and what needs attention."""
    from towpath.cli.platform_status import platform_status

    report = await platform_status(terminal)
    terminal.show(report.data, report.rows, words=report.words)
    if not report.healthy:
        raise CommandError("something needs attention; see above")


async def doctor(_: None) -> None:
    """Check this machine: what works, what is missing, and how to get it."""
    from towpath.cli.doctor import examine

    failed = False
    async for finding in examine():
        mark = "ok  " if finding.ok else ("FAIL" if finding.needed else "warn")
        sys.stdout.write(f"{mark}  {finding.subject}: {finding.sentence}\n")
        failed = failed or (finding.needed and not finding.ok)
    if failed:
        raise CommandError("this machine lacks something that Towpath needs; see above")


async def plugin_list(terminal: Terminal) -> None:
    """List the plug-ins that are installed: how each is, and what it adds."""
    plugins = await terminal.read("plugins")
    rows = [
        {
            "name": one["name"],
            "version": one["version"],
            "state": one["condition"],
            "adds": ", ".join(one["adds"]),
            "trouble": one["incidents"][0]["what"] if one["incidents"] else "",
        }
        for one in plugins
    ]
    terminal.show(plugins, rows)


PLATFORM_COMMANDS = [
    Command(("up",), up, local=True),
    Command(("status",), status),
    Command(("doctor",), doctor, local=True),
    Command(("plugin", "list"), plugin_list),
]
