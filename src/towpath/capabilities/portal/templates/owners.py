"""Who can be named as an owner: a group or a person that the catalogue knows, and nobody else.

One rule for the form, the command line and the run itself. An owner who is not there would never
be asked when the service fails.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.templates.descriptor import FieldError, pages_of
from towpath.hooks.commands import Terminal
from towpath.hooks.platform import Platform
from towpath.hooks.showing import own_references
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.references import (
    BadReference,
    EntityRef,
    group_ref,
    parse_reference,
    person_ref,
)
from towpath.machinery.users import PLATFORM
from towpath.records.contract import CatalogIndex, EntityFilter, Viewer

OWNER_PICKER = "OwnerPicker"
OWNING_KINDS = ("group", "user")
GROUPS_TOLD = 20
EVERYBODY = Viewer(PLATFORM, None)


class Directory(Protocol):
    """Groups and people, as far as they are looked up here."""

    async def existing(self, refs: Sequence[str]) -> set[str]:
        """Those of the references that there are."""
        ...

    async def groups(self) -> Sequence[str]:
        """The names of the first few."""
        ...


@dataclass(frozen=True, slots=True)
class InCatalogue:
    index: CatalogIndex
    viewer: Viewer = EVERYBODY

    async def existing(self, refs: Sequence[str]) -> set[str]:
        return await self.index.existing(self.viewer, refs)

    async def groups(self) -> Sequence[str]:
        where = EntityFilter({"kind": ("Group",)})
        found = await self.index.query(self.viewer, where, limit=GROUPS_TOLD)
        return [entity.name for entity in found.entities]


@dataclass(frozen=True, slots=True)
class AsOfNow:
    """The catalogue and what its people are made of: a run never fails for what it has not yet."""

    platform: Platform

    async def existing(self, refs: Sequence[str]) -> set[str]:
        ref_of = {"User": person_ref, "Group": group_ref}
        known = {
            ref_of[member["kind"]](member["name"])
            for project in (await self.platform.api.list(PROJECT)).items
            for member in project["spec"].get("members") or ()
        }
        for person in await self.platform.people():
            known.update(own_references(person))
        return known.intersection(refs) | await self.platform.catalog.existing(EVERYBODY, refs)

    async def groups(self) -> Sequence[str]:
        return await InCatalogue(self.platform.catalog).groups()


@dataclass(frozen=True, slots=True)
class OverTheApi:
    terminal: Terminal

    async def existing(self, refs: Sequence[str]) -> set[str]:
        return {ref for ref in refs if await self._is_there(parse_reference(ref))}

    async def _is_there(self, ref: EntityRef) -> bool:
        path = f"catalog/entities/by-name/{ref.kind}/{ref.namespace}/{ref.name}"
        try:
            await self.terminal.read(path)
        except NotFound:
            return False
        return True

    async def groups(self) -> Sequence[str]:
        found = await self.terminal.read("catalog/entities", kind="Group", limit=str(GROUPS_TOLD))
        return [entity["metadata"]["name"] for entity in found["items"]]


async def owner_errors(
    descriptor: RawObject, values: Mapping[str, Any], directory: Directory
) -> list[FieldError]:
    """What speaks against those who are named in fields that pick an owner."""
    errors: list[FieldError] = []
    named: dict[str, EntityRef] = {}
    for field, text in _named(descriptor, values):
        try:
            named[field] = parse_reference(text, default_kind="Group")
        except BadReference as error:
            errors.append(FieldError(field, str(error)))
    if not named:
        return errors
    people = {f"user:{ref.namespace}/{ref.name}".lower() for ref in named.values()}
    asked = {ref.key for ref in named.values() if ref.kind.lower() in OWNING_KINDS}
    known = await directory.existing(sorted(asked | people))
    for field, ref in named.items():
        if ref.key in known and ref.key in asked:
            continue
        person = f"user:{ref.namespace}/{ref.name}"
        if person.lower() in known:
            errors.append(FieldError(field, f"that is a person; write user:{ref.name}"))
            continue
        kind = {"user": "person"}.get(ref.kind.lower(), "group")
        groups = ", ".join(await directory.groups())
        there = f"the groups are {groups}" if groups else "there is no group yet"
        errors.append(FieldError(field, f"there is no {kind} {ref.name}; {there}"))
    return errors


def _named(descriptor: RawObject, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for page in pages_of(descriptor):
        yield from _named_in(page, values, "parameters")


def _named_in(
    schema: Mapping[str, Any], values: Mapping[str, Any], where: str
) -> Iterator[tuple[str, str]]:
    for name, field in (schema.get("properties") or {}).items():
        value = values.get(name)
        if field.get("ui:field") == OWNER_PICKER and isinstance(value, str) and value.strip():
            yield f"{where}.{name}", value.strip()
        elif isinstance(value, Mapping):
            yield from _named_in(field, value, f"{where}.{name}")
