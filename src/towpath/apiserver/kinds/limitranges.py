"""LimitRange: what it says by default, and what it may not say."""

from collections.abc import Iterator
from typing import NamedTuple

from towpath.apiserver.kinds.checks import named
from towpath.apiserver.kinds.podspec.resources import HUGE, NOT_STANDARD, resource_name
from towpath.apiserver.kinds.quotas import STANDARD
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import duplicate, forbidden, invalid_value, required
from towpath.machinery.errors import Cause
from towpath.machinery.names import qualified_name_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity

TYPES = ("Container", "PersistentVolumeClaim", "Pod")
PARTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


class Order(NamedTuple):
    """Of two parts the first may not be less than the second."""

    most: str
    least: str
    told: str
    """Whose field it is that is wrong."""
    shown: str
    """Whose value is told with it."""
    words: str


ORDERS = (
    Order("max", "min", "min", "min", "min value {1} is greater than max value {0}"),
    Order(
        "defaultRequest",
        "min",
        told="defaultRequest",
        shown="defaultRequest",
        words="min value {1} is greater than default request value {0}",
    ),
    Order(
        "max",
        "defaultRequest",
        told="defaultRequest",
        shown="defaultRequest",
        words="default request value {1} is greater than max value {0}",
    ),
    Order(
        "default",
        "defaultRequest",
        told="defaultRequest",
        shown="defaultRequest",
        words="default request value {1} is greater than default limit value {0}",
    ),
    Order("default", "min", "default", "min", "min value {1} is greater than default value {0}"),
    Order("max", "default", "default", "max", "default value {1} is greater than max value {0}"),
)
"""In the order of a kube-apiserver, and with its odd values."""


def _default(obj: RawObject) -> None:
    """What a container asks for by default is what it may have by default, or at most."""
    for limit in (obj.get("spec") or {}).get("limits") or ():
        if limit.get("type") != "Container":
            continue
        for target, sources in (("default", ("max",)), ("defaultRequest", ("default", "min"))):
            values = limit.get(target) or {}
            for source in sources:
                for name, quantity in (limit.get(source) or {}).items():
                    values.setdefault(name, quantity)
            if values:
                limit[target] = values


def _validate(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, limit in enumerate((obj.get("spec") or {}).get("limits") or ()):
        field = f"spec.limits[{index}]"
        kind = limit.get("type") or ""
        errors = qualified_name_errors(kind)
        causes += named(f"{field}.type", kind, errors)
        if not errors and "/" not in kind and kind not in TYPES:
            words = "must be a standard limit type or fully qualified"
            causes.append(invalid_value(f"{field}.type", kind, words))
        if kind in seen:
            causes.append(duplicate(f"{field}.type", kind))
        seen.add(kind)
        causes += _limit_causes(limit, kind, field)
    return causes


def _limit_causes(limit: RawObject, kind: str, field: str) -> Iterator[Cause]:
    names: set[str] = set()
    for part in PARTS:
        if kind == "Pod" and part.startswith("default") and limit.get(part):
            yield forbidden(f"{field}.{part}", "may not be specified when `type` is 'Pod'")
            continue
        for name in limit.get(part) or {}:
            names.add(name)
            where = f"{field}.{part}[{name}]"
            if kind in ("Container", "Pod"):
                yield from resource_name(where, name)
                continue
            errors = qualified_name_errors(name)
            yield from named(where, name, errors)
            if not errors and "/" not in name and name not in STANDARD and HUGE not in name:
                yield invalid_value(where, name, NOT_STANDARD)
    if kind == "PersistentVolumeClaim" and "storage" not in names:
        words = "either minimum or maximum storage value is required, but neither was provided"
        yield required(f"{field}.limits", words)
    for name in sorted(names):
        yield from _order_causes(limit, name, field)


def _order_causes(limit: RawObject, name: str, field: str) -> Iterator[Cause]:
    values = {part: str(limit[part][name]) for part in PARTS if name in (limit.get(part) or {})}
    for order in ORDERS:
        if order.most in values and order.least in values:
            large, small = values[order.most], values[order.least]
            if parse_quantity(small) > parse_quantity(large):
                why = order.words.format(large, small)
                yield invalid_value(f"{field}.{order.told}[{name}]", values[order.shown], why)
    ratio = values.get("maxLimitRequestRatio")
    if ratio is not None and parse_quantity(ratio) < 1:
        where = f"{field}.maxLimitRequestRatio[{name}]"
        yield invalid_value(where, ratio, f"ratio {ratio} is less than 1")


LIMIT_RANGE = Behaviour(default=_default, validate=_validate)
