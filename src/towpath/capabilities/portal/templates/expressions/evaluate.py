"""The interpreter: a syntax tree and values in, text or one value out.

Only the node types listed in `_EXPRESSIONS` and `_STATEMENTS` exist for a template; any other is
refused by its name. Every node counts one step on the Meter.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from towpath.capabilities.portal.templates.expressions import values
from towpath.capabilities.portal.templates.expressions.arguments import Arguments
from towpath.capabilities.portal.templates.expressions.filters import FILTERS, TESTS
from towpath.capabilities.portal.templates.expressions.limits import (
    ExpressionError,
    Limits,
    Meter,
)
from towpath.capabilities.portal.templates.expressions.patterns import compile_pattern
from towpath.capabilities.portal.templates.expressions.scopes import Scope
from towpath.capabilities.portal.templates.expressions.syntax import (
    BACKSTAGE,
    PATTERN,
    Dialect,
    has_tags,
    parse,
)
from towpath.capabilities.portal.templates.expressions.values import UNDEFINED, Value

LIMITS = Limits()


def render(
    source: str,
    given: Mapping[str, Value],
    *,
    limits: Limits = LIMITS,
    dialect: Dialect = BACKSTAGE,
) -> str:
    """The text of a whole template. Raises ExpressionError."""
    if not has_tags(source, dialect):
        return source
    interpreter = Interpreter(Meter(limits))
    text = interpreter.text_of(parse(source, dialect).body, Scope.of(given))
    # The lexer makes every line end a \n; a file that came with \r\n goes out with it.
    windows = "\r\n" in source and source.count("\n") == source.count("\r\n")
    return text.replace("\n", "\r\n") if windows else text


def evaluate(expression: nodes.Expr, given: Mapping[str, Value], meter: Meter) -> Value:
    """The value of one expression, with its own type. Raises ExpressionError."""
    try:
        return Interpreter(meter).value_of(expression, Scope.of(given))
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply") from error


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro of the template, or the body of `{% call %}`."""

    name: str
    arguments: Sequence[str]
    defaults: Mapping[str, nodes.Expr]
    body: Sequence[nodes.Node]
    scope: Callable[[], Scope]

    def __str__(self) -> str:
        return ""


