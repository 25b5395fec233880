"""Expressions as trees: parsed by the CEL library, decoded here from its `cel.expr.ParsedExpr`.

The library knows the grammar, the macros and the optional syntax. What an expression means to
Kubernetes (types from schemas, costs, its own functions) is decided on the tree.
"""

import struct
from collections.abc import Iterator
from functools import cache
from typing import Any

from cel_expr_python import cel
from msgspec import Struct, field

from towpath.machinery.cel.errors import CelSyntaxError
from towpath.machinery.cel.values import UInt

EXPRESSION_BYTES_MAX = 100_000
_EXTENSIONS = ("optional", "two-var-comprehensions", "lists")
_CONFIG = "name: kubernetes\nextensions:\n" + "".join(f"- name: {name}\n" for name in _EXTENSIONS)


class Literal(Struct, eq=False):
    id: int
    value: Any


class Ident(Struct, eq=False):
    id: int
    name: str


class Select(Struct, eq=False):
    id: int
    operand: "Node"
    field: str
    test_only: bool


class Call(Struct, eq=False):
    id: int
    target: "Node | None"
    function: str
    args: list["Node"]


class Elements(Struct, eq=False):
    """A list literal."""

    id: int
    items: list["Node"]
    optional: frozenset[int]


class Entry(Struct, eq=False):
    """Of a map literal or a message: a message's key is its field's name."""

    id: int
    key: "Node | str"
    value: "Node"
    optional: bool


class Entries(Struct, eq=False):
    """A map literal."""

    id: int
    entries: list[Entry]


class Message(Struct, eq=False):
    """`Type{field: value}`."""

    id: int
    type_name: str
    fields: list[Entry]


class Fold(Struct, eq=False):
    """What all(), exists(), map() and their kin become."""

    id: int
    variable: str
    second: str
    over: "Node"
    total: str
    start: "Node"
    condition: "Node"
    step: "Node"
    result: "Node"

    @property
    def is_bind(self) -> bool:
        """A variable that is set once: sortBy() and optMap() make them."""
        return (
            isinstance(self.over, Elements)
            and not self.over.items
            and isinstance(self.condition, Literal)
            and self.condition.value is False
            and self.total not in ACCUMULATORS
        )


Node = Literal | Ident | Select | Call | Elements | Entries | Message | Fold
ACCUMULATORS = ("__result__", "@result")


class Parsed(Struct, eq=False):
    text: str
    root: Node
    positions: dict[int, int] = field(default_factory=dict)

    def place_of(self, mistake: tuple[int, str]) -> int:
        return self.positions.get(mistake[0], 0)

    def problem(self, node_id: int, words: str) -> str:
        """The words with the place, as cel-go shows it."""
        position = self.positions.get(node_id, 0)
        before = self.text[:position]
        line_start = before.rfind("\n") + 1
        line = self.text[line_start:].split("\n", 1)[0]
        column = position - line_start
        mark = "." * column + "^"
        where = f"{before.count(chr(10)) + 1}:{column + 1}"
        return f"ERROR: <input>:{where}: {words}\n | {line}\n | {mark}"


def parse(text: str) -> Parsed:
    """Raises CelSyntaxError."""
    if len(text) > EXPRESSION_BYTES_MAX:
        words = f"expression code point size exceeds limit: size: {len(text)}, limit: 100000"
        raise CelSyntaxError(words, text)
    try:
        serialized = _environment().compile(text, disable_check=True).serialize()
    except RuntimeError as error:
        raise CelSyntaxError(_without_code(str(error)), text) from None
    message = _first(memoryview(serialized), 2)
    try:
        root = _node(_first(message, 2))
    except RecursionError:
        raise CelSyntaxError("expression recursion limit exceeded: 250", text) from None
    parsed = Parsed(text, root)
    for number, value in _fields(_first(message, 3)):
        if number == 4:
            entry = dict(_fields(value))
            parsed.positions[entry.get(1, 0)] = entry.get(2, 0)
    for node in walk(root) if "{" in text else ():
        if isinstance(node, Message):
            # It is where its bracket is.
            parsed.positions[node.id] = text.find("{", parsed.positions.get(node.id, 0))
    return parsed


@cache
def _environment() -> Any:
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_CONFIG))


