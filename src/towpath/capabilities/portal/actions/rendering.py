"""`${...}` in the texts of an Action: CEL, wherever a text stands.

A text that is one expression becomes its value, whatever type that has; others become text. What
an expression answers is data and is not looked at again.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from towpath.hooks.rules import BadRule, Known, check_rule, value_of

CHARACTERS_MAX = 200_000
"""Of all that is filled in, as JSON."""
_QUOTES = ("'", '"')


def render(value: Any, known: Known) -> Any:
    """Raises BadRule."""
    rendered = _render(value, known)
    size = len(json.dumps(rendered, default=str))
    if size > CHARACTERS_MAX:
        raise BadRule(f"filled in, it has {size} characters, and at most {CHARACTERS_MAX} fit")
    return rendered


def _render(value: Any, known: Known) -> Any:
    if isinstance(value, str):
        return _text(value, known)
    if isinstance(value, Mapping):
        return {key: _render(one, known) for key, one in value.items()}
    if isinstance(value, list):
        return [_render(one, known) for one in value]
    return value


def _text(text: str, known: Known) -> Any:
    pieces = list(_pieces(text))
    if len(pieces) == 1 and pieces[0][0]:
        return value_of(pieces[0][1], known)
    return "".join(
        _as_text(value_of(piece, known)) if is_rule else piece for is_rule, piece in pieces
    )


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)


def mistakes(value: Any) -> Iterator[str]:
    """What is wrong with the expressions in it, before anybody has asked for anything."""
    if isinstance(value, str):
        try:
            rules = [piece for is_rule, piece in _pieces(value) if is_rule]
        except BadRule as error:
            yield str(error)
            return
        yield from filter(None, map(check_rule, rules))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from mistakes(one)
    elif isinstance(value, list):
        for one in value:
            yield from mistakes(one)


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Expressions (True) and what stands between them; `$${` is a plain `${`. Raises BadRule."""
    plain, at = "", 0
    while at < len(text):
        if text.startswith("$${", at):
            plain, at = f"{plain}${{", at + 3
        elif text.startswith("${", at):
            if plain:
                yield False, plain
                plain = ""
            end = _end(text, at + 2)
            yield True, text[at + 2 : end].strip()
            at = end + 1
        else:
            plain, at = plain + text[at], at + 1
    if plain:
        yield False, plain


def _end(text: str, start: int) -> int:
    """Where the brace is that closes an expression: CEL has braces and quotes of its own."""
    depth, at = 0, start
    while at < len(text):
        character = text[at]
        if character in _QUOTES:
            at = _after_quoted(text, at)
            continue
        if character == "{":
            depth += 1
        elif character == "}":
            if not depth:
                return at
            depth -= 1
        at += 1
    raise BadRule(f"{text[:200]}: an expression begins with ${{ and never ends with }}")


def _after_quoted(text: str, at: int) -> int:
    quote, at = text[at], at + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    return at + 1