class Interpreter:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def text_of(self, body: Sequence[nodes.Node], scope: Scope) -> str:
        parts: list[str] = []
        try:
            self._run(body, scope, parts)
        except RecursionError as error:
            raise ExpressionError("the template is nested too deeply") from error
        return self._joined(parts)

    def _joined(self, parts: Sequence[str]) -> str:
        self._meter.text(sum(map(len, parts)))
        return "".join(parts)

    def _made(self, value: Value) -> Value:
        if isinstance(value, list | dict):
            self._meter.weigh(value)
        return value

    def value_of(self, node: nodes.Node, scope: Scope) -> Value:
        self._meter.step()
        visit = _EXPRESSIONS.get(type(node))
        if visit is None:
            raise ExpressionError(f"`{type(node).__name__}` is not supported in expressions")
        value = visit(self, node, scope)
        if isinstance(value, str):
            self._meter.text(len(value))
        return value

    # Statements write their text to `out`.

    def _run(self, body: Sequence[nodes.Node], scope: Scope, out: list[str]) -> None:
        for node in body:
            self._meter.step()
            visit = _STATEMENTS.get(type(node))
            if visit is None:
                raise ExpressionError(
                    f"line {node.lineno}: the tag `{type(node).__name__.lower()}` is not supported"
                )
            visit(self, node, scope, out)

    def _output(self, node: nodes.Output, scope: Scope, out: list[str]) -> None:
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                out.append(child.data)
            else:
                out.append(values.printed(self.value_of(child, scope)))

    def _if(self, node: nodes.If, scope: Scope, out: list[str]) -> None:
        for branch in (node, *node.elif_):
            if values.truthy(self.value_of(branch.test, scope)):
                self._run(branch.body, scope, out)
                return
        self._run(node.else_, scope, out)

    def _for(self, node: nodes.For, scope: Scope, out: list[str]) -> None:
        if node.test is not None or node.recursive:
            raise ExpressionError(f"line {node.lineno}: `for ... if` is not supported")
        names = _target_names(node.target)
        iterable = self.value_of(node.iter, scope)
        if isinstance(iterable, str | list | dict):
            self._meter.items(len(iterable))
        rows = _loop_rows(iterable, len(names))
        if not rows:
            self._run(node.else_, scope, out)
            return
        inner = scope.inner()
        for index, row in enumerate(rows):
            for name, value in zip(names, row, strict=True):
                inner.put(name, value)
            inner.put("loop", _loop_variables(index, len(rows)))
            self._run(node.body, inner, out)

    def _set(self, node: nodes.Assign, scope: Scope, out: list[str]) -> None:
        value = self.value_of(node.node, scope)
        for name in _target_names(node.target):
            scope.assign(name, value)

    def _set_block(self, node: nodes.AssignBlock, scope: Scope, out: list[str]) -> None:
        if node.filter is not None:
            raise ExpressionError(f"line {node.lineno}: a filter on `set` is not supported")
        text = self.text_of(node.body, scope.inner())
        for name in _target_names(node.target):
            scope.assign(name, text)

    def _macro(self, node: nodes.Macro, scope: Scope, out: list[str]) -> None:
        scope.assign(node.name, _macro_of(node.name, node, scope.apart))

    def _call_block(self, node: nodes.CallBlock, scope: Scope, out: list[str]) -> None:
        caller = _macro_of("caller", node, lambda: scope.inner(writes_through=False))
        out.append(values.printed(self._call(node.call, scope, caller)))

    def _filter_block(self, node: nodes.FilterBlock, scope: Scope, out: list[str]) -> None:
        text = self.text_of(node.body, scope.inner())
        out.append(values.printed(self._filtered(node.filter, text, scope)))

    # Expressions have a value.

    def _const(self, node: nodes.Const, scope: Scope) -> Value:
        value = node.value
        return values.settled(value) if values.is_number(value) else value

    def _name(self, node: nodes.Name, scope: Scope) -> Value:
        return scope.get(node.name)

    def _list(self, node: nodes.List | nodes.Tuple, scope: Scope) -> Value:
        return self._made([self.value_of(item, scope) for item in node.items])

    def _dict(self, node: nodes.Dict, scope: Scope) -> Value:
        return self._made(
            {self._key(pair.key): self.value_of(pair.value, scope) for pair in node.items}
        )

    def _key(self, node: nodes.Expr) -> str:
        if isinstance(node, nodes.Name):
            return node.name
        if isinstance(node, nodes.Const) and isinstance(node.value, str):
            return node.value
        raise ExpressionError(f"line {node.lineno}: the key of an object must be a name or a text")

    def _attribute(self, node: nodes.Getattr, scope: Scope) -> Value:
        return values.member(self.value_of(node.node, scope), node.attr)

    def _item(self, node: nodes.Getitem, scope: Scope) -> Value:
        container = self.value_of(node.node, scope)
        if isinstance(node.arg, nodes.Slice):
            return self._slice(container, node.arg, scope)
        return values.member(container, self.value_of(node.arg, scope))

    def _slice(self, container: Value, node: nodes.Slice, scope: Scope) -> Value:
        if not isinstance(container, list | str):
            return UNDEFINED
        bounds = [
            None if bound is None else int(values.number_of(self.value_of(bound, scope)))
            for bound in (node.start, node.stop, node.step)
        ]
        if bounds[2] == 0:
            raise ExpressionError(f"line {node.lineno}: the step of a slice cannot be 0")
        self._meter.items(len(container))
        return list(container)[slice(*bounds)]

    def _condition(self, node: nodes.CondExpr, scope: Scope) -> Value:
        if values.truthy(self.value_of(node.test, scope)):
            return self.value_of(node.expr1, scope)
        return "" if node.expr2 is None else self.value_of(node.expr2, scope)

    def _and(self, node: nodes.And, scope: Scope) -> Value:
        left = self.value_of(node.left, scope)
        return self.value_of(node.right, scope) if values.truthy(left) else left

    def _or(self, node: nodes.Or, scope: Scope) -> Value:
        left = self.value_of(node.left, scope)
        return left if values.truthy(left) else self.value_of(node.right, scope)

    def _not(self, node: nodes.Not, scope: Scope) -> Value:
        return not values.truthy(self.value_of(node.node, scope))

    def _compare(self, node: nodes.Compare, scope: Scope) -> Value:
        result = self.value_of(node.expr, scope)
        for operand in node.ops:
            result = _COMPARISONS[operand.op](result, self.value_of(operand.expr, scope))
        return result

    def _binary(self, node: nodes.BinExpr, scope: Scope) -> Value:
        left, right = self.value_of(node.left, scope), self.value_of(node.right, scope)
        return _BINARY[type(node)](left, right)

    def _negative(self, node: nodes.Neg, scope: Scope) -> Value:
        return values.settled(-values.number_of(self.value_of(node.node, scope)))

    def _positive(self, node: nodes.Pos, scope: Scope) -> Value:
        return values.number_of(self.value_of(node.node, scope))

    def _concat(self, node: nodes.Concat, scope: Scope) -> Value:
        return self._joined([values.text_of(self.value_of(part, scope)) for part in node.nodes])

    def _filter(self, node: nodes.Filter, scope: Scope) -> Value:
        if node.name == PATTERN:
            assert isinstance(node.node, nodes.Const)
            source, _, flags = node.node.value.removeprefix("r/").rpartition("/")
            return compile_pattern(source, flags)
        assert node.node is not None, "a filter without a value belongs to a filter block"
        return self._filtered(node, self.value_of(node.node, scope), scope)

    def _filtered(self, node: nodes.Filter, value: Value, scope: Scope) -> Value:
        function = FILTERS.get(node.name)
        if function is None:
            raise ExpressionError(f"line {node.lineno}: there is no filter `{node.name}`")
        return self._made(function(value, self._arguments(node, scope)))

    def _test(self, node: nodes.Test, scope: Scope) -> Value:
        function = TESTS.get(node.name)
        if function is None:
            raise ExpressionError(f"line {node.lineno}: there is no test `{node.name}`")
        return function(self.value_of(node.node, scope), self._arguments(node, scope))

    def _arguments(self, node: Any, scope: Scope) -> Arguments:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise ExpressionError(f"line {node.lineno}: `*` arguments are not supported")
        return Arguments(
            tuple(self.value_of(argument, scope) for argument in node.args),
            {pair.key: self.value_of(pair.value, scope) for pair in node.kwargs},
            self._meter,
        )

    def _call(self, node: nodes.Call, scope: Scope, caller: Macro | None = None) -> Value:
        arguments = self._arguments(node, scope)
        if isinstance(node.node, nodes.Name) and scope.get(node.node.name) is UNDEFINED:
            function = _FUNCTIONS.get(node.node.name)
            if function is not None:
                return function(arguments)
        macro = self.value_of(node.node, scope)
        if not isinstance(macro, Macro):
            raise ExpressionError(f"line {node.lineno}: only macros of the template can be called")
        return self._expand(macro, arguments, caller)

    def _expand(self, macro: Macro, arguments: Arguments, caller: Macro | None) -> str:
        self._meter.enter()
        scope = macro.scope()
        for index, name in enumerate(macro.arguments):
            if index < len(arguments.positional):
                value = arguments.positional[index]
            elif name in arguments.named:
                value = arguments.named[name]
            elif name in macro.defaults:
                value = self.value_of(macro.defaults[name], scope)
            else:
                value = UNDEFINED
            scope.put(name, value)
        if caller is not None:
            scope.put("caller", caller)
        text = self.text_of(macro.body, scope)
        self._meter.leave()
        return text


