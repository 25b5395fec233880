"""What jsonschema-rs found wrong, in the words of a kube-apiserver.

Source of the wording: kube-openapi's validation/errors and the mapping to field errors in
apiextensions-apiserver's validation.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from towpath.machinery.causes import (
    child,
    field_path,
    invalid_value,
    quote,
    required,
    show,
    too_long,
    too_many,
    type_invalid,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.translation import INT64_MAX

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_TEXT_CHECKS = ("MaxLength", "MinLength", "Pattern")
"""In the order in which a kube-apiserver makes them; it stops at the first that fails."""


def first_of_each_text(errors: "list[ValidationError]") -> "Iterator[ValidationError]":
    """Of what is wrong with one text, only the first; everything else as it is."""
    names = [type(error.kind).__name__ for error in errors]
    worst: dict[tuple[Any, ...], int] = {}
    for error, name in zip(errors, names, strict=True):
        if name in _TEXT_CHECKS:
            place, rank = tuple(error.instance_path), _TEXT_CHECKS.index(name)
            worst[place] = min(rank, worst.get(place, rank))
    for error, name in zip(errors, names, strict=True):
        if name not in _TEXT_CHECKS or name == _TEXT_CHECKS[worst[tuple(error.instance_path)]]:
            yield error


def to_causes(
    error: "ValidationError", at: str = "", wanted: RawObject | None = None
) -> Iterator[Cause]:
    """`at` is the place of what was validated, when it is a part of something; `wanted` is what
    the schema says of the value itself."""
    if not at:
        yield from _causes(error, wanted or {})
        return
    # The place is not in the words there, only what lies below it.
    for cause in _causes(error, {}):
        below = f".{cause.field}" if cause.field not in ("", "<nil>") else ""
        yield Cause(cause.reason, cause.message, f"{at}{below}")


def _causes(error: "ValidationError", wanted: RawObject) -> Iterator[Cause]:
    path = field_path(error.instance_path)
    kind: Any = error.kind
    name = type(kind).__name__
    value: Any = error.instance
    if name == "Required":
        yield required(child(path, kind.property))
    elif name == "Enum":
        yield unsupported(path, value, (option for option in kind.options if option is not None))
    elif name == "Type":
        types = sorted(item for item in kind.types if item != "null")
        format_ = wanted.get("format", "")
        if format_ and isinstance(value, bool | int | float) and json_type(value) not in types:
            yield _wrong_format(path, format_, value)
        else:
            yield _wrong_type(path, types, value)
    elif name == "Format":
        yield type_invalid(
            path, value, f"{path} in body must be of type {kind.format}: {quote(value)}"
        )
    elif name == "MaxLength":
        yield too_long(path, kind.limit)
    elif name in ("MaxItems", "MaxProperties"):
        yield too_many(path, len(value), kind.limit)
    elif name in ("AnyOf", "OneOfNotValid", "OneOfMultipleValid", "Not"):
        yield from _composite(path, name, error)
    elif name in ("Maximum", "Minimum") and not -INT64_MAX - 1 <= value <= INT64_MAX:
        yield type_invalid(path, "number", f'{path} in body must be of type integer: "number"')
    elif name == "MultipleOf" and isinstance(value, int) and kind.multiple_of < 1:
        words = f"factor MultipleOf declared for {path} must be positive: 0"
        yield invalid_value(path, 0, words)
    elif name == "MinProperties":
        yield invalid_value(path, len(value), _DETAILS[name](path, kind))
    else:
        detail = _DETAILS.get(name)
        words = detail(path, kind) if detail is not None else str(error.message)
        yield invalid_value(path, value, words)


def _wrong_format(path: str, wanted: str, value: float) -> Cause:
    """A number where a text of that format belongs: go-openapi compares formats before types."""
    found = "" if isinstance(value, bool) else "int64" if isinstance(value, int) else "double"
    return type_invalid(path, found, f"{path} in body must be of type {wanted}: {quote(found)}")


def _wrong_type(path: str, types: list[str], value: Any) -> Cause:
    found = json_type(value)
    return type_invalid(
        path, found, f"{path} in body must be of type {','.join(types)}: {quote(found)}"
    )


def json_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


_DETAILS: dict[str, Any] = {
    "Pattern": lambda path, kind: f"{path} in body should match '{kind.pattern}'",
    "MinLength": lambda path, kind: f"{path} in body should be at least {kind.limit} chars long",
    "MinItems": lambda path, kind: f"{path} in body should have at least {kind.limit} items",
    "MinProperties": lambda path, kind: (
        f"{path} in body should have at least {kind.limit} properties"
    ),
    "Maximum": lambda path, kind: (
        f"{path} in body should be less than or equal to {show(kind.limit)}"
    ),
    "ExclusiveMaximum": lambda path, kind: f"{path} in body should be less than {show(kind.limit)}",
    "Minimum": lambda path, kind: (
        f"{path} in body should be greater than or equal to {show(kind.limit)}"
    ),
    "ExclusiveMinimum": lambda path, kind: (
        f"{path} in body should be greater than {show(kind.limit)}"
    ),
    "MultipleOf": lambda path, kind: (
        f"{path} in body should be a multiple of {show(kind.multiple_of)}"
    ),
    "UniqueItems": lambda path, kind: f"{path} in body shouldn't contain duplicates",
    "AdditionalProperties": lambda path, kind: (
        f"{path}.{kind.unexpected[0]} in body is a forbidden property"
    ),
}


def _composite(path: str, name: str, error: "ValidationError") -> Iterator[Cause]:
    """anyOf, oneOf and not have no path of their own in a kube-apiserver: `<nil>`, quoted."""
    if name == "Not":
        words = f"{quote(path)} must not validate the schema (not)"
    elif name == "AnyOf":
        words = f"{quote(path)} must validate at least one schema (anyOf)"
    elif name == "OneOfNotValid":
        words = f"{quote(path)} must validate one and only one schema (oneOf). Found none valid"
    else:
        words = (
            f"{quote(path)} must validate one and only one schema (oneOf). "
            f"Found {_valid_branches(error)} valid alternatives"
        )
    yield invalid_value("<nil>", "", words)
    if name in ("AnyOf", "OneOfNotValid"):
        yield from _nearest_branch(error)


def _nearest_branch(error: "ValidationError") -> Iterator[Cause]:
    """The errors of the branch that failed least, as kube-openapi adds them."""
    kind: Any = error.kind
    branches = [branch for branch in kind.context if branch]
    if branches:
        for below in min(branches, key=len):
            yield from to_causes(below)


def _valid_branches(error: "ValidationError") -> int:
    kind: Any = error.kind
    return sum(1 for branch in kind.context if not branch)
