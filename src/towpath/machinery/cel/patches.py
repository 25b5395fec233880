"""What mutating policies make: JSON patches, and objects to be applied."""

from typing import Any

from towpath.machinery.cel import types
from towpath.machinery.cel.errors import CelError
from towpath.machinery.cel.evaluation import Struct
from towpath.machinery.cel.functions import Library
from towpath.machinery.json_pointers import escape

JSON_PATCH = types.struct("JSONPatch")
OBJECT = types.struct("Object")
FIELDS = {"op": types.STRING, "from": types.STRING, "path": types.STRING, "value": types.DYN}
PATCHES = Library()
PATCHES.add("jsonpatch.escapeKey", "string_jsonpatch_escapeKey_string", "(string) string", escape)


def check_names(value: Any, path: str = "") -> None:
    """`Object.spec{}` stands at spec. Raises CelError."""
    if isinstance(value, Struct):
        path = path or value.type_name
        if value.type_name != path:
            raise CelError(
                f'type mismatch: unexpected type name "{value.type_name}", expected "{path}", '
                "which matches field name path from root Object type"
            )
        for name, inner in value.items():
            check_names(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            check_names(item, path)
    elif isinstance(value, dict):
        for inner in value.values():
            check_names(inner, path)
