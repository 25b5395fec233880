"""What was pushed, as people and groups. Who is not active has left."""

from collections.abc import Mapping
from typing import Any

from towpath.capabilities.portal.catalog.scim.filters import values_at
from towpath.capabilities.portal.catalog.scim.resources import is_active
from towpath.capabilities.portal.catalog.sources.people import (
    DirectoryFound,
    GroupFound,
    PersonFound,
)
from towpath.records.provisioned_contract import ProvisionedPeople

ID_ANNOTATION = "towpath.dev/scim-id"


async def directory_of(store: ProvisionedPeople, source: str) -> DirectoryFound:
    people = [
        PersonFound(
            key=one.id,
            name=_text(one.content, "userName"),
            display_name=_text(one.content, "displayName") or _full_name(one.content),
            email=_best(one.content, "emails"),
            picture=_best(one.content, "photos"),
            description=_text(one.content, "title"),
            annotations={ID_ANNOTATION: one.id},
        )
        for one in await store.all(source, "User")
        if is_active(one)
    ]
    groups = [
        GroupFound(
            key=one.id,
            name=_text(one.content, "displayName"),
            members=one.members,
            annotations={ID_ANNOTATION: one.id},
        )
        for one in await store.all(source, "Group")
    ]
    return DirectoryFound(people, groups)


def _text(content: Mapping[str, Any], *path: str) -> str:
    value = next(values_at(content, path), None)
    return value if isinstance(value, str) else ""


def _full_name(content: Mapping[str, Any]) -> str:
    formatted = _text(content, "name", "formatted")
    given, family = _text(content, "name", "givenName"), _text(content, "name", "familyName")
    return formatted or " ".join(part for part in (given, family) if part)


def _best(content: Mapping[str, Any], attribute: str) -> str:
    """The value that is told to be the first one, or the first."""
    found = [one for one in values_at(content, (attribute,)) if isinstance(one, dict)]
    found.sort(key=lambda one: one.get("primary") is not True)
    return _text(found[0], "value") if found else ""