def _macro_of(name: str, node: nodes.Macro | nodes.CallBlock, scope: Callable[[], Scope]) -> Macro:
    names = [argument.name for argument in node.args]
    defaults = dict(zip(names[len(names) - len(node.defaults) :], node.defaults, strict=True))
    return Macro(name, names, defaults, node.body, scope)


def _target_names(target: nodes.Node) -> list[str]:
    targets = target.items if isinstance(target, nodes.Tuple) else [target]
    names = [item.name for item in targets if isinstance(item, nodes.Name)]
    if len(names) != len(targets):
        raise ExpressionError(f"line {target.lineno}: only plain names can be set")
    return names


def _loop_rows(iterable: Value, width: int) -> list[list[Value]]:
    """What a loop goes over, one row of values for its variables each time."""
    if isinstance(iterable, dict) and width == 2:
        return [[key, value] for key, value in iterable.items()]
    if not isinstance(iterable, list | str):
        return []
    if width == 1:
        return [[item] for item in iterable]
    return [[values.member(item, index) for index in range(width)] for item in iterable]


def _loop_variables(index: int, length: int) -> Value:
    return {
        "index": index + 1,
        "index0": index,
        "revindex": length - index,
        "revindex0": length - index - 1,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
    }


def _range(arguments: Arguments) -> Value:
    numbers = [int(values.number_of(argument)) for argument in arguments.positional]
    if not 1 <= len(numbers) <= 3 or (len(numbers) == 3 and numbers[2] == 0):
        raise ExpressionError("`range` needs one to three numbers, and a step that is not 0")
    result = range(*numbers)
    arguments.meter.items(len(result))
    return list(result)


