"""What an expression may cost at worst, told from sizes that a schema promises.

A faithful account of cel-go's estimation with the estimates of Kubernetes' own functions: which
rules fit into a definition depends on every number in it, so that oddities are kept.
"""

from collections.abc import Callable

from msgspec import Struct, field

from towpath.machinery.cel import syntax
from towpath.machinery.cel.call_estimates import call_estimate
from towpath.machinery.cel.checker import Checked
from towpath.machinery.cel.costs import LIST, MAP, STRUCT, TEXT
from towpath.machinery.cel.ranges import (
    ONE,
    UNBOUNDED,
    UNKNOWN,
    ZERO,
    CallEstimate,
    Operand,
    Path,
    Range,
    fixed,
)
from towpath.machinery.cel.types import DYN, Type, unwrapped

SizeOf = Callable[[Path], int | None]
"""The longest that the value at a path may be; None when nothing is known of it."""
_SCALARS = frozenset(("bool", "double", "duration", "int", "timestamp", "uint"))


class Entries(Struct, frozen=True):
    """Sizes of what a list or a map holds."""

    kind: str
    key: Range
    value: Range

    def union(self, other: "Entries | None") -> "Entries | None":
        if other is None:
            return None
        return Entries(self.kind, self.key.union(other.key), self.value.union(other.value))


class Local(Struct, frozen=True):
    path: Path
    size: Range | None
    entries: Entries | None


def estimate(checked: Checked, size_of: SizeOf) -> int:
    """The highest cost."""
    return _Estimator(checked, size_of).cost(checked.parsed.root).high


