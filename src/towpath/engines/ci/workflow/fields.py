"""The values that workflow, job and step have in common."""

from towpath.engines.ci.expressions import Condition, ExpressionError, condition
from towpath.engines.ci.workflow.contexts import Allowed, check, check_condition
from towpath.engines.ci.workflow.model import Raw
from towpath.engines.ci.workflow.places import Place


def read_env(place: Place | None, allowed: Allowed) -> Raw:
    """A mapping of names to scalars, or an expression that makes one."""
    if place is None:
        return {}
    check(place, allowed)
    if not place.is_mapping:
        if "${{" not in str(place.node.value):
            place.wrong("a mapping of names to values is expected")
        return place.value()
    for _, variable in place.items():
        variable.text()
    return place.value()


def read_condition(place: Place | None, allowed: Allowed) -> Condition:
    if place is None:
        return condition("")
    try:
        read = condition(place.text())
    except ExpressionError as error:
        place.wrong(str(error))
        return condition("")
    check_condition(place, read, allowed)
    return read


def read_flag(place: Place | None, allowed: Allowed, *, default: bool) -> Raw:
    if place is None:
        return default
    check(place, allowed)
    value = place.value()
    if not isinstance(value, bool) and "${{" not in str(value):
        place.wrong(f"true, false or an expression is expected, not `{value}`")
    return value


def read_number(place: Place | None, default: float | None, allowed: Allowed) -> Raw:
    if place is None:
        return default
    check(place, allowed)
    value = place.value()
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    if not is_number and "${{" not in str(value):
        place.wrong(f"a number above 0 or an expression is expected, not `{value}`")
    return value
