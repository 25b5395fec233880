"""The one door to CEL: compile an expression once, evaluate it with bindings.

syntax.py       trees, parsed by the CEL library
types.py        types and which may stand for which
checker.py      what an expression may name, and the type of everything in it
functions.py    the table of functions, which operators, conversions, texts, lists, kubernetes and
                authorization fill
compiling.py    all functions that there are, and checked trees made with them
evaluation.py   closures that evaluate, and count what they cost
estimates.py    what an expression may cost at worst

Programs are compiled once and kept by their expression and what it may name. Evaluation has no
side effect. What compiles and evaluates is loaded with the first expression: to say what
expressions may name costs nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from towpath.machinery.cel.costs import PER_CALL_LIMIT
from towpath.machinery.cel.errors import CelCostExceeded, CelError, CelSyntaxError
from towpath.machinery.cel.types import Type

if TYPE_CHECKING:
    from towpath.machinery.cel.checker import Checked, FieldType
    from towpath.machinery.cel.estimates import SizeOf
    from towpath.machinery.cel.evaluation import Run
    from towpath.machinery.cel.functions import Library, Table

__all__ = [
    "CelCostExceeded",
    "CelError",
    "CelSyntaxError",
    "Environment",
    "Meter",
    "Program",
]


PROGRAMS_KEPT = 4096


class Meter(Struct):
    """What may still be spent; several expressions may share one."""

    left: int


@dataclass(frozen=True)
class Program:
    expression: str
    checked: "Checked"
    functions: "Table"

    @cached_property
    def _run(self) -> "Run":
        from towpath.machinery.cel.evaluation import compile_tree

        return compile_tree(self.checked, self.functions)

    @property
    def result_type(self) -> Type:
        return self.checked.result

    def uses(self, variable: str) -> bool:
        return variable in self.checked.names

    def estimate(self, size_of: "SizeOf") -> int:
        """What it may cost at worst."""
        from towpath.machinery.cel.estimates import estimate

        return estimate(self.checked, size_of)

    def value(
        self, bindings: Mapping[str, Any], meter: Meter | None = None, limit: int = PER_CALL_LIMIT
    ) -> Any:
        """As evaluate, with CEL's own values as they are."""
        from towpath.machinery.cel.evaluation import Frame

        frame = Frame(dict(bindings), limit)
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
        from towpath.machinery.cel.values import plain

        return plain(self.value(bindings, meter))


@dataclass(frozen=True)
class Environment:
    """What expressions may name. Programs are kept with it."""

    variables: Mapping[str, Type]
    structs: "Mapping[str, FieldType]" = field(default_factory=dict)
    further: "Library | None" = None
    open_structs: str = ""

    @cached_property
    def _programs(self) -> Callable[[str], Program]:
        from towpath.machinery.cel.compiling import compile_program, declarations_of

        declarations = declarations_of(self)
        return lru_cache(maxsize=PROGRAMS_KEPT)(
            lambda expression: compile_program(expression, declarations)
        )

    def compile(self, expression: str) -> Program:
        """Raises CelSyntaxError."""
        return self._programs(expression)
