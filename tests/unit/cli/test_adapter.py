"""A function's signature is its command line."""

from typing import Any

import click
import pytest
from click.testing import CliRunner

from towpath.cli.adapter import build, parse_docstring
from towpath.hooks.commands import Command, Terminal


async def paint(
    terminal: Terminal, thing: str, *, colour: str = "teal", coats: int = 1, dry: bool = False
) -> None:
    """Paint a thing.

    It takes a while.

    Parameters
    ----------
    colour : -c
        The colour to use,
        as a word.
    dry
        Only say what would happen.
    """


def _run(*arguments: str) -> tuple[Any, dict[str, Any]]:
    got: dict[str, Any] = {}

    def invoke(command: Command, values: dict[str, Any]) -> None:
        got.update(values, words=command.words)

    root = build([Command(("paint",), paint), Command(("wall", "paint"), paint)], invoke, "Paint.")
    return CliRunner().invoke(root, list(arguments)), got


def test_positionals_are_arguments_and_keywords_are_options() -> None:
    result, got = _run("paint", "door", "-c", "red", "--coats", "2", "--dry")
    assert result.exit_code == 0
    assert got == {
        "words": ("paint",),
        "thing": "door",
        "colour": "red",
        "coats": 2,
        "dry": True,
        "output": "table",
    }


def test_commands_of_two_words_are_grouped() -> None:
    _, got = _run("wall", "paint", "north")
    assert got["words"] == ("wall", "paint")


def test_a_group_says_which_commands_it_has() -> None:
    result, _ = _run("--help")
    assert "Commands: paint." in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["paint"], id="a missing argument"),
        pytest.param(["paint", "door", "--coats", "many"], id="a word where a number belongs"),
        pytest.param(["varnish"], id="an unknown command"),
    ],
)
def test_wrong_usage_exits_with_two(arguments: list[str]) -> None:
    result, got = _run(*arguments)
    assert result.exit_code == click.UsageError.exit_code == 2
    assert got == {}


def test_help_comes_from_the_docstring() -> None:
    described = parse_docstring(paint.__doc__ or "")
    assert described.text == "Paint a thing.\n\nIt takes a while."
    assert described.parameters["colour"] == "The colour to use, as a word."
    assert described.short_names == {"colour": "-c"}
    result, _ = _run("paint", "--help")
    assert "as a word" in result.output
