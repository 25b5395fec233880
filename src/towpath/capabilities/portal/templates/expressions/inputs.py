"""What is rendered: whole inputs of steps with their types, and texts.

A text that is exactly one `${{ }}` becomes the value itself; any other is rendered to text. What
is undefined drops its key. What cannot be parsed or evaluated stays as it was written: that is
what Backstage does, and its templates count on it. Everything here blocks: call it in a thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from towpath.capabilities.portal.templates.expressions.engine import (
    BACKSTAGE,
    Dialect,
    ExpressionError,
    as_json,
    call,
)

Value = Any
"""A JSON value, or UNDEFINED."""

Report = Callable[[str], None]
"""Told about each expression that was left as it is, and why."""


class _Undefined:
    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = _Undefined()


@dataclass(frozen=True, slots=True)
class Rendered:
    value: Value
    left: Sequence[str]
    """What could not be rendered, and why."""
    asks_for_failures: bool
    """`always()` or `failure()` was called."""
    holds: bool
    """As an `if`, it lets its step run."""


def _silent(message: str) -> None:
    """For callers that have nobody to tell."""


def render_input(value: Value, given: Mapping[str, Value], *, report: Report = _silent) -> Value:
    """The value with every template in it rendered; UNDEFINED when nothing is left of it."""
    rendered = render_value(value, given)
    for message in rendered.left:
        report(message)
    return rendered.value


def render_value(value: Value, given: Mapping[str, Value], *, failed: bool = False) -> Rendered:
    """`failed` is what `failure()` gives: a step before this one has failed."""
    if not _has_templates(value):
        return _unrendered(value)
    try:
        answer = call("renderInput", as_json(value), as_json(given), failed)
    except ExpressionError as error:
        # It took too long or too much: no part of it is trusted.
        return _unrendered(value, f"it is left as it is: {error}")
    left = [f"`{text}` is left as it is: {reason}" for text, reason in answer["left"]]
    return Rendered(answer.get("value", UNDEFINED), left, answer["asked"], answer["holds"])


def _unrendered(value: Value, *left: str) -> Rendered:
    return Rendered(value, left, asks_for_failures=False, holds=runs(value))


def runs(condition: Value) -> bool:
    """Whether a rendered `if` lets its step run: an empty list does not, an empty object does."""
    if isinstance(condition, dict):
        return True
    return bool(condition)


def render(source: str, given: Mapping[str, Value], *, dialect: Dialect = BACKSTAGE) -> str:
    """The text of a whole template. Raises ExpressionError."""
    (text,) = render_texts([source], given, dialect=dialect)
    if isinstance(text, ExpressionError):
        raise text
    return text


def render_texts(
    sources: Sequence[str], given: Mapping[str, Value], *, dialect: Dialect = BACKSTAGE
) -> list[str | ExpressionError]:
    """Each text rendered, or what is wrong with it. Raises ExpressionError: it was stopped."""
    wanted = [index for index, source in enumerate(sources) if _has_tags(source, dialect)]
    texts: list[str | ExpressionError] = list(sources)
    if not wanted:
        return texts
    asked = as_json([sources[index] for index in wanted])
    answer = call("renderTexts", dialect.options, asked, as_json(given))
    for index, one in zip(wanted, answer["texts"], strict=True):
        texts[index] = one["text"] if "text" in one else ExpressionError(one["error"])
    return texts


def _has_templates(value: Value) -> bool:
    if isinstance(value, str):
        return _has_tags(value, BACKSTAGE)
    if isinstance(value, Mapping):
        return any(map(_has_templates, value.values()))
    return isinstance(value, list) and any(map(_has_templates, value))


def _has_tags(source: str, dialect: Dialect) -> bool:
    """False: the text renders to itself, whatever the values are."""
    variable = "{{" if dialect.cookiecutter else "${{"
    return variable in source or "{%" in source or "{#" in source
