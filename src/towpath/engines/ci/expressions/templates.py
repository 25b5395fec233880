"""Strings with `${{ }}` in them, whole values with such strings, and the conditions of `if`."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from towpath.engines.ci.expressions.evaluation import Scope, evaluate
from towpath.engines.ci.expressions.functions import STATUS_FUNCTIONS
from towpath.engines.ci.expressions.syntax import (
    Binary,
    Call,
    Context,
    ExpressionError,
    Index,
    Literal,
    Node,
    Not,
    Property,
    Wildcard,
    parse,
)
from towpath.engines.ci.expressions.values import Value, is_truthy, to_text

OPEN = "${{"
CLOSE = "}}"


@lru_cache(maxsize=4096)
def parts_of(text: str) -> tuple[str | Node, ...]:
    """The literal and computed parts of a string. Raises ExpressionError."""
    parts: list[str | Node] = []
    position = 0
    while (start := text.find(OPEN, position)) >= 0:
        if start > position:
            parts.append(text[position:start])
        end = _end_of_expression(text, start + len(OPEN))
        parts.append(parse(text[start + len(OPEN) : end]))
        position = end + len(CLOSE)
    if position < len(text):
        parts.append(text[position:])
    return tuple(parts)


def _end_of_expression(text: str, position: int) -> int:
    """Where the `}}` is that closes the expression: not one inside a 'string'."""
    quoted = False
    for index in range(position, len(text)):
        if text[index] == "'":
            quoted = not quoted
        elif not quoted and text.startswith(CLOSE, index):
            return index
    raise ExpressionError(f"`{text[position - len(OPEN) :][:60]}` has no closing `}}}}`")


def render(value: Value, scope: Scope) -> Value:
    """A value with every expression in it computed.

    A string that is one expression and nothing else becomes the expression's value, of any kind.
    """
    if isinstance(value, str):
        return _render_string(value, scope)
    if isinstance(value, list):
        return [render(item, scope) for item in value]
    if isinstance(value, dict):
        return {render_text(key, scope): render(item, scope) for key, item in value.items()}
    return value


def render_text(value: Value, scope: Scope) -> str:
    return to_text(render(value, scope))


def _render_string(text: str, scope: Scope) -> Value:
    parts = parts_of(text)
    if len(parts) == 1 and not isinstance(parts[0], str):
        return evaluate(parts[0], scope)
    return "".join(
        part if isinstance(part, str) else to_text(evaluate(part, scope)) for part in parts
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """An `if`. Unless it asks for a status itself, `success()` must hold too."""

    text: str
    expression: Node
    asks_for_status: bool

    def holds(self, scope: Scope) -> bool:
        if not self.asks_for_status and not is_truthy(evaluate(_SUCCESS, scope)):
            return False
        return is_truthy(evaluate(self.expression, scope))


_SUCCESS = Call("success", ())


def condition(text: str) -> Condition:
    """The condition that a file's `if` means, with or without `${{ }}`. Raises ExpressionError."""
    stripped = text.strip()
    if not stripped:
        return Condition("", _SUCCESS, asks_for_status=True)
    if OPEN not in stripped:
        node = parse(stripped)
    else:
        parts = parts_of(stripped)
        single = parts[0] if len(parts) == 1 else ""
        # Text around an expression makes a string, and a string that is not empty holds.
        node = Literal(stripped) if isinstance(single, str) else single
    asks = any(isinstance(part, Call) and part.name in STATUS_FUNCTIONS for part in _walk(node))
    return Condition(stripped, node, asks)


@dataclass(frozen=True, slots=True)
class Names:
    """What an expression asks its scope for."""

    contexts: frozenset[str]
    calls: tuple[Call, ...]


def names_in(*nodes: Node) -> Names:
    found = [part for node in nodes for part in _walk(node)]
    return Names(
        frozenset(part.name for part in found if isinstance(part, Context)),
        tuple(part for part in found if isinstance(part, Call)),
    )


def _walk(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Property(target, _) | Wildcard(target) | Not(target):
            yield from _walk(target)
        case Index(target, index):
            yield from _walk(target)
            yield from _walk(index)
        case Call(_, arguments):
            for argument in arguments:
                yield from _walk(argument)
        case Binary(_, left, right):
            yield from _walk(left)
            yield from _walk(right)
