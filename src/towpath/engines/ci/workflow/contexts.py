"""Which contexts and functions an expression may use, by where it stands.

The table is GitHub's documented one: a file that passes here does not fail there, and the other
way round. Beside syntax this is all that can be checked before values are known.
"""

from dataclasses import dataclass

from towpath.engines.ci.expressions import ExpressionError
from towpath.engines.ci.expressions.functions import SIGNATURES, STATUS_FUNCTIONS
from towpath.engines.ci.expressions.syntax import Node
from towpath.engines.ci.expressions.templates import Condition, names_in, parts_of
from towpath.engines.ci.workflow.places import Place


@dataclass(frozen=True, slots=True)
class Allowed:
    contexts: frozenset[str]
    functions: frozenset[str] = frozenset()


def _allowed(contexts: str, functions: str = "") -> Allowed:
    return Allowed(frozenset(contexts.split()), frozenset(functions.split()))


_JOB = "github needs strategy matrix vars inputs"
_STEP = "github needs strategy matrix job runner env vars secrets steps inputs"

NOWHERE = _allowed("")
RUN_NAME = _allowed("github inputs vars")
CONCURRENCY = _allowed("github inputs vars")
WORKFLOW_ENV = _allowed("github secrets inputs vars")
JOB_CONDITION = _allowed("github needs vars inputs", "always cancelled success failure")
JOB_STRATEGY = _allowed("github needs vars inputs")
JOB_SETTING = _allowed(_JOB)
JOB_ENV = _allowed(_JOB + " secrets")
JOB_DEFAULTS = _allowed(_JOB + " env")
JOB_OUTPUTS = _allowed(_STEP)
STEP = _allowed(_STEP, "hashfiles")
STEP_CONDITION = _allowed(
    _STEP.replace(" secrets", ""), "always cancelled success failure hashfiles"
)

_SPECIAL = STATUS_FUNCTIONS | {"hashfiles"}


def check(place: Place, allowed: Allowed) -> None:
    """Every expression in the value: its syntax, and whether what it names can be used there."""
    for scalar in place.scalars():
        text = str(scalar.node.value)
        if "${{" not in text:
            continue
        try:
            nodes = [part for part in parts_of(text) if not isinstance(part, str)]
        except ExpressionError as error:
            scalar.wrong(str(error))
        else:
            _check_names(scalar, nodes, allowed)


def check_condition(place: Place, condition: Condition, allowed: Allowed) -> None:
    _check_names(place, [condition.expression], allowed)


def _check_names(place: Place, nodes: list[Node], allowed: Allowed) -> None:
    names = names_in(*nodes)
    for context in sorted(names.contexts - allowed.contexts):
        usable = ", ".join(sorted(allowed.contexts)) or "none"
        place.wrong(f"the context `{context}` cannot be used here; these can: {usable}")
    for call in names.calls:
        signature = SIGNATURES.get(call.name)
        if signature is None:
            place.wrong(f"there is no function `{call.name}`")
        elif call.name in _SPECIAL and call.name not in allowed.functions:
            place.wrong(f"the function `{call.name}` cannot be used here")
        elif not signature.arguments_min <= len(call.arguments) <= signature.arguments_max:
            place.wrong(
                f"the function `{call.name}` is given {len(call.arguments)} arguments and takes "
                f"{signature.arguments_min} to {signature.arguments_max}"
            )
