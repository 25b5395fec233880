"""Computing a tree: contexts and functions come with the scope, a missing property is null."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from towpath.engines.ci.expressions.functions import FUNCTIONS, SIGNATURES, Function
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
)
from towpath.engines.ci.expressions.values import (
    Filtered,
    Value,
    element_of,
    equals,
    is_greater,
    is_truthy,
    property_of,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression can name: contexts in lower case, and functions beyond the pure ones."""

    contexts: Mapping[str, Value]
    functions: Mapping[str, Function] = field(default_factory=dict)


def evaluate(node: Node, scope: Scope) -> Value:
    """Raises ExpressionError."""
    match node:
        case Literal(value):
            return value
        case Context(name):
            if name not in scope.contexts:
                raise ExpressionError(f"`{name}` cannot be used here")
            return scope.contexts[name]
        case Property(target, name):
            return _each(evaluate(target, scope), lambda value: property_of(value, name))
        case Index(target, index):
            position = evaluate(index, scope)
            return _each(evaluate(target, scope), lambda value: element_of(value, position))
        case Wildcard(target):
            return _spread(evaluate(target, scope))
        case Call(name, _):
            return _call(node, name, scope)
        case Not(operand):
            return not is_truthy(evaluate(operand, scope))
        case Binary():
            return _binary(node, scope)


def _each(value: Value, dereference: Callable[[Value], Value]) -> Value:
    """Apply a dereference to a value, or to each element that `.*` has found."""
    if isinstance(value, Filtered):
        found = (dereference(element) for element in value)
        return Filtered(element for element in found if element is not None)
    return dereference(value)


def _spread(value: Value) -> Filtered:
    if isinstance(value, Filtered):
        return Filtered(element for inner in value for element in _spread(inner))
    if isinstance(value, list):
        return Filtered(value)
    if isinstance(value, dict):
        return Filtered(value.values())
    return Filtered()


def _call(call: Call, name: str, scope: Scope) -> Value:
    function = scope.functions.get(name) or FUNCTIONS.get(name)
    signature = SIGNATURES.get(name)
    if function is None or signature is None:
        raise ExpressionError(f"the function `{name}` cannot be used here")
    if not signature.arguments_min <= len(call.arguments) <= signature.arguments_max:
        raise ExpressionError(
            f"the function `{name}` is given {len(call.arguments)} arguments and takes "
            f"{signature.arguments_min} to {signature.arguments_max}"
        )
    return function([evaluate(argument, scope) for argument in call.arguments])


def _binary(node: Binary, scope: Scope) -> Value:
    left = evaluate(node.left, scope)
    if node.operator == "&&":
        return evaluate(node.right, scope) if is_truthy(left) else left
    if node.operator == "||":
        return left if is_truthy(left) else evaluate(node.right, scope)
    right = evaluate(node.right, scope)
    match node.operator:
        case "==":
            return equals(left, right)
        case "!=":
            return not equals(left, right)
        case ">":
            return is_greater(left, right)
        case "<":
            return is_greater(right, left)
        case ">=":
            return equals(left, right) or is_greater(left, right)
        case _:
            return equals(left, right) or is_greater(right, left)
