"""Type checking: which overloads a call may mean, what type everything has, what is wrong.

The rules and the words are those of cel-go's checker; a tree that was checked has its namespaced
functions and variables resolved.
"""

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct, field

from towpath.machinery.cel import syntax, types
from towpath.machinery.cel.conversions import parse_duration, parse_timestamp
from towpath.machinery.cel.errors import CelError
from towpath.machinery.cel.functions import Table
from towpath.machinery.cel.regexes import check as check_pattern
from towpath.machinery.cel.types import Type
from towpath.machinery.cel.values import UInt

FieldType = Callable[[str], Type | None]
Mistake = tuple[int, str]
"""The node, and what is wrong there."""


class Declarations(Struct, frozen=True):
    """What an expression may name."""

    variables: Mapping[str, Type]
    structs: Mapping[str, FieldType]
    """The fields of each struct type."""
    functions: Table
    open_structs: str = ""
    """A type, and all types below it, that have whatever fields are asked for."""


class Checked(Struct):
    parsed: syntax.Parsed
    result: Type
    types: dict[int, Type]
    overloads: dict[int, list[str]]
    names: set[str]
    """The variables that are used."""


TYPE_NAMES = {
    **{name: Type(name) for name in ("bool", "int", "uint", "double", "string", "bytes", "dyn")},
    "list": types.list_of(types.DYN),
    "map": types.map_of(types.DYN, types.DYN),
    "null_type": types.NULL,
    "type": Type("type"),
    "optional_type": types.optional_of(types.DYN),
    "google.protobuf.Duration": types.DURATION,
    "google.protobuf.Timestamp": types.TIMESTAMP,
    **{found.name: found for found in types.NAMED.values()},
}


def check(parsed: syntax.Parsed, declarations: Declarations) -> tuple[Checked, list[str]]:
    """The types, and every mistake with its place."""
    checker = _Checker(parsed, declarations)
    checker.check(parsed.root)
    known = checker.known
    final = {
        node_id: types.substitute(known, found, open_to_dyn=True)
        for node_id, found in checker.by_node.items()
    }
    mistakes = checker.mistakes or [*_literal_mistakes(parsed.root, final)]
    checked = Checked(parsed, final[parsed.root.id], final, checker.overloads, checker.names)
    return checked, [parsed.problem(*one) for one in sorted(mistakes, key=parsed.place_of)]


