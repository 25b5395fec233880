"""What expressions of an authentication configuration may name: `claims` of a token, or the `user`
that was made of them.
"""

from towpath.machinery.cel import Environment, Program
from towpath.machinery.cel.types import DYN, STRING, map_of

_NAMING = {
    "claims": Environment({"claims": map_of(STRING, DYN)}),
    "user": Environment({"user": DYN}),
}


def compiled(expression: str, variable: str) -> Program:
    """Raises CelError."""
    return _NAMING[variable].compile(expression)
