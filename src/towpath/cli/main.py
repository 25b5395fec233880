"""The entry point: builds the command line, runs one command, turns errors into exit codes."""

import asyncio
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import click

from towpath.cli import output
from towpath.cli.adapter import build
from towpath.cli.connection import find_platform
from towpath.cli.plugin_commands import CommandLine
from towpath.hooks.commands import (
    CONFLICT,
    FAILED,
    NO_PLATFORM,
    NOT_FOUND,
    TIMED_OUT,
    USAGE,
    Command,
    CommandError,
)
from towpath.runtime import heap

INTERRUPTED = 130
IS_IT_RUNNING = "is `towpath up` running?"

SUMMARY = """Towpath: an internal developer platform in one command.

Start one with `towpath up`; ask it for a service with `towpath new`."""


def main() -> None:
    """The `towpath` command."""
    with heap.undisturbed():
        commands = command_line()
    commands(prog_name="towpath")


def command_line() -> click.Group:
    """Every command there is."""
    from towpath.cli.commands import all_commands

    root = build(all_commands(), invoke, SUMMARY, kind=partial(CommandLine, invoke))
    root.add_command(_completion())
    click.version_option(package_name="towpath", message="%(version)s")(root)
    return root


def invoke(command: Command, values: dict[str, Any]) -> None:
    """Run one command and leave with its exit code."""
    form = values.pop("output")
    try:
        asyncio.run(_run(command, values, form))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CommandError as error:
        _fail(str(error), error.hint, error.exit_code)
    except Exception as error:
        cause = _cause(error)
        if isinstance(cause, CommandError):
            _fail(str(cause), cause.hint, cause.exit_code)
        known = _known_error(cause, _place(values))
        if known is None:
            raise
        _fail(*known)


async def _run(command: Command, values: dict[str, Any], form: str) -> None:
    if command.local:
        await command.run(None, **values)
        return
    from towpath.app.datadir import default_data_dir
    from towpath.cli.terminal import CommandTerminal

    async with CommandTerminal(find_platform(default_data_dir()), form) as terminal:
        # Objects in files say themselves where they are.
        if "project" in values and not values["project"] and not values.get("file"):
            values["project"] = await _only_project(terminal)
        await command.run(terminal, **values)


async def _only_project(terminal: Any) -> str:
    """The project to mean when none is named: TOWPATH_PROJECT, or the only one there is."""
    if configured := os.environ.get("TOWPATH_PROJECT"):
        return configured
    names = [project["name"] for project in await terminal.read("projects")]
    if len(names) == 1:
        return str(names[0])
    raise CommandError(
        f"which project? There are {', '.join(names)}" if names else "you are in no project",
        hint="name one with --project, or set TOWPATH_PROJECT",
        exit_code=USAGE,
    )


def _place(values: Mapping[str, Any]) -> str:
    """The project that was meant; it is a namespace of that name."""
    return str(values.get("project") or values.get("namespace") or "")


def _cause(error: Exception) -> Exception:
    """What ended several things that were done at once."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _known_error(error: Exception, project: str) -> tuple[str, str, int] | None:
    """Message, hint and exit code of what can be expected to go wrong."""
    import httpx2

    from towpath.machinery import errors
    from towpath.machinery.plain_words import plainly

    if isinstance(error, errors.StatusError):
        if isinstance(error, errors.NotFound):
            return plainly(error, project), "", NOT_FOUND
        if isinstance(error, errors.Conflict):
            return error.message, "", CONFLICT
        if isinstance(error, errors.Unauthorized):
            hint = "the token is not known here; sign in again with `towpath login LINK`"
            return error.message, hint, NO_PLATFORM
        if isinstance(error, errors.Unavailable):
            return error.message, IS_IT_RUNNING, NO_PLATFORM
        return plainly(error, project), "", FAILED
    if isinstance(error, httpx2.TransportError | ConnectionError):
        return f"the platform cannot be reached: {error}", IS_IT_RUNNING, NO_PLATFORM
    if isinstance(error, TimeoutError):
        return str(error) or "waited in vain", "", TIMED_OUT
    return None


def _fail(message: str, hint: str, code: int) -> None:
    output.say(f"error: {message}")
    if hint:
        output.say(f"hint: {hint}")
    sys.exit(code)


def _completion() -> click.Command:
    @click.command("completion", short_help="Print the completion script of a shell.")
    @click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
    def completion(shell: str) -> None:
        """Print the script that completes `towpath` in a shell.

        bash: eval "$(towpath completion bash)" in ~/.bashrc; zsh and fish likewise.
        """
        from click.shell_completion import get_completion_class

        kind = get_completion_class(shell)
        assert kind is not None, f"click completes {shell}"
        root = click.get_current_context().find_root().command
        click.echo(kind(root, {}, "towpath", "_TOWPATH_COMPLETE").source())

    return completion