class _Estimator(Struct):
    checked: Checked
    size_of: SizeOf
    paths: dict[int, Path] = field(default_factory=dict)
    locals: dict[str, list[Local]] = field(default_factory=dict)
    sizes: dict[int, Range] = field(default_factory=dict)
    entry_sizes: dict[int, Entries] = field(default_factory=dict)

    def cost(self, node: syntax.Node) -> Range:
        match node:
            case syntax.Literal():
                return ZERO
            case syntax.Ident():
                local = self._local(node.name)
                self.paths[node.id] = local.path if local else (node.name,)
                return ONE
            case syntax.Select():
                return self._select(node)
            case syntax.Call():
                return self._call(node)
            case syntax.Elements():
                return self._elements(node)
            case syntax.Entries():
                return self._entries(node)
            case syntax.Message():
                return _total([self.cost(entry.value) for entry in node.fields], fixed(STRUCT))
            case syntax.Fold():
                return self._bind(node) if node.is_bind else self._fold(node)

    def _type(self, node: syntax.Node) -> Type:
        return self.checked.types.get(node.id, DYN)

    def _local(self, name: str) -> Local | None:
        found = self.locals.get(name)
        return found[-1] if found else None

    def _push(self, name: str, local: Local) -> None:
        self.locals.setdefault(name, []).append(local)

    def _select(self, node: syntax.Select) -> Range:
        cost = self.cost(node.operand)
        if node.test_only:
            return cost
        if self._type(node.operand).kind in ("map", "struct", "param"):
            cost = cost.plus(ONE)
        self.paths[node.id] = (*self._path(node.operand), node.field)
        return cost

    def _path(self, node: syntax.Node) -> Path:
        if isinstance(node, syntax.Ident) and (local := self._local(node.name)) is not None:
            return local.path
        return self.paths.get(node.id, ())

    # sizes

    def _size(self, node: syntax.Node) -> Range | None:
        known = self.sizes.get(node.id)
        if known is None:
            known = _literal_size(node)
        if known is not None:
            return known
        path = self._path(node)
        if path and (longest := self.size_of(path)) is not None:
            self.sizes[node.id] = found = Range(0, longest)
            return found
        if _is_scalar(self._type(node)):
            return ONE
        if isinstance(node, syntax.Ident) and (local := self._local(node.name)) is not None:
            return local.size
        return None

    def _size_or_unknown(self, node: syntax.Node) -> Range:
        found = self._size(node)
        return UNKNOWN if found is None else found

    def _entry_sizes(self, node: syntax.Node) -> Entries | None:
        known = self.entry_sizes.get(node.id)
        if known is None and isinstance(node, syntax.Ident):
            local = self._local(node.name)
            return local.entries if local else None
        return known

    def _operand(self, node: syntax.Node) -> Operand:
        path, size = self._path(node), self._size(node)
        if path and path[0] in syntax.ACCUMULATORS:
            path = ()
        longest = self.size_of((*path, "@items")) if path else None
        items = UNKNOWN if longest is None else Range(0, longest)
        found = self._type(node)
        return Operand(
            path, found, node, UNKNOWN if size is None else size, size is not None, items
        )

    # literals with parts

    def _elements(self, node: syntax.Elements) -> Range:
        costs = [self.cost(item) for item in node.items]
        held = _union([self._size_or_unknown(item) for item in node.items])
        self.entry_sizes[node.id] = Entries("list", ONE, held)
        return _total(costs, fixed(LIST))

    def _entries(self, node: syntax.Entries) -> Range:
        costs, keys, values = [], [], []
        for entry in node.entries:
            assert not isinstance(entry.key, str)
            costs += [self.cost(entry.key), self.cost(entry.value)]
            keys.append(self._size_or_unknown(entry.key))
            values.append(self._size_or_unknown(entry.value))
        self.entry_sizes[node.id] = Entries("map", _union(keys), _union(values))
        return _total(costs, fixed(MAP))

    # loops

    def _bind(self, node: syntax.Fold) -> Range:
        cost = self.cost(node.over).plus(self.cost(node.start))
        self._push(node.total, self._as_local(node.start))
        cost = cost.plus(self.cost(node.result))
        self.locals[node.total].pop()
        self._copy_sizes(node, node.result)
        return cost

    def _as_local(self, node: syntax.Node) -> Local:
        return Local(self._path(node), self._size(node), self._entry_sizes(node))

    def _copy_sizes(self, to: syntax.Node, source: syntax.Node) -> None:
        if (size := self._size(source)) is not None:
            self.sizes[to.id] = size
        if (entries := self._entry_sizes(source)) is not None:
            self.entry_sizes[to.id] = entries

    def _fold(self, node: syntax.Fold) -> Range:
        cost = self.cost(node.over).plus(self.cost(node.start))
        self._push(node.total, self._as_local(node.start))
        self._push_iterated(node)
        each = self.cost(node.condition).plus(self.cost(node.step))
        self.locals[node.variable].pop()
        if node.second:
            self.locals[node.second].pop()
        cost = cost.plus(self.cost(node.result))
        self.locals[node.total].pop()
        count = self._size_or_unknown(node.over)
        cost = cost.plus(count.times(each))
        if isinstance(node.start, syntax.Literal):
            if (size := self._size(node.start)) is not None:
                self.sizes[node.id] = size
        elif isinstance(node.start, syntax.Elements | syntax.Entries):
            self.sizes[node.id] = count
            if (entries := self._entry_sizes(node.step)) is not None:
                self.entry_sizes[node.id] = entries
        return cost

    def _push_iterated(self, node: syntax.Fold) -> None:
        entries, path = self._entry_sizes(node.over), self._path(node.over)
        kind = entries.kind if entries else self._type(node.over).kind
        key = Local(
            (*path, "@indices" if kind == "list" else "@keys"),
            entries.key if entries else None,
            None,
        )
        value = Local(
            (*path, "@items" if kind == "list" else "@values"),
            entries.value if entries else None,
            None,
        )
        if node.second:
            self._push(node.variable, key)
            self._push(node.second, value)
        else:
            self._push(node.variable, value if kind == "list" else key)

    # calls

    def _call(self, node: syntax.Call) -> Range:
        if node.function == "dyn" and node.args:
            cost = self.cost(node.args[0]).plus(ONE)
            self._copy_sizes(node, node.args[0])
            return cost
        costs = [self.cost(arg) for arg in node.args]
        args = [self._operand(arg) for arg in node.args]
        overloads = self.checked.overloads.get(node.id, [])
        if not overloads:
            return ZERO
        total, target = ZERO, None
        if node.target is not None:
            total, target = self.cost(node.target), self._operand(node.target)
        cost, size = Range(UNBOUNDED, 0), None
        for overload in overloads:
            found = self._function(node, overload, target, args, costs)
            cost = cost.union(found.cost)
            if found.size is not None:
                size = found.size if size is None else size.union(found.size)
            if overload in ("index_list", "index_map"):
                entries = self._entry_sizes(node.args[0])
                size = entries.value if entries else None
                step = "@items" if overload == "index_list" else "@values"
                self.paths[node.id] = (*self._path(node.args[0]), step)
            if size is None:
                size = self._size(node)
        if size is not None:
            self.sizes[node.id] = size
        return total.plus(cost)

    def _function(
        self,
        node: syntax.Call,
        overload: str,
        target: Operand | None,
        args: list[Operand],
        costs: list[Range],
    ) -> CallEstimate:
        if node.function in ("_&&_", "_||_"):
            left, right = costs
            return CallEstimate(Range(left.low, left.plus(right).high))
        if node.function == "_?_:_":
            return self._conditional(node, costs)
        if overload in ("add_string", "add_bytes", "add_list"):
            found = self._addition(node, overload, args)
        else:
            found = call_estimate(node.function, overload, target, args)
        return CallEstimate(_total(costs, found.cost), found.size)

    def _conditional(self, node: syntax.Call, costs: list[Range]) -> CallEstimate:
        _, then, otherwise = node.args
        size = self._size_or_unknown(then).union(self._size_or_unknown(otherwise))
        mine = self._entry_sizes(then)
        entries = mine.union(self._entry_sizes(otherwise)) if mine else None
        if entries is not None:
            self.entry_sizes[node.id] = entries
        return CallEstimate(costs[0].plus(costs[1].union(costs[2])), size)

    def _addition(self, node: syntax.Call, overload: str, args: list[Operand]) -> CallEstimate:
        size = args[0].size.plus(args[1].size)
        mine = self._entry_sizes(node.args[0])
        entries = mine.union(self._entry_sizes(node.args[1])) if mine else None
        if entries is not None:
            self.entry_sizes[node.id] = entries
        return CallEstimate(ONE if overload == "add_list" else size.by(TEXT), size)


def _total(costs: list[Range], total: Range) -> Range:
    for cost in costs:
        total = total.plus(cost)
    return total


def _union(sizes: list[Range]) -> Range:
    if not sizes:
        return ZERO
    found = sizes[0]
    for size in sizes[1:]:
        found = found.union(size)
    return found


def _literal_size(node: syntax.Node) -> Range | None:
    match node:
        case syntax.Literal():
            return fixed(len(node.value)) if isinstance(node.value, str | bytes) else ONE
        case syntax.Elements():
            return fixed(len(node.items))
        case syntax.Entries():
            return fixed(len(node.entries))
    return None


def _is_scalar(found: Type) -> bool:
    inner, was_optional = unwrapped(found)
    return _is_scalar(inner) if was_optional else found.kind in _SCALARS
