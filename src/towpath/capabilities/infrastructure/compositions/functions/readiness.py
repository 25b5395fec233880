"""Readiness checks of patch-and-transform; without any, the condition Ready must be true."""

from collections.abc import Callable, Sequence
from typing import Any

from towpath.capabilities.infrastructure.compositions.functions import fieldpath
from towpath.capabilities.infrastructure.compositions.functions.contract import FunctionError
from towpath.machinery.conditions import get_condition, is_true
from towpath.machinery.objects import RawObject


def is_ready(resource: RawObject, checks: Sequence[RawObject] | None) -> bool:
    if not checks:
        return is_true(resource, "Ready")
    return all(_passes(resource, check) for check in checks)


def _passes(resource: RawObject, check: RawObject) -> bool:
    kind = check.get("type", "")
    if kind == "None":
        return True
    if kind == "MatchCondition":
        wanted = check.get("matchCondition") or {}
        found = get_condition(resource, wanted.get("type", "Ready"))
        return found is not None and found["status"] == wanted.get("status", "True")
    if kind not in _VALUE_CHECKS:
        raise FunctionError(f"readiness check type {kind!r} is not known")
    try:
        value = fieldpath.get(resource, check["fieldPath"])
    except fieldpath.FieldPathError:
        return False
    return _VALUE_CHECKS[kind](value, check)


_VALUE_CHECKS: dict[str, Callable[[Any, RawObject], bool]] = {
    "NonEmpty": lambda value, _: value not in (None, ""),
    "MatchString": lambda value, check: bool(value == check["matchString"]),
    "MatchInteger": lambda value, check: bool(value == check["matchInteger"]),
    "MatchTrue": lambda value, _: value is True,
    "MatchFalse": lambda value, _: value is False,
}
