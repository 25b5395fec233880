"""Rules that people write in CEL: who may do what, who decides on it, what a form begins with.

What they may name is the same everywhere. They see what they are given and reach nothing else;
what they cost is limited as in the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.machinery.cel import CelError, CelSyntaxError, Environment
from towpath.machinery.cel.types import BOOL, DYN, STRING, Type, list_of, map_of
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

EXPRESSION_CHARACTERS_MAX = 4_000

VARIABLES: Mapping[str, Type] = {
    "object": DYN,
    "entity": DYN,
    "project": DYN,
    "inputs": DYN,
    "outputs": DYN,
    "run": map_of(STRING, STRING),
    "user": DYN,
    "groups": list_of(STRING),
}
_RULES = Environment(VARIABLES)


class BadRule(Exception):
    """A rule that cannot be compiled or evaluated; `str()` says which and why."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a rule is asked about. What there is none of is an empty map, so that has() works."""

    user: UserInfo
    object: RawObject = field(default_factory=dict)
    """Of Kubernetes."""
    entity: RawObject = field(default_factory=dict)
    """Of the catalogue: the descriptor."""
    project: RawObject = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, str] = field(default_factory=dict)

    def bindings(self) -> dict[str, Any]:
        groups = [one for one in self.user.groups if not one.startswith("system:")]
        return {
            "object": self.object,
            "entity": self.entity,
            "project": self.project,
            "inputs": dict(self.inputs),
            "outputs": dict(self.outputs),
            "run": dict(self.run),
            "user": {"name": self.user.name, "groups": groups},
            "groups": groups,
        }


def check_rule(expression: str, *, yes_or_no: bool = False) -> str:
    """What is wrong with it, "" for nothing."""
    try:
        found = _RULES.compile(expression).result_type
    except CelSyntaxError as error:
        return str(error)
    if yes_or_no and found not in (BOOL, DYN):
        return f"{expression}: it answers {found}, and must answer true or false"
    return ""


def value_of(expression: str, known: Known) -> Any:
    """Raises BadRule."""
    try:
        return _RULES.compile(expression).evaluate(known.bindings())
    except CelError as error:
        raise BadRule(f"{expression}: {error}") from error


def holds(expression: str, known: Known) -> bool:
    """Whether a rule allows; none at all does. Raises BadRule, which must be read as no."""
    if not expression:
        return True
    answer = value_of(expression, known)
    if not isinstance(answer, bool):
        raise BadRule(f"{expression}: it answers {answer!r}, and must answer true or false")
    return answer


def names_in(expression: str, known: Known) -> Sequence[str]:
    """The names that a rule answers: a list, or one alone. Raises BadRule."""
    answer = value_of(expression, known)
    found = [answer] if isinstance(answer, str) else answer
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise BadRule(f"{expression}: it answers {answer!r}, and must answer a list of names")
    return found
