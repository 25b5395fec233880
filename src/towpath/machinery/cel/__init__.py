"""The one door to CEL: compile an expression once, evaluate it with bindings.

syntax.py       trees, parsed by the CEL library
types.py        types and which may stand for which
checker.py      what an expression may name, and the type of everything in it
functions.py    the table of functions, which operators, conversions, texts, lists, kubernetes and
                authorization fill
evaluation.py   closures that evaluate, and count what they cost
estimates.py    what an expression may cost at worst

Programs are compiled once and kept by their expression and what it may name. Evaluation has no
side effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from towpath.machinery.cel import evaluation
from towpath.machinery.cel.authorization import AUTHORIZATION
from towpath.machinery.cel.checker import Checked, Declarations, FieldType, check
from towpath.machinery.cel.conversions import CONVERSIONS
from towpath.machinery.cel.costs import PER_CALL_LIMIT
from towpath.machinery.cel.errors import CelCostExceeded, CelError, CelSyntaxError
from towpath.machinery.cel.estimates import SizeOf, estimate
from towpath.machinery.cel.functions import Library, Table, merged
from towpath.machinery.cel.kubernetes import KUBERNETES
from towpath.machinery.cel.lists import LISTS
from towpath.machinery.cel.operators import STANDARD
from towpath.machinery.cel.syntax import parse
from towpath.machinery.cel.texts import TEXTS
from towpath.machinery.cel.types import Type
from towpath.machinery.cel.values import plain

__all__ = [
    "CelCostExceeded",
    "CelError",
    "CelSyntaxError",
    "Environment",
    "Meter",
    "Program",
]


def _syntax_functions() -> Library:
    """What evaluation does itself; the checker must know what they take."""
    library = Library()
    never = evaluation.never_called
    library.add("_&&_", "logical_and", "(bool, bool) bool", never)
    library.add("_||_", "logical_or", "(bool, bool) bool", never)
    library.add("!_", "logical_not", "(bool) bool", never)
    library.add("_?_:_", "conditional", "(bool, A, A) A", never)
    library.add("@not_strictly_false", "not_strictly_false", "(bool) bool", never)
    return library


FUNCTIONS: Table = merged(
    (_syntax_functions(), STANDARD, CONVERSIONS, TEXTS, LISTS, KUBERNETES, AUTHORIZATION)
)
PROGRAMS_KEPT = 4096


@dataclass(slots=True)
class Meter:
    """What may still be spent; several expressions may share one."""

    left: int


@dataclass(frozen=True)
class Program:
    expression: str
    checked: Checked
    functions: Table

    @cached_property
    def _run(self) -> evaluation.Run:
        return evaluation.compile_tree(self.checked, self.functions)

    @property
    def result_type(self) -> Type:
        return self.checked.result

    def uses(self, variable: str) -> bool:
        return variable in self.checked.names

    def estimate(self, size_of: SizeOf) -> int:
        """What it may cost at worst."""
        return estimate(self.checked, size_of)

    def value(
        self, bindings: Mapping[str, Any], meter: Meter | None = None, limit: int = PER_CALL_LIMIT
    ) -> Any:
        """As evaluate, with CEL's own values as they are."""
        frame = evaluation.Frame(dict(bindings), limit)
        try:
            return self._run(frame)
        except CelError as error:
            error.expression = error.expression or self.expression
            raise
        except RecursionError:
            raise CelError("expression is nested too deeply", self.expression) from None
        finally:
            if meter is not None:
                meter.left -= frame.spent

    def evaluate(self, bindings: Mapping[str, Any], meter: Meter | None = None) -> Any:
        """The value as plain Python data. Raises CelError. Every variable must be bound."""
        return plain(self.value(bindings, meter))


@dataclass(frozen=True)
class Environment:
    """What expressions may name. Programs are kept with it."""

    variables: Mapping[str, Type]
    structs: Mapping[str, FieldType] = field(default_factory=dict)
    further: Library | None = None
    open_structs: str = ""

    @cached_property
    def _declarations(self) -> Declarations:
        functions = FUNCTIONS if self.further is None else {**FUNCTIONS, **self.further.table}
        return Declarations(self.variables, self.structs, functions, self.open_structs)

    @cached_property
    def _programs(self) -> Any:
        return lru_cache(maxsize=PROGRAMS_KEPT)(self._compiled)

    def compile(self, expression: str) -> Program:
        """Raises CelSyntaxError."""
        program: Program = self._programs(expression)
        return program

    def _compiled(self, expression: str) -> Program:
        try:
            checked, mistakes = check(parse(expression), self._declarations)
        except RecursionError:
            raise CelSyntaxError("expression is nested too deeply", expression) from None
        if mistakes:
            raise CelSyntaxError("\n".join(mistakes), expression)
        return Program(expression, checked, self._declarations.functions)
