"""What a filter, a test or a macro is called with."""

from collections.abc import Mapping
from dataclasses import dataclass

from towpath.capabilities.portal.templates.expressions.limits import Meter
from towpath.capabilities.portal.templates.expressions.values import UNDEFINED, Value


@dataclass(frozen=True, slots=True)
class Arguments:
    positional: tuple[Value, ...]
    named: Mapping[str, Value]
    meter: Meter

    def get(self, index: int, name: str, default: Value = UNDEFINED) -> Value:
        """The argument by its place or its name; the default when it is absent or undefined."""
        if index < len(self.positional):
            value = self.positional[index]
        else:
            value = self.named.get(name, UNDEFINED)
        return default if value is UNDEFINED else value
