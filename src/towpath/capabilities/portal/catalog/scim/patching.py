"""PATCH of SCIM, pure: operations as the standard has them, and as Okta and Entra ID send them.

What they write otherwise: operations with a capital letter, `"False"` for a boolean, a dotted path
as a key of the value, members to be removed as a value beside the path.
"""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.catalog.scim.filters import (
    URN,
    BadFilter,
    Compared,
    Filter,
    Within,
    key_in,
    parse_filter,
    path_of,
)

OPERATIONS_MAX = 1000
_PATH = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<filter>.+)\])?(?:\.(?P<sub>[A-Za-z$_-]+))?")
_BOOLEANS = {"true": True, "false": False}
OF_BOOLEANS = ("active", "primary")
OF_MANY = frozenset(
    [
        "members",
        "emails",
        "phonenumbers",
        "ims",
        "photos",
        "addresses",
        "entitlements",
        "roles",
        "x509certificates",
    ]
)
"""Attributes with several values: one alone stands for a list of it."""
_FIXED = frozenset({"id", "meta", "schemas", "groups"})
"""Attributes that nobody changes; a wish to is passed over, as the two big ones send some."""


class BadPatch(Exception):
    """`str()` says what is wrong, `kind` in SCIM's word for it."""

    def __init__(self, message: str, kind: str = "invalidValue") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class _Path:
    keys: tuple[str, ...]
    filter: Filter | None = None
    sub: str = ""


def patched(resource: Mapping[str, Any], operations: Any) -> dict[str, Any]:
    """The resource as it is then. Raises BadPatch."""
    if not isinstance(operations, list) or not operations:
        raise BadPatch("Operations must be a list of operations", "invalidSyntax")
    if len(operations) > OPERATIONS_MAX:
        raise BadPatch(f"more than {OPERATIONS_MAX} operations at once", "tooMany")
    result = copy.deepcopy(dict(resource))
    for operation in operations:
        if not isinstance(operation, dict):
            raise BadPatch("an operation is an object", "invalidSyntax")
        _apply(result, operation)
    return result


def _apply(resource: dict[str, Any], operation: Mapping[str, Any]) -> None:
    kind = str(operation.get("op", "")).lower()
    if kind not in ("add", "replace", "remove"):
        raise BadPatch(f"op: {operation.get('op')!r} is none of add, replace, remove")
    path, value = operation.get("path"), operation.get("value")
    if path:
        _at(resource, kind, _parsed(str(path)), value)
    elif kind == "remove":
        raise BadPatch("path is required for remove", "noTarget")
    elif not isinstance(value, dict):
        raise BadPatch("without a path, value must be an object")
    else:
        for name, one in value.items():
            # A key that is a whole schema holds attributes; others may be paths themselves.
            _at(resource, kind, _parsed(str(name)), one)


def _parsed(text: str) -> _Path:
    if text.lower().startswith(URN):
        return _Path(path_of(text))
    found = _PATH.fullmatch(text)
    if found is None:
        raise BadPatch(f"{text!r} is no path", "invalidPath")
    if found["filter"] is None:
        return _Path(path_of(text))
    try:
        chosen = parse_filter(f"{found['name']}[{found['filter']}]")
    except BadFilter as error:
        raise BadPatch(f"{text}: {error}", "invalidFilter") from error
    if not isinstance(chosen, Within):
        raise BadPatch(f"{text!r} is no path", "invalidPath")
    return _Path(chosen.path, chosen.inner, found["sub"] or "")


def _at(resource: dict[str, Any], kind: str, path: _Path, value: Any) -> None:
    if path.keys[0].lower() in _FIXED:
        return
    holder = resource
    for name in path.keys[:-1]:
        key = key_in(holder, name)
        if key is None:
            if kind == "remove":
                return
            key = name
        inner = holder.setdefault(key, {})
        if not isinstance(inner, dict):
            raise BadPatch(f"{name} is no object", "invalidPath")
        holder = inner
    name = path.keys[-1]
    if path.filter is not None:
        _among(holder, kind, name, path.filter, path.sub, value)
    elif kind == "remove":
        _remove(holder, name, value)
    else:
        _put(holder, kind, name, value)


def _put(holder: dict[str, Any], kind: str, name: str, value: Any) -> None:
    key = key_in(holder, name) or name
    before, new = holder.get(key), _plain(name, value)
    if kind == "add" and isinstance(before, list):
        more = new if isinstance(new, list) else [new]
        known = {repr(one) for one in before}
        values = {str(one["value"]) for one in before if isinstance(one, dict) and "value" in one}
        for one in more:
            is_member = isinstance(one, dict) and str(one.get("value")) in values
            if repr(one) not in known and not is_member:
                before.append(one)
    elif isinstance(before, dict) and isinstance(new, dict):
        for inner, one in new.items():
            _put(before, kind, inner, one)
    elif new is None:
        holder.pop(key, None)
    else:
        holder[key] = new


def _remove(holder: dict[str, Any], name: str, value: Any) -> None:
    key = key_in(holder, name)
    if key is None:
        return
    if isinstance(holder[key], list) and value:
        wanted = value if isinstance(value, list) else [value]
        gone = {str(one.get("value")) if isinstance(one, dict) else str(one) for one in wanted}
        holder[key] = [
            one
            for one in holder[key]
            if str(one.get("value") if isinstance(one, dict) else one) not in gone
        ]
    else:
        del holder[key]


def _among(
    holder: dict[str, Any], kind: str, name: str, chosen: Filter, sub: str, value: Any
) -> None:
    """Of an attribute with several values, those that the filter chooses."""
    key = key_in(holder, name) or name
    values = holder.setdefault(key, [])
    if not isinstance(values, list):
        raise BadPatch(f"{name} has one value, which no filter chooses from", "invalidPath")
    found = [one for one in values if isinstance(one, dict) and chosen.holds(one)]
    if kind == "remove":
        if sub:
            for one in found:
                one.pop(key_in(one, sub) or sub, None)
        else:
            holder[key] = [one for one in values if one not in found]
        return
    if not found:
        # As Entra ID expects: what it says of the work address makes one.
        found = [dict(_told_by(chosen))]
        values += found
    for one in found:
        if sub:
            one[key_in(one, sub) or sub] = _plain(sub, value)
        elif isinstance(value, dict):
            one.update(value)
        else:
            raise BadPatch(f"{name}: the value must be an object")


def _told_by(chosen: Filter) -> dict[str, Any]:
    if isinstance(chosen, Compared) and chosen.by == "eq" and len(chosen.path) == 1:
        return {chosen.path[0]: chosen.value}
    raise BadPatch("nothing is chosen by that filter", "noTarget")


def _plain(name: str, value: Any) -> Any:
    """Booleans that came as texts are booleans."""
    if name.lower() in OF_BOOLEANS and isinstance(value, str):
        if value.lower() not in _BOOLEANS:
            raise BadPatch(f"{name}: {value!r} is neither true nor false")
        return _BOOLEANS[value.lower()]
    if name.lower() in OF_MANY and isinstance(value, dict):
        return [value]
    return value
