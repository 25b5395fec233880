"""Kubernetes' own kinds: which we serve, what their fields are, how they default and what they
refuse. Everything is derived from generated tables of facts; see facts.py.
"""

from functools import cache

from towpath.machinery.builtins.facts import Field, Struct, struct
from towpath.machinery.builtins.openapi import (
    definition_name,
    inlined,
    meta_schemas,
    openapi_schemas,
)
from towpath.machinery.builtins.registry import BUILTINS, BuiltinKind, by_plural, find
from towpath.machinery.schemas import StructuralSchema, compile_schema
from towpath.machinery.topology import Topology, topology_of

__all__ = [
    "BUILTINS",
    "BuiltinKind",
    "Field",
    "Struct",
    "by_plural",
    "definition_name",
    "find",
    "inlined",
    "meta_schemas",
    "openapi_schemas",
    "schema",
    "struct",
    "topology",
]


@cache
def schema(kind: BuiltinKind) -> StructuralSchema:
    """For pruning and unknown fields. Defaults and checks of built-in kinds have more to say."""
    return compile_schema(inlined(kind.struct))


@cache
def topology(kind: BuiltinKind) -> Topology:
    """For server-side apply and strategic merge patch."""
    return topology_of(inlined(kind.struct))
