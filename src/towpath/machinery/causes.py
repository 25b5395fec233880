"""Field errors in the words of a kube-apiserver, and the Invalid that gathers them.

Source of the wording: k8s.io/apimachinery/pkg/util/validation/field. A Cause's message leaves the
field out; the message of the Invalid repeats it.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from towpath.machinery.errors import Cause, Invalid
from towpath.machinery.objects import RawObject


def quote(text: str) -> str:
    """Go's %q, near enough for what people put into fields."""
    return json.dumps(text, ensure_ascii=False)


def show(value: object) -> str:
    """A bad value as the API prints it: quoted text, bare scalars, JSON for the rest."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if value is None:
        return "null"
    if isinstance(value, dict) and "matchExpressions" in value:
        # Structs of Go keep the order of their fields; of most one cannot tell that here.
        return json.dumps(_selector(value), ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _selector(value: RawObject) -> RawObject:
    expressions = [
        {name: one[name] for name in ("key", "operator", "values") if name in one}
        for one in value["matchExpressions"] or ()
    ]
    labels = value.get("matchLabels")
    shown: RawObject = {} if labels is None else {"matchLabels": dict(sorted(labels.items()))}
    return {**shown, "matchExpressions": expressions}


def _with_detail(head: str, detail: str) -> str:
    return f"{head}: {detail}" if detail else head


def required(field: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", _with_detail("Required value", detail), field)


def invalid_value(field: str, value: object, detail: str = "") -> Cause:
    return Cause("FieldValueInvalid", _with_detail(f"Invalid value: {show(value)}", detail), field)


def type_invalid(field: str, type_found: str, detail: str = "") -> Cause:
    message = _with_detail(f"Invalid value: {quote(type_found)}", detail)
    return Cause("FieldValueTypeInvalid", message, field)


def unsupported(field: str, value: object, supported: Iterable[object] = ()) -> Cause:
    names = [quote(item if isinstance(item, str) else show(item)) for item in supported]
    detail = "supported values: " + ", ".join(names) if names else ""
    message = _with_detail(f"Unsupported value: {show(value)}", detail)
    return Cause("FieldValueNotSupported", message, field)


def duplicate(field: str, value: object) -> Cause:
    return Cause("FieldValueDuplicate", f"Duplicate value: {show(value)}", field)


def not_found(field: str, value: object) -> Cause:
    return Cause("FieldValueNotFound", f"Not found: {show(value)}", field)


def forbidden(field: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", _with_detail("Forbidden", detail), field)


def too_long(field: str, bytes_max: int) -> Cause:
    unit = "byte" if bytes_max == 1 else "bytes"
    return Cause("FieldValueTooLong", f"Too long: may not be more than {bytes_max} {unit}", field)


def too_many(field: str, count: int, count_max: int) -> Cause:
    unit = "item" if count_max == 1 else "items"
    message = f"Too many: {count}: must have at most {count_max} {unit}"
    return Cause("FieldValueTooMany", message, field)


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> Invalid:
    """The 422 for one object and all that is wrong with it."""
    qualified = f"{kind}.{group}" if group else kind
    parts = [*dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes)]
    listed = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    details: RawObject = {"name": name, "group": group, "kind": kind}
    details = {key: value for key, value in details.items() if value}
    return Invalid(
        f"{qualified} {quote(name)} is invalid: {listed}", details=details, causes=causes
    )


def child(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def index(path: str, position: int) -> str:
    return f"{path}[{position}]"


def field_path(steps: Iterable[Any]) -> str:
    """`["spec", "ports", 0, "name"]` as `spec.ports[0].name`."""
    path = ""
    for step in steps:
        path = index(path, step) if isinstance(step, int) else child(path, step)
    return path
