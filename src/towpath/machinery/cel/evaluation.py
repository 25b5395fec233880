"""Evaluation: a checked tree becomes closures, once, and they count what they cost.

Costs are counted as a kube-apiserver counts them, so that a budget stops the same expressions. An
error travels as an exception; `&&`, `||` and the loops of all() and exists() forgive one where the
other side decides.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from towpath.machinery.cel import syntax
from towpath.machinery.cel.checker import TYPE_NAMES, Checked
from towpath.machinery.cel.costs import LIST, MAP, STRUCT, call_cost
from towpath.machinery.cel.errors import CelCostExceeded, CelError, no_such_overload
from towpath.machinery.cel.functions import Overload, Table, dispatch
from towpath.machinery.cel.values import NONE, Opt, TypeValue


@dataclass(slots=True)
class Frame:
    """One evaluation under way."""

    variables: dict[str, Any]
    limit: int
    spent: int = 0

    def pay(self, cost: int) -> None:
        self.spent += cost
        if self.spent > self.limit:
            raise CelCostExceeded("operation cancelled: actual cost limit exceeded")


Run = Callable[[Frame], Any]


@dataclass(frozen=True, slots=True)
class _Failed:
    """An error as the value of a loop, until something decides without it."""

    error: CelError


def compile_tree(checked: Checked, functions: Table) -> Run:
    return _Compiler(checked, functions).compile(checked.parsed.root)


@dataclass(slots=True)
class _Compiler:
    checked: Checked
    functions: Table
    bound: list[str] = field(default_factory=list)

    def compile(self, node: syntax.Node) -> Run:
        match node:
            case syntax.Literal():
                value = node.value
                return lambda _frame: value
            case syntax.Ident():
                return self._ident(node.name.removeprefix("."))
            case syntax.Select():
                return self._select(node)
            case syntax.Call():
                return self._call(node)
            case syntax.Elements():
                return self._elements(node)
            case syntax.Entries():
                return self._entries(node)
            case syntax.Message():
                return self._message(node)
            case syntax.Fold():
                return _bind(node, self) if node.is_bind else _fold(node, self)

    def within(self, names: list[str], *nodes: syntax.Node) -> list[Run]:
        """Compiled where further variables are known."""
        self.bound.extend(names)
        runs = [self.compile(node) for node in nodes]
        del self.bound[len(self.bound) - len(names) :]
        return runs

    def _ident(self, name: str) -> Run:
        if name not in self.bound and name not in self.checked.names:
            constant = TypeValue(TYPE_NAMES[name].runtime_name if name in TYPE_NAMES else name)
            return lambda frame: constant
        if name in syntax.ACCUMULATORS:
            return _accumulator(name)

        def run(frame: Frame) -> Any:
            frame.spent += 1
            return frame.variables[name]

        return run

    def _select(self, node: syntax.Select) -> Run:
        overloads = self.checked.overloads.get(node.id, ())
        if overloads and overloads[0].startswith("name:"):
            return self._ident(overloads[0].removeprefix("name:"))
        operand, name = self.compile(node.operand), node.field
        return _has(operand, name) if node.test_only else _field(operand, name)

    def _call(self, node: syntax.Call) -> Run:
        special = _SPECIAL.get(node.function)
        if special is not None and (node.target is None or node.function.startswith("or")):
            parts = [*([node.target] if node.target is not None else []), *node.args]
            return special(*(self.compile(part) for part in parts))
        name = node.function.removeprefix(".")
        possible = [
            overload
            for overload in self.functions[name]
            if overload.id in self.checked.overloads.get(node.id, ())
        ]
        target = [] if node.target is None else [self.compile(node.target)]
        return _invoke(name, possible, [*target, *(self.compile(arg) for arg in node.args)])

    def _elements(self, node: syntax.Elements) -> Run:
        items = [self.compile(item) for item in node.items]
        optional = node.optional

        def run(frame: Frame) -> Any:
            frame.pay(LIST)
            if not optional:
                return [item(frame) for item in items]
            result = []
            for place, item in enumerate(items):
                value = item(frame)
                if place not in optional:
                    result.append(value)
                elif _opt(value).present:
                    result.append(value.value)
            return result

        return run

    def _entries(self, node: syntax.Entries) -> Run:
        entries = [
            (self.compile(entry.key), self.compile(entry.value), entry.optional)
            for entry in node.entries
            if not isinstance(entry.key, str)
        ]

        def run(frame: Frame) -> Any:
            frame.pay(MAP)
            result: dict[Any, Any] = {}
            for key, value, optional in entries:
                name = key(frame)
                if type(name) not in _KEYS and not isinstance(name, int):
                    raise CelError("unsupported key type")
                if name in result:
                    raise CelError(f"failed to create map: duplicate key: {name}")
                _place(result, name, value(frame), optional=optional)
            return result

        return run

    def _message(self, node: syntax.Message) -> Run:
        fields = [(entry.key, self.compile(entry.value), entry.optional) for entry in node.fields]
        name = node.type_name.removeprefix(".")

        def run(frame: Frame) -> Any:
            frame.pay(STRUCT)
            result = Struct(name)
            for key, value, optional in fields:
                _place(result, key, value(frame), optional=optional)
            return result

        return run


class Struct(dict[Any, Any]):
    """A message: its fields, and the name of its type."""

    __slots__ = ("type_name",)

    def __init__(self, type_name: str) -> None:
        super().__init__()
        self.type_name = type_name


_KEYS = frozenset((str, bool))


def _place(holder: dict[Any, Any], key: Any, value: Any, *, optional: bool) -> None:
    if not optional:
        holder[key] = value
    elif _opt(value).present:
        holder[key] = value.value


def _opt(value: Any) -> Opt:
    if type(value) is not Opt:
        raise no_such_overload()
    return value


def _accumulator(name: str) -> Run:
    def run(frame: Frame) -> Any:
        frame.spent += 1
        value = frame.variables[name]
        if type(value) is _Failed:
            raise value.error
        return value

    return run


def _pick(value: Any, name: str) -> Any:
    """A field. Raises CelError."""
    try:
        return value[name]
    except KeyError:
        raise CelError(f"no such key: {name}") from None
    except (TypeError, IndexError):
        pass
    if type(value) is Opt:
        return _pick_optional(value, name)
    raise no_such_overload()


def _pick_optional(value: Any, name: str) -> Opt:
    if type(value) is Opt:
        if not value.present:
            return NONE
        value = value.value
    if not isinstance(value, dict):
        raise no_such_overload()
    return Opt(value[name]) if name in value else NONE


def _field(operand: Run, name: str) -> Run:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        frame.spent += 1
        return _pick(value, name)

    return run


def _has(operand: Run, name: str) -> Run:
    def run(frame: Frame) -> bool:
        value = operand(frame)
        if type(value) is Opt:
            return _pick_optional(value, name).present
        if not isinstance(value, dict):
            raise no_such_overload()
        return name in value

    return run


# -- calls ---------------------------------------------------------------------------------------


def _invoke(name: str, overloads: list[Overload], args: list[Run]) -> Run:
    """One function. Operators share one implementation, which looks at its arguments itself."""
    shared = {overload.run for overload in overloads}
    if name in SELF_CHECKING and len(shared) == 1:
        return _operator(name, shared.pop(), args)

    def run(frame: Frame) -> Any:
        values = tuple(arg(frame) for arg in args)
        chosen, result = dispatch(overloads, values)
        frame.pay(call_cost(name, chosen, values, result))
        return result

    return run


SELF_CHECKING = frozenset(
    (
        *("_+_", "_-_", "_*_", "_/_", "_%_", "-_", "_==_", "_!=_", "@in", "_[_]", "_[?_]", "size"),
        *("_<_", "_<=_", "_>_", "_>=_", "dyn", "type"),
    )
)


def _operator(name: str, function: Callable[..., Any], args: list[Run]) -> Run:
    if len(args) == 1:
        only = args[0]

        def run_one(frame: Frame) -> Any:
            frame.spent += 1
            return function(only(frame))

        return run_one
    left, right = args

    def run_two(frame: Frame) -> Any:
        one, two = left(frame), right(frame)
        frame.pay(call_cost(name, "", (one, two), None))
        return function(one, two)

    return run_two


def _and(left: Run, right: Run) -> Run:
    return _logical(left, right, decides=False)


def _or(left: Run, right: Run) -> Run:
    return _logical(left, right, decides=True)


def _logical(left: Run, right: Run, *, decides: bool) -> Run:
    def run(frame: Frame) -> bool:
        failed: CelError | None = None
        try:
            if _truth(left(frame)) is decides:
                return decides
        except CelCostExceeded:
            raise
        except CelError as error:
            failed = error
        if _truth(right(frame)) is decides:
            return decides
        if failed is not None:
            raise failed
        return not decides

    return run


def _truth(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise no_such_overload()


def _not(operand: Run) -> Run:
    def run(frame: Frame) -> bool:
        value = _truth(operand(frame))
        frame.spent += 1
        return not value

    return run


def _conditional(condition: Run, then: Run, otherwise: Run) -> Run:
    def run(frame: Frame) -> Any:
        return then(frame) if _truth(condition(frame)) else otherwise(frame)

    return run


def _not_strictly_false(operand: Run) -> Run:
    def run(frame: Frame) -> bool:
        frame.spent += 1
        try:
            return operand(frame) is not False
        except CelCostExceeded:
            raise
        except CelError:
            return True

    return run


def _optional_field(operand: Run, name: Run) -> Run:
    def run(frame: Frame) -> Opt:
        value = operand(frame)
        frame.pay(1)
        return _pick_optional(value, name(frame))

    return run


def _or_else(optional: Run, other: Run) -> Run:
    def run(frame: Frame) -> Any:
        value = _opt(optional(frame))
        frame.spent += 1
        return value if value.present else _opt(other(frame))

    return run


def _or_value(optional: Run, other: Run) -> Run:
    def run(frame: Frame) -> Any:
        value = _opt(optional(frame))
        frame.spent += 1
        return value.value if value.present else other(frame)

    return run


_SPECIAL: dict[str, Callable[..., Run]] = {
    "_&&_": _and,
    "_||_": _or,
    "!_": _not,
    "_?_:_": _conditional,
    "_?._": _optional_field,
    "@not_strictly_false": _not_strictly_false,
    "or": _or_else,
    "orValue": _or_value,
}


# -- loops ---------------------------------------------------------------------------------------


def _bind(node: syntax.Fold, compiler: _Compiler) -> Run:
    start = compiler.compile(node.start)
    (result,) = compiler.within([node.total], node.result)
    name = node.total

    def run(frame: Frame) -> Any:
        frame.pay(LIST)
        value = start(frame)
        return _with(frame, {name: value}, result)

    return run


def _with(frame: Frame, added: dict[str, Any], run: Run) -> Any:
    hidden = frame.variables
    frame.variables = {**hidden, **added}
    try:
        return run(frame)
    finally:
        frame.variables = hidden


def _fold(node: syntax.Fold, compiler: _Compiler) -> Run:
    over, start = compiler.compile(node.over), compiler.compile(node.start)
    names = [node.total, node.variable, *([node.second] if node.second else [])]
    condition, step = compiler.within(names, node.condition, node.step)
    (result,) = compiler.within([node.total], node.result)
    total, variable, second = node.total, node.variable, node.second

    def run(frame: Frame) -> Any:
        items = over(frame)
        hidden = frame.variables
        frame.variables = inner = {**hidden, total: start(frame)}
        try:
            for first, other in _pairs(items, pairs=bool(second)):
                inner[variable] = first
                if second:
                    inner[second] = other
                if not condition(frame):
                    break
                try:
                    inner[total] = step(frame)
                except CelCostExceeded:
                    raise
                except CelError as error:
                    inner[total] = _Failed(error)
                frame.pay(0)
            return result(frame)
        finally:
            frame.variables = hidden

    return run


def _pairs(items: Any, *, pairs: bool) -> Any:
    if isinstance(items, dict):
        return items.items()
    if isinstance(items, list):
        return enumerate(items) if pairs else ((item, None) for item in items)
    raise no_such_overload()


def never_called(*_args: Any) -> Any:
    """Stands in the table for what this module evaluates itself."""
    raise no_such_overload()
