"""Resources of SCIM as they come, as they are kept, and as they are answered. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from towpath.capabilities.portal.catalog.scim.filters import key_in
from towpath.capabilities.portal.catalog.scim.patching import patched
from towpath.capabilities.portal.catalog.scim.schemas import GROUP, USER, Json
from towpath.records.provisioned_contract import Provisioned

NAME_ATTRIBUTES = {"User": "userName", "Group": "displayName"}
_SCHEMA = {"User": USER, "Group": GROUP}
_NOT_KEPT = ("id", "meta", "groups", "password", "members")
"""What is ours to say, what is kept beside, and what nobody wants kept."""
TEXT_MAX = 500


class BadResource(Exception):
    """`str()` says which attribute is wrong, and how."""


def kept_of(kind: str, told: Any, id: str = "") -> Provisioned:
    """What is to be kept of it. Raises BadResource."""
    if not isinstance(told, dict):
        raise BadResource("a resource is an object")
    name_attribute = NAME_ATTRIBUTES[kind]
    name, external = _text(told, name_attribute), _text(told, "externalId")
    if not name:
        raise BadResource(f"{name_attribute} is required")
    not_kept = set(_NOT_KEPT)
    content = {key: value for key, value in told.items() if key.lower() not in not_kept}
    active = key_in(content, "active")
    if active is not None and isinstance(content[active], str):
        # Patching knows how texts stand for booleans.
        content = patched(content, [{"op": "replace", "path": "active", "value": content[active]}])
    content.setdefault("schemas", [_SCHEMA[kind]])
    members = _members(told) if kind == "Group" else frozenset()
    return Provisioned(kind, id, name, external, content, members=members)


def is_active(one: Provisioned) -> bool:
    key = key_in(one.content, "active")
    return key is None or one.content[key] is not False


def representation(
    one: Provisioned,
    base: str,
    members: Mapping[str, tuple[str, str]],
    groups: list[tuple[str, str]],
) -> Json:
    """`members` are kinds and names by id; `groups` are ids and names."""
    told: Json = {"schemas": [_SCHEMA[one.kind]], "id": one.id, **one.content}
    if one.kind == "Group":
        told["members"] = [
            {
                "value": id,
                "type": kind,
                "display": name,
                "$ref": f"{base}/{kind}s/{id}",
            }
            for id, (kind, name) in sorted(members.items())
        ]
    else:
        told.setdefault("active", True)
        told["groups"] = [
            {"value": id, "display": name, "$ref": f"{base}/Groups/{id}"} for id, name in groups
        ]
    told["meta"] = {
        "resourceType": one.kind,
        "created": _time(one.created_s),
        "lastModified": _time(one.modified_s),
        "version": etag_of(one),
        "location": f"{base}/{one.kind}s/{one.id}",
    }
    return told


def etag_of(one: Provisioned) -> str:
    return f'W/"{one.version}"'


def chosen(told: Json, attributes: str, excluded: str) -> Json:
    """With these attributes only, or without those; what names it stays."""
    always = ("schemas", "id", "meta")
    if attributes:
        wanted = {_top(name) for name in attributes.split(",")}
        return {key: one for key, one in told.items() if key in always or key.lower() in wanted}
    without = {_top(name) for name in excluded.split(",")}
    return {key: one for key, one in told.items() if key in always or key.lower() not in without}


def _top(name: str) -> str:
    return name.strip().rpartition(":")[2].partition(".")[0].lower()


def _text(told: Json, name: str) -> str:
    key = key_in(told, name)
    value = told[key] if key else None
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > TEXT_MAX:
        raise BadResource(f"{name} must be a text of at most {TEXT_MAX} characters")
    return value.strip()


def _members(told: Json) -> frozenset[str]:
    key = key_in(told, "members")
    members = (told[key] if key else None) or []
    if not isinstance(members, list):
        raise BadResource("members must be a list of objects with a value")
    found = set()
    for one in members:
        value = one.get("value") if isinstance(one, dict) else None
        if not isinstance(value, str) or not value or len(value) > TEXT_MAX:
            raise BadResource("members must be a list of objects with a value")
        found.add(value)
    return frozenset(found)


def _time(at_s: float) -> str:
    return (
        datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
