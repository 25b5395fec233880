"""The seam to machinery's structural schemas: the part of them that the verbs use."""

from collections.abc import Sequence
from typing import Protocol

from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject


class Schema(Protocol):
    @property
    def openapi(self) -> RawObject:
        """With its definitions inlined."""
        ...

    @property
    def empty(self) -> RawObject:
        """What an object has that says nothing; never change it."""
        ...

    def prune(self, obj: RawObject) -> list[str]:
        """Remove unknown fields in place; returns their paths."""
        ...

    def wrap(self, obj: RawObject) -> None:
        """Cut integers that are too large to what their fields can hold, in place."""
        ...

    def misread(self, obj: RawObject) -> list[Cause]:
        """Embedded resources that cannot be read as such."""
        ...

    def default(self, obj: RawObject) -> None: ...

    def validate(
        self,
        obj: RawObject,
        old: RawObject | None = None,
        /,
        *,
        warnings: list[str] | None = None,
        known: Sequence[Cause] = (),
    ) -> list[Cause]:
        """What is wrong besides what is `known`; in `warnings` what was so before and may stay."""
        ...
