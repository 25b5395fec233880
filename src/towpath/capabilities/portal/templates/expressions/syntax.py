"""Text to syntax tree: Jinja2's lexer and parser, with what Nunjucks writes differently.

Differences: the tags `${{ }}`, `===` and `!==`, regular expression literals, `elseif`, and names:
`true`, `false`, `none` and `null` are constants, `True` and `None` are ordinary names.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Lexer, Token, TokenStream
from jinja2.lexer import _Rule as Rule
from jinja2.parser import Parser

from towpath.capabilities.portal.templates.expressions.limits import ExpressionError

SOURCE_LENGTH_MAX = 1_000_000

STRICT = {"===": "seq", "!==": "sne"}
PATTERN = "#pattern"
"""The name of the filter that a regular expression literal is parsed into."""

_STRICT_OPERATOR = re.compile(r"[=!]==")
_PATTERN_LITERAL = re.compile(r"r/((?:[^\\/\n\[]|\\.|\[(?:[^\\\]\n]|\\.)*\])+)/([gimsuy]*)")
_COMPARISONS = frozenset({"eq", "ne", "lt", "lteq", "gt", "gteq"})
_CONSTANTS = {"true": True, "false": False, "none": None, "null": None}


class _Lexer(Lexer):
    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        extra = [
            Rule(_STRICT_OPERATOR, "strict", None),
            Rule(_PATTERN_LITERAL, "pattern", None),
        ]
        for state in ("variable_begin", "block_begin"):
            end, *others = self.rules[state]
            self.rules[state] = [end, *extra, *others]

    def wrap(
        self,
        stream: Iterable[tuple[int, str, str]],
        name: str | None = None,
        filename: str | None = None,
    ) -> Iterator[Token]:
        begins = False
        for token in super().wrap(stream, name, filename):
            if begins and token.type == "name" and token.value == "elseif":
                yield Token(token.lineno, "name", "elif")
            else:
                yield token
            begins = token.type == "block_begin"


class _Parser(Parser):
    def parse_compare(self) -> nodes.Expr:
        expression = self.parse_math1()
        operands: list[nodes.Operand] = []
        lineno = self.stream.current.lineno
        while True:
            token = self.stream.current
            if token.type in _COMPARISONS:
                name = token.type
            elif token.type == "strict":
                name = STRICT[token.value]
            elif token.test("name:in"):
                name = "in"
            elif token.test("name:not") and self.stream.look().test("name:in"):
                next(self.stream)
                name = "notin"
            else:
                break
            next(self.stream)
            operands.append(nodes.Operand(name, self.parse_math1()))
        if not operands:
            return expression
        return nodes.Compare(expression, operands, lineno=lineno)

    def parse_primary(self, with_namespace: bool = False) -> nodes.Expr:
        token = self.stream.current
        if token.type == "pattern":
            next(self.stream)
            return nodes.Filter(
                nodes.Const(token.value), PATTERN, [], [], None, None, lineno=token.lineno
            )
        if token.type == "name":
            next(self.stream)
            if token.value in _CONSTANTS:
                return nodes.Const(_CONSTANTS[token.value], lineno=token.lineno)
            return nodes.Name(token.value, "load", lineno=token.lineno)
        return super().parse_primary(with_namespace)


class _Environment(Environment):
    @property
    def lexer(self) -> Lexer:
        return _lexer(self)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return _Parser(self, source, name, filename).parse()

    def _tokenize(
        self,
        source: str,
        name: str | None,
        filename: str | None = None,
        state: str | None = None,
    ) -> TokenStream:
        stream = self.lexer.tokeniter(source, name, filename, state)
        return TokenStream(self.lexer.wrap(stream, name, filename), name, filename)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a template is written: Backstage's `${{ }}`, or Cookiecutter's `{{ }}`."""

    cookiecutter: bool = False
    trim_blocks: bool = False
    lstrip_blocks: bool = False


BACKSTAGE = Dialect()


@lru_cache(maxsize=8)
def _environment(dialect: Dialect) -> _Environment:
    return _Environment(
        variable_start_string="{{" if dialect.cookiecutter else "${{",
        trim_blocks=dialect.trim_blocks,
        lstrip_blocks=dialect.lstrip_blocks,
        autoescape=False,
        keep_trailing_newline=True,
    )


@lru_cache(maxsize=8)
def _lexer(environment: _Environment) -> _Lexer:
    return _Lexer(environment)


@lru_cache(maxsize=128)
def parse(source: str, dialect: Dialect = BACKSTAGE) -> nodes.Template:
    """The syntax tree. Raises ExpressionError with the line and what is wrong there."""
    if len(source) > SOURCE_LENGTH_MAX:
        raise ExpressionError(f"a template of more than {SOURCE_LENGTH_MAX} characters")
    try:
        return _environment(dialect).parse(source)
    except TemplateSyntaxError as error:
        raise ExpressionError(f"line {error.lineno}: {error.message}") from error
    except RecursionError as error:
        raise ExpressionError("the template is nested too deeply") from error


def single_expression(tree: nodes.Template) -> nodes.Expr | None:
    """The expression when the template is exactly one `${{ ... }}`, else None."""
    if len(tree.body) != 1:
        return None
    (output,) = tree.body
    if not isinstance(output, nodes.Output) or len(output.nodes) != 1:
        return None
    (expression,) = output.nodes
    return None if isinstance(expression, nodes.TemplateData) else expression


def has_tags(source: str, dialect: Dialect = BACKSTAGE) -> bool:
    """False: the text renders to itself, whatever the values are."""
    variable = "{{" if dialect.cookiecutter else "${{"
    return variable in source or "{%" in source or "{#" in source
