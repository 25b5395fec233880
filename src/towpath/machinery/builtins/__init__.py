"""Kubernetes' own kinds: which we serve, what their fields are, how they default and what they
refuse. Everything is derived from generated tables of facts; see facts.py.
"""

from functools import cache

from towpath.machinery.builtins.facts import Field, Struct, struct
from towpath.machinery.builtins.openapi import (
    definition_name,
    definition_of,
    inlined,
    meta_schemas,
    openapi_schemas,
    scale_schemas,
)
from towpath.machinery.builtins.registry import BUILTINS, BuiltinKind, by_plural, find
from towpath.machinery.builtins.schema import BuiltinSchema
from towpath.machinery.topology import Topology, topology_of

__all__ = [
    "BUILTINS",
    "BuiltinKind",
    "BuiltinSchema",
    "Field",
    "Struct",
    "by_plural",
    "definition_name",
    "definition_of",
    "find",
    "inlined",
    "meta_schemas",
    "openapi_schemas",
    "scale_schemas",
    "schema",
    "struct",
    "topology",
]


@cache
def schema(kind: BuiltinKind) -> BuiltinSchema:
    """Reads, prunes, and fills in static defaults of one kind."""
    return BuiltinSchema(kind)


@cache
def topology(kind: BuiltinKind) -> Topology:
    """For server-side apply and strategic merge patch."""
    return topology_of(inlined(kind.struct))
