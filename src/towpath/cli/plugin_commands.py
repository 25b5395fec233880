"""Commands that plug-ins add: `towpath <plug-in> <word>`, in the process of whoever types them.

A built-in word never looks for plug-ins. Another first word is the name of an entry point, and that
package alone is imported, when one of its commands is meant: `towpath --help` lists what packages
say of themselves and imports nothing, so that no plug-in can spoil or slow it down.
"""

import functools
import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import click

from towpath.cli import output
from towpath.cli.adapter import Invoke, click_command
from towpath.hooks.commands import FAILED, CommandError, Terminal
from towpath.hooks.commands import Command as OwnCommand


class CommandLine(click.Group):
    """The root: what it does not know by itself may be a plug-in."""

    def __init__(self, invoke: Invoke, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._invoke = invoke

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (own := super().get_command(ctx, cmd_name)) is not None:
            return own
        from towpath.plugin.discovery import find_plugin

        found = find_plugin(cmd_name)
        if found is None:
            return None
        return PluginGroup(found.name, found.value, found.summary, self._invoke)

    def list_commands(self, ctx: click.Context) -> list[str]:
        from towpath.plugin.discovery import installed_plugins

        added = [one.name for one in installed_plugins() if not one.problem]
        return sorted({*super().list_commands(ctx), *added})


class PluginGroup(click.Group):
    """The commands of one plug-in, which is imported when one of them is asked for."""

    def __init__(self, name: str, value: str, summary: str, invoke: Invoke) -> None:
        about = summary or "Commands of a plug-in."
        super().__init__(name, help=f"{about}\n\nThe plug-in {name} brings these commands.")
        self.short_help = about
        self._value = value
        self._invoke = invoke
        self._loaded = False

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._load()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for command in _commands(str(self.name), self._value):
            self.add_command(click_command(command, self._invoke))


def _commands(name: str, value: str) -> Sequence[OwnCommand]:
    """Import it. What is wrong with it ends this command with one sentence."""
    from towpath.plugin.child import load
    from towpath.plugin.hooks import place_of

    try:
        plugin = load(value)
        return [
            OwnCommand((name, command.word), _with_small_api(name, command.run))
            for command in plugin.commands
        ]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - an import may raise anything, SystemExit too
        where = f" at {place}" if (place := place_of(error)) else ""
        output.say(f"error: the plug-in {name} cannot be used: {type(error).__name__}{where}")
        output.say(f"hint: {error}")
        sys.exit(FAILED)


def _with_small_api(name: str, run: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
    """A command as the adapter wants it; the plug-in is given what towpath.plugin promises."""

    @functools.wraps(run)
    async def wrapped(terminal: Terminal, *arguments: Any, **values: Any) -> None:
        try:
            result = run(PluginTerminal(terminal), *arguments, **values)
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            raise _told(name, error) from error

    return wrapped


def _told(name: str, error: Exception) -> Exception:
    """What the API or the connection says as ever; what the plug-in raises, with its name."""
    from towpath.machinery.errors import StatusError
    from towpath.plugin.declaration import Declined
    from towpath.plugin.hooks import place_of

    if isinstance(error.__cause__, StatusError):
        return error.__cause__
    if isinstance(error, CommandError | OSError) or type(error).__module__.startswith("http"):
        return error
    if isinstance(error, Declined):
        return CommandError(str(error))
    where = f" at {place}" if (place := place_of(error)) else ""
    said = f": {error}" if str(error) else ""
    return CommandError(f"the plug-in {name} raised {type(error).__name__}{where}{said}")


class PluginTerminal:
    """towpath.plugin.Terminal over a command's own."""

    def __init__(self, terminal: Terminal) -> None:
        from towpath.plugin.reading import ClientApi

        self._terminal = terminal
        self.api = ClientApi(terminal.api, os.environ.get("TOWPATH_PROJECT", ""))

    async def user(self) -> str:
        return await self._terminal.user()

    async def portal(self) -> str:
        return await self._terminal.portal()

    def show(self, data: Any, rows: Sequence[Mapping[str, str]] | None = None) -> None:
        self._terminal.show(data, rows)

    def say(self, text: str) -> None:
        self._terminal.say(text)

    def confirm(self, question: str) -> bool:
        return self._terminal.confirm(question)