class _Checker(Struct):
    parsed: syntax.Parsed
    declarations: Declarations
    by_node: dict[int, Type] = field(default_factory=dict)
    overloads: dict[int, list[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    mistakes: list[Mistake] = field(default_factory=list)
    known: types.Mapping = field(default_factory=dict)
    locals: list[dict[str, Type]] = field(default_factory=list)
    variables_made: int = 0

    def check(self, node: syntax.Node) -> Type:
        found = self._types_of(node)
        self.by_node[node.id] = found
        return found

    def _types_of(self, node: syntax.Node) -> Type:
        match node:
            case syntax.Literal():
                return _of_literal(node)
            case syntax.Ident():
                return self._ident(node)
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
                return self._fold(node)

    def _wrong(self, node_id: int, words: str) -> Type:
        self.mistakes.append((node_id, words))
        return types.ERROR

    def _substituted(self, found: Type) -> Type:
        return types.substitute(self.known, found)

    def _assignable(self, left: list[Type], right: list[Type]) -> bool:
        known = types.assignable(self.known, left, right)
        if known is None:
            return False
        self.known = known
        return True

    def _new_variable(self) -> Type:
        self.variables_made += 1
        return types.parameter(f"_var{self.variables_made - 1}")

    # names and fields

    def _lookup(self, name: str) -> Type | None:
        for scope in reversed(self.locals):
            if name in scope:
                return scope[name]
        if (found := self.declarations.variables.get(name)) is not None:
            self.names.add(name)
            return found
        if name in TYPE_NAMES:
            return types.type_of(TYPE_NAMES[name])
        if self._fields_of(name) is not None:
            return types.type_of(types.struct(name))
        return None

    def _ident(self, node: syntax.Ident) -> Type:
        found = self._lookup(node.name.removeprefix("."))
        if found is None:
            return self._undeclared(node.id, node.name)
        return found

    def _undeclared(self, node_id: int, name: str) -> Type:
        return self._wrong(node_id, f"undeclared reference to '{name}' (in container '')")

    def _select(self, node: syntax.Select) -> Type:
        name = _qualified(node)
        # Only types and variables have dots in their names.
        if name is not None and "." in name and (found := self._lookup(name)) is not None:
            self.overloads[node.id] = [f"name:{name}"]
            return found
        found = self._field(node.id, self.check(node.operand), node.field)
        return types.BOOL if node.test_only else self._substituted(found)

    def _field(self, node_id: int, operand: Type, name: str, *, optional: bool = False) -> Type:
        target, was_optional = types.unwrapped(self._substituted(operand))
        found = types.DYN
        if target.kind == "map":
            found = target.params[1]
        elif target.kind == "struct":
            found = self._struct_field(node_id, target.name, name)
        elif target.kind == "param":
            self._assignable([types.DYN], [target])
        elif not types.is_open(target):
            self._wrong(node_id, f"type '{target}' does not support field selection")
        return types.optional_of(found) if was_optional or optional else found

    def _fields_of(self, struct: str) -> FieldType | None:
        structs, open_structs = self.declarations.structs, self.declarations.open_structs
        if (found := structs.get(struct)) is not None:
            return found
        if open_structs and (struct == open_structs or struct.startswith(f"{open_structs}.")):
            return lambda _name: types.DYN
        return None

    def _struct_field(self, node_id: int, struct: str, name: str) -> Type:
        fields = self._fields_of(struct)
        found = fields(name) if fields is not None else None
        if found is None:
            return self._wrong(node_id, f"undefined field '{name}'")
        return found

    # calls

    def _call(self, node: syntax.Call) -> Type:
        if node.function == "_?._":
            return self._optional_field(node)
        args = [self.check(arg) for arg in node.args]
        if node.target is None:
            return self._resolve(node, node.function.removeprefix("."), None, args)
        prefix = _qualified(node.target)
        if prefix is not None and f"{prefix}.{node.function}" in self.declarations.functions:
            node.target, node.function = None, f"{prefix}.{node.function}"
            return self._resolve(node, node.function, None, args)
        target = self.check(node.target)
        return self._resolve(node, node.function, target, args)

    def _optional_field(self, node: syntax.Call) -> Type:
        operand, name = node.args
        if not isinstance(name, syntax.Literal) or not isinstance(name.value, str):
            return self._wrong(name.id, "unsupported optional field selection: not a name")
        self.by_node[name.id] = types.STRING
        self.overloads[node.id] = ["select_optional_field"]
        found = self._field(node.id, self.check(operand), name.value, optional=True)
        return self._substituted(found)

    def _resolve(self, node: syntax.Call, name: str, target: Type | None, args: list[Type]) -> Type:
        overloads = self.declarations.functions.get(name)
        if overloads is None:
            return self._undeclared(node.id, name)
        if name in ("_&&_", "_||_"):
            return self._logical(node, args)
        given = args if target is None else [target, *args]
        result: Type | None = None
        for overload in overloads:
            signature = overload.signature
            if signature.is_method is not (target is not None) or len(signature.params) != len(
                given
            ):
                continue
            found = self._result_of(signature, given)
            if found is None:
                continue
            self.overloads.setdefault(node.id, []).append(overload.id)
            if result is None:
                result = found
            elif result != types.DYN and found != result:
                result = types.DYN
        if result is None:
            shown = [str(types.substitute(self.known, one, open_to_dyn=True)) for one in given]
            prefix = f"{shown.pop(0)}." if target is not None else ""
            words = (
                f"found no matching overload for '{name}' applied to '{prefix}({', '.join(shown)})'"
            )
            return self._wrong(node.id, words)
        return result

    def _result_of(self, signature: types.Signature, given: list[Type]) -> Type | None:
        """None when it does not take these arguments."""
        if not signature.open:
            if all(one == two for one, two in zip(given, signature.params, strict=True)):
                return signature.result
            return signature.result if self._assignable(given, [*signature.params]) else None
        fresh = {param: self._new_variable() for param in signature.open}
        wanted = [types.substitute(fresh, param) for param in signature.params]
        if not self._assignable(given, wanted):
            return None
        return self._substituted(types.substitute(fresh, signature.result))

    def _logical(self, node: syntax.Call, args: list[Type]) -> Type:
        self.overloads[node.id] = ["logical"]
        result = types.BOOL
        for arg, found in zip(node.args, args, strict=True):
            if not self._assignable([found], [types.BOOL]):
                result = self._mismatch(arg.id, types.BOOL, found)
        return result

    def _mismatch(self, node_id: int, wanted: Type, found: Type) -> Type:
        return self._wrong(
            node_id,
            f"expected type '{wanted}' but found '{self._substituted(found)}'",
        )

    # literals with parts

    def _join(self, before: Type | None, found: Type) -> Type:
        """What both are; that they are the same is looked at in the end."""
        if before is None:
            return found
        if self._assignable([before], [found]):
            return types.most_general(before, found)
        return types.DYN

    def _optional_part(self, node: syntax.Node, found: Type) -> Type:
        inner, was_optional = types.unwrapped(found)
        if not was_optional and inner.kind != "dyn":
            self._mismatch(node.id, types.optional_of(found), found)
        return inner

    def _elements(self, node: syntax.Elements) -> Type:
        joined: Type | None = None
        for place, item in enumerate(node.items):
            found = self.check(item)
            if place in node.optional:
                found = self._optional_part(item, found)
            joined = self._join(joined, found)
        return types.list_of(self._new_variable() if joined is None else joined)

    def _entries(self, node: syntax.Entries) -> Type:
        key_type: Type | None = None
        value_type: Type | None = None
        for entry in node.entries:
            assert not isinstance(entry.key, str)
            key_type = self._join(key_type, self.check(entry.key))
            found = self.check(entry.value)
            if entry.optional:
                found = self._optional_part(entry.value, found)
            value_type = self._join(value_type, found)
        if key_type is None or value_type is None:
            return types.map_of(self._new_variable(), self._new_variable())
        return types.map_of(key_type, value_type)

    def _message(self, node: syntax.Message) -> Type:
        name = node.type_name.removeprefix(".")
        if self._lookup(name) is None:
            return self._undeclared(node.id, name)
        if self._fields_of(name) is None:
            return self._wrong(node.id, f"'{name}' is not a message type")
        for entry in node.fields:
            assert isinstance(entry.key, str)
            found = self.check(entry.value)
            wanted = self._struct_field(entry.id, name, entry.key)
            if entry.optional:
                found = self._optional_part(entry.value, found)
            if not self._assignable([wanted], [found]):
                self._wrong(
                    entry.id,
                    f"expected type of field '{entry.key}' is '{wanted}' but provided type is "
                    f"'{found}'",
                )
        return types.struct(name)

    # comprehensions

    def _fold(self, node: syntax.Fold) -> Type:
        over = self._substituted(self.check(node.over))
        start = self.check(node.start)
        first, second = self._iterated(node, over)
        self.locals.append({node.total: start})
        self.locals.append({node.variable: first} | ({node.second: second} if node.second else {}))
        condition = self.check(node.condition)
        if not self._assignable([types.BOOL], [condition]):
            self._mismatch(node.condition.id, types.BOOL, condition)
        step = self.check(node.step)
        if not self._assignable([start], [step]):
            self._mismatch(node.step.id, start, step)
        self.locals.pop()
        result = self.check(node.result)
        self.locals.pop()
        return self._substituted(result)

    def _iterated(self, node: syntax.Fold, over: Type) -> tuple[Type, Type]:
        if over.kind == "list":
            return (types.INT, over.params[0]) if node.second else (over.params[0], types.ERROR)
        if over.kind == "map":
            return over.params[0], over.params[1]
        if types.is_open(over) or over.kind == "param":
            self._assignable([types.DYN], [over])
            return types.DYN, types.DYN
        words = (
            f"expression of type '{over}' cannot be range of a comprehension "
            "(must be list, map, or dynamic)"
        )
        return self._wrong(node.over.id, words), types.ERROR


# -- what can be told of literals ----------------------------------------------------------------

_PARSED: dict[str, tuple[int, Callable[[str], object]]] = {
    "duration": (0, parse_duration),
    "timestamp": (0, parse_timestamp),
    "matches": (1, check_pattern),
}


def _literal_mistakes(root: syntax.Node, found: Mapping[int, Type]) -> Iterator[Mistake]:
    for node in syntax.walk(root):
        if isinstance(node, syntax.Call) and node.function in _PARSED:
            place, parse = _PARSED[node.function]
            args = [*([node.target] if node.target is not None else []), *node.args]
            arg = args[place] if place < len(args) else None
            if isinstance(arg, syntax.Literal) and isinstance(arg.value, str):
                try:
                    parse(arg.value)
                except (ValueError, CelError):
                    yield arg.id, f"invalid {node.function} argument"
    yield from _mixed(root, found)


def _mixed(node: syntax.Node, found: Mapping[int, Type]) -> Iterator[Mistake]:
    """Lists and maps whose parts differ in type; what format() takes may."""
    if isinstance(node, syntax.Call) and node.function == "format":
        return
    if isinstance(node, syntax.Elements):
        parts = [(item, place in node.optional) for place, item in enumerate(node.items)]
        yield from [*_differing(parts, found)][:1]
    elif isinstance(node, syntax.Entries):
        keys = [(entry.key, False) for entry in node.entries if not isinstance(entry.key, str)]
        yield from _differing(keys, found)
        yield from _differing([(entry.value, entry.optional) for entry in node.entries], found)
    for child in syntax.children(node):
        yield from _mixed(child, found)


def _differing(
    parts: list[tuple[syntax.Node, bool]], found: Mapping[int, Type]
) -> Iterator[Mistake]:
    first: Type | None = None
    for node, optional in parts:
        kind = types.unwrapped(found[node.id])[0] if optional else found[node.id]
        if first is None:
            first = kind
        elif kind != first:
            yield node.id, f"expected type '{first}' but found '{kind}'"


def _of_literal(node: syntax.Literal) -> Type:
    match node.value:
        case None:
            return types.NULL
        case bool():
            return types.BOOL
        case UInt():
            return types.UINT
        case int():
            return types.INT
        case float():
            return types.DOUBLE
        case str():
            return types.STRING
    return types.BYTES


def _qualified(node: syntax.Node) -> str | None:
    """`a.b.c`, when it is nothing but names."""
    if isinstance(node, syntax.Ident):
        return node.name.removeprefix(".")
    if isinstance(node, syntax.Select) and not node.test_only:
        prefix = _qualified(node.operand)
        return None if prefix is None else f"{prefix}.{node.field}"
    return None
