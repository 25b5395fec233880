"""The functions of CEL: what each takes and gives, and the Python that does it.

One table serves the type checker and the evaluation. Overloads keep the names they have in cel-go,
where costs refer to them.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from towpath.machinery.cel.errors import no_such_overload
from towpath.machinery.cel.types import NAMED, Signature, Type, read_signature
from towpath.machinery.cel.values import Duration, Opt, Timestamp, TypeValue, UInt

Run = Callable[..., Any]


class Overload(Struct, frozen=True):
    id: str
    signature: Signature
    run: Run
    takes: tuple[type[Any] | None, ...]
    """The class that each argument must be of; None: any."""

    def fits(self, args: tuple[Any, ...]) -> bool:
        for wanted, value in zip(self.takes, args, strict=True):
            if wanted is None or type(value) is wanted:
                continue
            if wanted in (list, dict) and isinstance(value, wanted):
                continue
            return False
        return True


Table = dict[str, list[Overload]]
_CLASSES: dict[str, type[Any]] = {
    "bool": bool,
    "int": int,
    "uint": UInt,
    "double": float,
    "string": str,
    "bytes": bytes,
    "null": type(None),
    "duration": Duration,
    "timestamp": Timestamp,
    "list": list,
    "map": dict,
    "type": TypeValue,
    "optional_type": Opt,
}


class Library:
    """Overloads by the names of their functions."""

    def __init__(self, classes: dict[str, type[Any]] | None = None) -> None:
        self.table: Table = {}
        self._classes = {NAMED[name].name: found for name, found in (classes or {}).items()}

    def add(self, name: str, overload_id: str, signature: str, run: Run) -> None:
        read = read_signature(signature)
        takes = tuple(self._class_of(param) for param in read.params)
        overloads = self.table.setdefault(name, [])
        overloads.append(Overload(overload_id, read, run, takes))

    def each(self, name: str, run: Run, signatures: dict[str, str]) -> None:
        """Several overloads of one function that tells them apart itself."""
        for overload_id, signature in signatures.items():
            self.add(name, overload_id, signature, run)

    def _class_of(self, found: Type) -> type[Any] | None:
        return self._classes.get(found.name) or _CLASSES.get(found.name or found.kind)


def merged(libraries: Iterable[Library]) -> Table:
    table: Table = {}
    for library in libraries:
        for name, overloads in library.table.items():
            table.setdefault(name, []).extend(overloads)
    return table


def dispatch(overloads: list[Overload], args: tuple[Any, ...]) -> tuple[str, Any]:
    """The overload's name, and what it gives."""
    for overload in overloads:
        if overload.fits(args):
            return overload.id, overload.run(*args)
    raise no_such_overload()