_FUNCTIONS: Mapping[str, Callable[[Arguments], Value]] = {"range": _range}

_COMPARISONS: Mapping[str, Callable[[Value, Value], Value]] = {
    "eq": values.loose_equal,
    "ne": lambda left, right: not values.loose_equal(left, right),
    "seq": values.strict_equal,
    "sne": lambda left, right: not values.strict_equal(left, right),
    "lt": values.less,
    "lteq": values.less_or_equal,
    "gt": lambda left, right: values.less(right, left),
    "gteq": lambda left, right: values.less_or_equal(right, left),
    "in": lambda left, right: values.contains(right, left),
    "notin": lambda left, right: not values.contains(right, left),
}

_BINARY: Mapping[type[nodes.Node], Callable[[Value, Value], Value]] = {
    nodes.Add: values.add,
    nodes.Sub: values.arithmetic(lambda left, right: left - right),
    nodes.Mul: values.arithmetic(lambda left, right: left * right),
    nodes.Div: values.arithmetic(values.divide),
    nodes.FloorDiv: values.arithmetic(values.floor_divide),
    nodes.Mod: values.arithmetic(values.remainder),
    nodes.Pow: values.arithmetic(values.power),
}

_STATEMENTS: Mapping[type[nodes.Node], Callable[..., None]] = {
    nodes.Output: Interpreter._output,
    nodes.If: Interpreter._if,
    nodes.For: Interpreter._for,
    nodes.Assign: Interpreter._set,
    nodes.AssignBlock: Interpreter._set_block,
    nodes.Macro: Interpreter._macro,
    nodes.CallBlock: Interpreter._call_block,
    nodes.FilterBlock: Interpreter._filter_block,
}

_EXPRESSIONS: Mapping[type[nodes.Node], Callable[..., Value]] = {
    nodes.Const: Interpreter._const,
    nodes.Name: Interpreter._name,
    nodes.List: Interpreter._list,
    nodes.Tuple: Interpreter._list,
    nodes.Dict: Interpreter._dict,
    nodes.Getattr: Interpreter._attribute,
    nodes.Getitem: Interpreter._item,
    nodes.CondExpr: Interpreter._condition,
    nodes.And: Interpreter._and,
    nodes.Or: Interpreter._or,
    nodes.Not: Interpreter._not,
    nodes.Compare: Interpreter._compare,
    nodes.Neg: Interpreter._negative,
    nodes.Pos: Interpreter._positive,
    nodes.Concat: Interpreter._concat,
    nodes.Filter: Interpreter._filter,
    nodes.Test: Interpreter._test,
    nodes.Call: Interpreter._call,
    **dict.fromkeys(_BINARY, Interpreter._binary),
}
