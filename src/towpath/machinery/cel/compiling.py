"""From an expression to a checked program: every function there is, and the steps in order."""

from towpath.machinery.cel import CelSyntaxError, Environment, Program, evaluation
from towpath.machinery.cel.authorization import AUTHORIZATION
from towpath.machinery.cel.checker import Declarations, check
from towpath.machinery.cel.conversions import CONVERSIONS
from towpath.machinery.cel.functions import Library, Table, merged
from towpath.machinery.cel.kubernetes import KUBERNETES
from towpath.machinery.cel.lists import LISTS
from towpath.machinery.cel.operators import STANDARD
from towpath.machinery.cel.syntax import parse
from towpath.machinery.cel.texts import TEXTS


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


def declarations_of(environment: Environment) -> Declarations:
    further = environment.further
    functions = FUNCTIONS if further is None else {**FUNCTIONS, **further.table}
    names = environment.variables, environment.structs
    return Declarations(*names, functions, environment.open_structs)


def compile_program(expression: str, declarations: Declarations) -> Program:
    """Raises CelSyntaxError."""
    try:
        checked, mistakes = check(parse(expression), declarations)
    except RecursionError:
        raise CelSyntaxError("expression is nested too deeply", expression) from None
    if mistakes:
        raise CelSyntaxError("\n".join(mistakes), expression)
    return Program(expression, checked, declarations.functions)
