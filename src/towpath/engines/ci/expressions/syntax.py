"""From the text of an expression to its tree. Precedence: `.` `[]`, `!`, order, `==`, and, or."""

import re
from dataclasses import dataclass

from towpath.engines.ci.expressions.values import Value, number_of_text

LENGTH_MAX = 21_000
DEPTH_MAX = 50
CHAIN_MAX = 200
"""Operators of one precedence, or dereferences, in a row."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*')
    | (?P<number>[+-]?(?:0x[0-9a-fA-F]+|0o[0-7]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.]))
    | (?P<name>[A-Za-z_][\w-]*)
    | (?P<operator>&&|\|\||==|!=|<=|>=|[!<>().,*]|\[|\])
    )""",
    re.VERBOSE | re.ASCII,
)
_KEYWORDS: dict[str, Value] = {
    "null": None,
    "true": True,
    "false": False,
    "NaN": float("nan"),
    "Infinity": float("inf"),
}


class ExpressionError(Exception):
    """An expression that cannot be read or computed; `str()` is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value


@dataclass(frozen=True, slots=True)
class Context:
    """A named value, such as `github`."""

    name: str


@dataclass(frozen=True, slots=True)
class Property:
    target: "Node"
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    target: "Node"
    index: "Node"


@dataclass(frozen=True, slots=True)
class Wildcard:
    target: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """A comparison, or `&&` and `||`, which compute their right side only if need be."""

    operator: str
    left: "Node"
    right: "Node"


Node = Literal | Context | Property | Index | Wildcard | Call | Not | Binary

_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("==", "!="),
    ("<", "<=", ">", ">="),
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse(text: str) -> Node:
    """The tree of one expression, without its `${{` and `}}`. Raises ExpressionError."""
    if len(text) > LENGTH_MAX:
        raise ExpressionError(f"an expression has at most {LENGTH_MAX} characters")
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._tokens = _tokenize(self._text)
        self._next = 0
        self._depth = 0

    def parse(self) -> Node:
        if not self._tokens:
            raise ExpressionError("an expression is empty")
        node = self._binary(0)
        if self._next < len(self._tokens):
            raise self._unexpected()
        return node

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._binary(level + 1)
        for _ in range(CHAIN_MAX):
            operator = self._accept(*_LEVELS[level])
            if operator is None:
                return node
            node = Binary(operator, node, self._binary(level + 1))
        raise ExpressionError(f"more than {CHAIN_MAX} operators in a row")

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ExpressionError(f"an expression is nested at most {DEPTH_MAX} deep")
        try:
            if self._accept("!") is not None:
                return Not(self._unary())
            return self._postfix(self._primary())
        finally:
            self._depth -= 1

    def _postfix(self, node: Node) -> Node:
        for _ in range(CHAIN_MAX):
            if self._accept(".") is not None:
                node = Wildcard(node) if self._accept("*") else Property(node, self._name())
            elif self._accept("[") is not None:
                if self._accept("*") is not None:
                    node = Wildcard(node)
                else:
                    node = Index(node, self._binary(0))
                self._expect("]")
            else:
                return node
        raise ExpressionError(f"more than {CHAIN_MAX} properties in a row")

    def _primary(self) -> Node:
        if self._accept("(") is not None:
            node = self._binary(0)
            self._expect(")")
            return node
        token = self._take()
        if token.kind == "string":
            return Literal(token.text[1:-1].replace("''", "'"))
        if token.kind == "number":
            return Literal(number_of_text(token.text))
        if token.kind != "name":
            self._next -= 1
            raise self._unexpected()
        if self._accept("(") is not None:
            return Call(token.text.lower(), self._arguments())
        if token.text in _KEYWORDS:
            return Literal(_KEYWORDS[token.text])
        return Context(token.text.lower())

    def _arguments(self) -> tuple[Node, ...]:
        if self._accept(")") is not None:
            return ()
        arguments = [self._binary(0)]
        while self._accept(",") is not None:
            arguments.append(self._binary(0))
        self._expect(")")
        return tuple(arguments)

    def _name(self) -> str:
        token = self._take()
        if token.kind != "name":
            self._next -= 1
            raise self._unexpected()
        return token.text

    def _take(self) -> _Token:
        if self._next >= len(self._tokens):
            raise ExpressionError(f"the expression `{self._text}` ends too early")
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _accept(self, *operators: str) -> str | None:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.kind == "operator" and token.text in operators:
                self._next += 1
                return token.text
        return None

    def _expect(self, operator: str) -> None:
        if self._accept(operator) is None:
            raise self._unexpected(f", `{operator}` expected")

    def _unexpected(self, expected: str = "") -> ExpressionError:
        if self._next >= len(self._tokens):
            return ExpressionError(f"the expression `{self._text}` ends too early{expected}")
        token = self._tokens[self._next]
        return ExpressionError(
            f"unexpected `{token.text}` at character {token.position + 1} of "
            f"`{self._text}`{expected}"
        )


def _tokenize(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            if not text[position:].strip():
                break
            rest = text[position:].lstrip()
            hint = "; strings stand in 'single quotes'" if rest[0] in "\"'" else ""
            raise ExpressionError(
                f"unexpected `{rest[0]}` at character {len(text) - len(rest) + 1} of `{text}`{hint}"
            )
        kind = found.lastgroup or ""
        tokens.append(_Token(kind, found[kind], found.start(kind)))
        position = found.end()
    return tokens