def _without_code(message: str) -> str:
    """absl's status codes in front and behind say nothing to the author of an expression."""
    head, separator, rest = message.partition(": ")
    if separator and head.isupper() and head != "ERROR":
        message = rest
    body, bracket, code = message.rpartition(" [")
    message = (
        body if bracket and code.endswith("]") and code[:-1].replace("_", "").isupper() else message
    )
    return message.replace(
        "has() argument must be a field selection", "invalid argument to has() macro"
    )


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def children(node: Node) -> list[Node]:
    match node:
        case Select():
            return [node.operand]
        case Call():
            return [*([node.target] if node.target is not None else []), *node.args]
        case Elements():
            return node.items
        case Entries() | Message():
            entries = node.entries if isinstance(node, Entries) else node.fields
            keys = [entry.key for entry in entries if not isinstance(entry.key, str)]
            return [*keys, *(entry.value for entry in entries)]
        case Fold():
            return [node.over, node.start, node.condition, node.step, node.result]
    return []


# -- the wire format -----------------------------------------------------------------------------


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    place, end = 0, len(data)
    while place < end:
        tag, place = _varint(data, place)
        wire = tag & 7
        if wire == 0:
            value, place = _varint(data, place)
            yield tag >> 3, value
        elif wire == 1:
            yield tag >> 3, struct.unpack("<d", data[place : place + 8])[0]
            place += 8
        else:
            length, place = _varint(data, place)
            yield tag >> 3, data[place : place + length]
            place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _first(data: memoryview, wanted: int) -> memoryview:
    return next((value for number, value in _fields(data) if number == wanted), memoryview(b""))


def _text(value: memoryview) -> str:
    return bytes(value).decode()


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _node(data: memoryview) -> Node:
    node_id = 0
    node: Node | None = None
    for number, value in _fields(data):
        if number == 2:
            node_id = value
        else:
            node = _KINDS[number](value)
    if node is None:
        raise CelSyntaxError("unexpected empty expression")
    node.id = node_id
    return node


def _literal(data: memoryview) -> Literal:
    for number, value in _fields(data):
        match number:
            case 1:
                return Literal(0, None)
            case 2:
                return Literal(0, bool(value))
            case 3:
                return Literal(0, _signed(value))
            case 4:
                return Literal(0, UInt(value))
            case 5:
                return Literal(0, value)
            case 6:
                return Literal(0, _text(value))
            case 7:
                return Literal(0, bytes(value))
    return Literal(0, None)


def _ident(data: memoryview) -> Ident:
    return Ident(0, _text(_first(data, 1)))


def _select(data: memoryview) -> Select:
    found = dict(_fields(data))
    return Select(0, _node(found[1]), _text(found[2]), bool(found.get(3)))


def _call(data: memoryview) -> Call:
    target: Node | None = None
    function, args = "", []
    for number, value in _fields(data):
        if number == 1:
            target = _node(value)
        elif number == 2:
            function = _text(value)
        else:
            args.append(_node(value))
    return Call(0, target, function, args)


def _elements(data: memoryview) -> Elements:
    items, optional = [], set()
    for number, value in _fields(data):
        if number == 1:
            items.append(_node(value))
        elif isinstance(value, int):
            optional.add(value)
        else:
            place = 0
            while place < len(value):
                index, place = _varint(value, place)
                optional.add(index)
    return Elements(0, items, frozenset(optional))


def _entries(data: memoryview) -> Entries | Message:
    name, entries = "", []
    for number, value in _fields(data):
        if number == 1:
            name = _text(value)
        else:
            found = dict(_fields(value))
            key: Node | str = _text(found[2]) if 2 in found else _node(found[3])
            entries.append(Entry(found.get(1, 0), key, _node(found[4]), bool(found.get(5))))
    return Message(0, name, entries) if name else Entries(0, entries)


def _fold(data: memoryview) -> Fold:
    found = dict(_fields(data))
    return Fold(
        0,
        variable=_text(found[1]),
        second=_text(found.get(8, memoryview(b""))),
        over=_node(found[2]),
        total=_text(found[3]),
        start=_node(found[4]),
        condition=_node(found[5]),
        step=_node(found[6]),
        result=_node(found[7]),
    )


_KINDS: dict[int, Any] = {
    3: _literal,
    4: _ident,
    5: _select,
    6: _call,
    7: _elements,
    8: _entries,
    9: _fold,
}
