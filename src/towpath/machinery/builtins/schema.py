"""One built-in kind's schema in use: the same three verbs as a custom resource's schema.

Reading comes first and may refuse (400); unknown fields go as they do elsewhere; the declared
static defaults come. What a kind refuses beyond its types is the API server's business.
"""

from collections.abc import Sequence
from functools import cached_property

from towpath.machinery.builtins.decoding import DecodeError, decode_object, wrap_integers
from towpath.machinery.builtins.openapi import inlined
from towpath.machinery.builtins.registry import BuiltinKind
from towpath.machinery.errors import Cause, Undecodable
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas import StructuralSchema, compile_schema

UNKNOWN_MAX = 100
"""Of unknown fields that are told; Kubernetes' decoder counts no more."""


class BuiltinSchema:
    def __init__(self, kind: BuiltinKind) -> None:
        self.kind = kind

    @property
    def openapi(self) -> RawObject:
        return inlined(self.kind.struct)

    @cached_property
    def empty(self) -> RawObject:
        """An object that says nothing, in the form that Go gives it; never change it."""
        obj: RawObject = {}
        decode_object(self.kind.struct, obj)
        return obj

    @cached_property
    def _structural(self) -> StructuralSchema:
        return compile_schema(self.openapi)

    def prune(self, obj: RawObject) -> list[str]:
        """Read the object in place; the first UNKNOWN_MAX paths of fields that were unknown. Raises
        BadRequest.
        """
        resource = self.kind.resource
        unknown = self._structural.prune_in_order(obj)
        try:
            decode_object(self.kind.struct, obj)
        except DecodeError as error:
            kind = resource.kind
            raise Undecodable(kind, resource.version, kind, str(error)) from None
        return unknown[:UNKNOWN_MAX]

    def wrap(self, obj: RawObject) -> None:
        """What is applied is read without minding how large an integer is."""
        wrap_integers(self.kind.struct, obj)

    def unknown(self, obj: RawObject) -> list[str]:
        return self._structural.unknown(obj)

    def misread(self, _obj: RawObject) -> list[Cause]:
        """Built-in kinds embed none: templates are types of their own."""
        return []

    def default(self, obj: RawObject) -> None:
        self._structural.default(obj)

    def validate(
        self,
        obj: RawObject,
        old: RawObject | None = None,
        *,
        warnings: list[str] | None = None,
        known: Sequence[Cause] = (),
    ) -> list[Cause]:
        """Nothing: a kube-apiserver validates built-in kinds by rules of their own."""
        return []
