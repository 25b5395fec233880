"""Whole inputs of a template's steps: every text in them is a template, and types are kept.

A text that is exactly one `${{ }}` becomes the value itself; any other is rendered to text. What
comes to nothing drops its key. What cannot be parsed or evaluated stays as it was written: that is
what Backstage does, and its templates count on it.
"""

from collections.abc import Callable, Mapping

from towpath.capabilities.portal.templates.expressions.evaluate import LIMITS, evaluate, render
from towpath.capabilities.portal.templates.expressions.limits import (
    ExpressionError,
    Limits,
    Meter,
)
from towpath.capabilities.portal.templates.expressions.syntax import (
    has_tags,
    parse,
    single_expression,
)
from towpath.capabilities.portal.templates.expressions.values import UNDEFINED, Value

Report = Callable[[str], None]
"""Told about each expression that was left as it is, and why."""


def _silent(message: str) -> None:
    """For callers that have nobody to tell."""


def render_input(
    value: Value,
    given: Mapping[str, Value],
    *,
    limits: Limits = LIMITS,
    report: Report = _silent,
) -> Value:
    """The value with every template in it rendered; UNDEFINED when nothing is left of it."""

    def rendered(part: Value) -> Value:
        return render_input(part, given, limits=limits, report=report)

    if isinstance(value, str):
        return _render_text(value, given, limits, report)
    if isinstance(value, list):
        items = [rendered(item) for item in value]
        return [None if item is UNDEFINED else item for item in items]
    if isinstance(value, dict):
        pairs = ((key, rendered(item)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not UNDEFINED}
    return value


def runs(condition: Value) -> bool:
    """Whether a rendered `if` lets its step run: an empty list does not, an empty object does."""
    if isinstance(condition, list):
        return bool(condition)
    if isinstance(condition, dict):
        return True
    return condition is not UNDEFINED and bool(condition)


def _render_text(text: str, given: Mapping[str, Value], limits: Limits, report: Report) -> Value:
    if not has_tags(text):
        return UNDEFINED if text == "" else text
    try:
        expression = single_expression(parse(text))
        if expression is not None:
            return plain(evaluate(expression, given, Meter(limits)))
        return render(text, given, limits=limits) or UNDEFINED
    except ExpressionError as error:
        report(f"`{text}` is left as it is: {error}")
        return text


def plain(value: Value) -> Value:
    """The value as JSON has it: undefined dropped from objects, patterns and macros as text."""
    if isinstance(value, list):
        return [None if item is UNDEFINED else plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not UNDEFINED}
    if value is UNDEFINED or value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    return str(value)
