"""Structural schemas of the API: unknown fields go, defaults come, the rest is checked.

The order for custom resources is prune, default, validate. Each schema is compiled once into
closures; every name in here is pure and may be used from any thread.
"""

from towpath.machinery.schemas.compiled import StructuralSchema, compile_schema
from towpath.machinery.schemas.structural import structural_errors

__all__ = ["StructuralSchema", "compile_schema", "structural_errors"]
