"""The one door to CEL: compile an expression once, evaluate it with bindings.

Variables are dynamic: what the objects look like is the schema's business. Compiled programs are
cached by expression and variables, environments by variables. Evaluation has no side effect.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from towpath.machinery.cel_libraries import function_declarations

_EXTENSIONS = (
    "optional",
    "strings",
    "math",
    "lists",
    "sets",
    "encoders",
    "bindings",
    "two-var-comprehensions",
    "regex",
)
_CONFIG = "name: kubernetes\nextensions:\n" + "".join(f"- name: {name}\n" for name in _EXTENSIONS)


class CelError(Exception):
    """An expression that could not be evaluated: a missing key, a wrong type, a bad argument."""

    def __init__(self, expression: str, message: str) -> None:
        super().__init__(f"{message} (in expression {expression!r})")
        self.expression = expression
        self.message = message


class CelSyntaxError(CelError):
    """An expression that does not compile: syntax, unknown names, wrong argument types."""


@dataclass(frozen=True, slots=True)
class Program:
    expression: str
    variables: tuple[str, ...]
    compiled: Any
    environment: Any

    def evaluate(self, bindings: Mapping[str, Any]) -> Any:
        """The value as plain Python data. Raises CelError. Every variable must be bound."""
        return self._plain(self.compiled.eval(data=bindings))

    def evaluate_in(self, activation: Any) -> Any:
        """As evaluate, with bindings shared by several programs of the same variables."""
        return self._plain(self.compiled.eval(activation))

    def _plain(self, value: Any) -> Any:
        try:
            plain = value.plain_value()
        except TypeError as error:  # an optional value has no plain form
            raise CelError(self.expression, f"the result has no plain form: {error}") from error
        if value.type().name() == "ERROR":
            raise CelError(self.expression, _without_code(str(plain)))
        return plain

    @property
    def result_type(self) -> str:
        """`BOOL`, `STRING`, `DYN`...: what the checker knows before evaluation."""
        return str(self.compiled.return_type().name())


def compile_expression(expression: str, variables: Iterable[str]) -> Program:
    """Raises CelSyntaxError."""
    return _compile(expression, tuple(sorted(variables)))


def activation(variables: Iterable[str], bindings: Mapping[str, Any]) -> Any:
    """Bindings converted once, for Program.evaluate_in."""
    return _environment(tuple(sorted(variables))).Activation(bindings)


@lru_cache(maxsize=4096)
def _compile(expression: str, variables: tuple[str, ...]) -> Program:
    environment = _environment(variables)
    try:
        compiled = environment.compile(expression)
    except RuntimeError as error:
        raise CelSyntaxError(expression, _without_code(str(error))) from None
    return Program(expression, variables, compiled, environment)


@lru_cache(maxsize=64)
def _environment(variables: tuple[str, ...]) -> Any:
    return cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(_CONFIG),
        variables=dict.fromkeys(variables, cel.Type.DYN),
        functions=function_declarations(),
    )


def _without_code(message: str) -> str:
    """absl's status codes in front and behind say nothing to the author of an expression."""
    head, separator, rest = message.partition(": ")
    if separator and head.isupper():
        message = rest
    body, bracket, code = message.rpartition(" [")
    return body if bracket and code.endswith("]") and code[:-1].isupper() else message
