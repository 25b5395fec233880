"""The reference of the command line: what `--help` says, for every command."""

from collections.abc import Iterator

import click

from towpath.cli.main import command_line

WIDTH = 88


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with the words that it is called by, groups left out."""
    yield from _below("towpath", command_line())


def _below(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    for name in sorted(command.commands):
        yield from _below(f"{words} {name}", command.commands[name])


def reference() -> str:
    return "\n\n".join(_section(words, command) for words, command in commands())


def _section(words: str, command: click.Command) -> str:
    context = click.Context(
        command,
        info_name=words,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["--help"],
    )
    text = command.get_help(context)
    return f"## {words}\n\n```text\n{text}\n```"
