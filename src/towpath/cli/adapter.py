"""A command function becomes a click command: its signature is the command line.

Positional parameters are arguments, keyword-only ones are options, `bool` ones are flags, tuples
take any number of values. The docstring's first paragraph is the help; its numpy-style
`Parameters` section has the help of each parameter, and gives `-x` as a short name when its line
reads `name : -x`.
"""

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from towpath.hooks.commands import Command

Invoke = Callable[[Command, dict[str, Any]], None]

FORMATS = ("table", "wide", "json", "yaml", "name")

SHORT_NAMES = {"project": "-p"}
"""Of parameters that many commands have; a command's own docstring wins."""

GROUPS = {"git": "Let Git sign in as you."}
"""What a group of commands is for, where the plural of its word does not say it."""


@dataclass(frozen=True, slots=True)
class Help:
    """What a docstring says."""

    text: str
    parameters: dict[str, str] = field(default_factory=dict)
    short_names: dict[str, str] = field(default_factory=dict)


def parse_docstring(docstring: str) -> Help:
    text, _, section = inspect.cleandoc(docstring).partition("\nParameters\n")
    parsed = Help(text.strip())
    name = ""
    for line in section.splitlines():
        if line.startswith("---") or not line.strip():
            continue
        if line.startswith((" ", "\t")):
            known = parsed.parameters.get(name, "")
            parsed.parameters[name] = f"{known} {line.strip()}".strip()
            continue
        name, _, short = (part.strip() for part in line.partition(":"))
        if short.startswith("-"):
            parsed.short_names[name] = short
    return parsed


def build(
    commands: list[Command],
    invoke: Invoke,
    summary: str,
    *,
    kind: Callable[..., click.Group] = click.Group,
) -> click.Group:
    """The whole command line: commands of two words are grouped by their first."""
    root = kind("towpath", help=summary, context_settings={"max_content_width": 100})
    for command in sorted(commands, key=lambda command: command.words):
        group = root
        for word in command.words[:-1]:
            group = _subgroup(group, word)
        group.add_command(click_command(command, invoke))
        if group is not root:
            group.help = f"Commands: {', '.join(sorted(group.commands))}."
    return root


def _subgroup(group: click.Group, word: str) -> click.Group:
    known = group.commands.get(word)
    if isinstance(known, click.Group):
        return known
    made = click.Group(word, help=GROUPS.get(word, f"Commands about {word}s."))
    group.add_command(made)
    return made


def click_command(command: Command, invoke: Invoke) -> click.Command:
    described = parse_docstring(command.run.__doc__ or "")
    hints = typing.get_type_hints(command.run)
    parameters = list(inspect.signature(command.run).parameters.values())[1:]
    output = click.Option(
        ["-o", "--output"], type=click.Choice(FORMATS), default="table", help="How to print."
    )
    params = [_parameter(p, hints[p.name], described) for p in parameters]
    return click.Command(
        command.words[-1],
        callback=lambda **values: invoke(command, values),
        params=[*params, output],
        help=described.text,
        short_help=described.text.split("\n\n")[0].replace("\n", " "),
    )


def _parameter(parameter: inspect.Parameter, hint: Any, described: Help) -> click.Parameter:
    required = parameter.default is inspect.Parameter.empty
    default: dict[str, Any] = {} if required else {"default": parameter.default}
    kind, many = _click_type(hint)
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        flag = "--" + parameter.name.rstrip("_").replace("_", "-")
        names = [parameter.name, flag]
        own = described.short_names.get(parameter.name)
        if short := own or SHORT_NAMES.get(parameter.name):
            names.insert(1, short)
        is_flag = kind is click.BOOL
        return click.Option(
            names,
            type=None if is_flag else kind,
            is_flag=is_flag,
            multiple=many,
            required=required,
            help=described.parameters.get(parameter.name, ""),
            **default,
        )
    shown = parameter.name.upper().replace("_", " ")
    return click.Argument(
        [parameter.name],
        type=kind,
        nargs=-1 if many else 1,
        required=required,
        metavar=shown if required else f"[{shown}]",
        **default,
    )


def _click_type(hint: Any) -> tuple[click.ParamType[Any], bool]:
    """The click type of an annotation, and whether it takes several values."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, tuple):
        return _click_type(arguments[0])[0], True
    if origin in (types.UnionType, typing.Union):
        return _click_type(next(a for a in arguments if a is not type(None)))
    if origin is typing.Literal:
        return click.Choice([str(argument) for argument in arguments]), False
    simple: dict[Any, click.ParamType[Any]] = {
        bool: click.BOOL,
        int: click.INT,
        float: click.FLOAT,
        Path: click.Path(path_type=Path),
    }
    return simple.get(hint, click.STRING), False
