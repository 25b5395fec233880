"""Where the names of a template live: the values given from outside, and frames of its own.

`set` inside a loop changes a variable that a `set` outside the loop has made, else it makes one
that ends with the loop. A macro sees the outermost variables, never its caller's.
"""

from collections.abc import Mapping

from towpath.capabilities.portal.templates.expressions.values import UNDEFINED, Value


class Scope:
    """One frame of names; `outermost` ones are visible to macros."""

    __slots__ = ("_names", "_outer", "_values", "_writes_through", "outermost")

    def __init__(self, values: dict[str, Value]) -> None:
        self._values = values
        self._names: dict[str, Value] = {}
        self._outer: Scope | None = None
        self._writes_through = True
        self.outermost = True

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> "Scope":
        return cls(dict(values))

    def inner(self, *, writes_through: bool = True) -> "Scope":
        scope = Scope(self._values)
        scope._outer = self
        scope._writes_through = writes_through
        scope.outermost = False
        return scope

    def apart(self) -> "Scope":
        """A macro's: the outermost values, nothing of the place that calls it."""
        scope = Scope(self._values)
        scope.outermost = False
        return scope

    def get(self, name: str) -> Value:
        scope: Scope | None = self
        while scope is not None:
            if (value := scope._names.get(name, UNDEFINED)) is not UNDEFINED:
                return value
            scope = scope._outer
        return self._values.get(name, UNDEFINED)

    def put(self, name: str, value: Value) -> None:
        """A name of this frame: a loop's variable, a macro's argument."""
        self._names[name] = value

    def assign(self, name: str, value: Value) -> None:
        """What `{% set %}` does."""
        self._holder(name)._names[name] = value
        if self.outermost:
            self._values[name] = value

    def _holder(self, name: str) -> "Scope":
        scope: Scope | None = self
        while scope is not None:
            if scope._names.get(name, UNDEFINED) is not UNDEFINED:
                return scope
            scope = scope._outer if scope._writes_through else None
        return self
