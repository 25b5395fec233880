"""People and groups of a directory as Backstage's User and Group, whatever the directory speaks.

A directory knows its entries by keys (a DN, an id), people know them by names: what a directory
allows in a name and the catalogue does not becomes `_`, as Backstage's own importers do it. Who
has left is not there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from towpath.capabilities.portal.catalog.descriptors import EntityError
from towpath.capabilities.portal.catalog.entity_kinds import BACKSTAGE
from towpath.capabilities.portal.catalog.gathering import Gathered, Terms, told_at_once
from towpath.machinery.objects import RawObject
from towpath.machinery.references import catalogue_name


@dataclass(frozen=True, slots=True)
class PersonFound:
    key: str
    name: str
    display_name: str = ""
    email: str = ""
    picture: str = ""
    description: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupFound:
    key: str
    name: str
    members: frozenset[str]
    """Keys of people, and of groups that are inside."""
    display_name: str = ""
    description: str = ""
    type: str = "team"
    annotations: Mapping[str, str] = field(default_factory=dict)


Found = TypeVar("Found", PersonFound, GroupFound)


@dataclass(frozen=True, slots=True)
class DirectoryFound:
    people: Sequence[PersonFound] = ()
    groups: Sequence[GroupFound] = ()


def gathered_of(found: DirectoryFound, address: str, namespace: str, terms: Terms) -> Gathered:
    """`address` is where all of it comes from."""
    errors: list[EntityError] = []
    people = _named("user", namespace, found.people, errors)
    groups = _named("group", namespace, found.groups, errors)
    name_by_key = {group.key: name for name, group in groups.items()}
    inside: dict[str, list[str]] = {}
    for name, group in groups.items():
        for member in group.members:
            inside.setdefault(member, []).append(name)
    documents = [
        *(_user(one, name, namespace, inside.get(one.key, ())) for name, one in people.items()),
        *(
            _group(one, name, namespace, inside.get(one.key, ()), name_by_key)
            for name, one in groups.items()
        ),
    ]
    gathered = told_at_once(documents, address, terms)
    return replace(gathered, errors=(*gathered.errors, *errors))


def _named(
    kind: str, namespace: str, found: Iterable[Found], errors: list[EntityError]
) -> dict[str, Found]:
    """By the name in the catalogue, which does not tell upper from lower case."""
    named: dict[str, Found] = {}
    holders: dict[str, str] = {}
    for one in found:
        name = catalogue_name(one.name)
        holder = holders.setdefault(name.lower(), one.key)
        if not name:
            errors.append(EntityError(one.key, "name", f"{one.name!r} is no name for a {kind}"))
        elif holder != one.key:
            ref = f"{kind}:{namespace}/{name}".lower()
            errors.append(EntityError(ref, "name", f"{one.key} and {holder} have the same name"))
        else:
            named[name] = one
    return named


def _user(person: PersonFound, name: str, namespace: str, member_of: Sequence[str]) -> RawObject:
    profile = {
        "displayName": person.display_name,
        "email": person.email,
        "picture": person.picture,
    }
    spec: RawObject = {"memberOf": sorted(member_of)}
    if told := {key: value for key, value in profile.items() if value}:
        spec["profile"] = told
    return _descriptor("User", person, name, namespace, spec)


def _group(
    group: GroupFound,
    name: str,
    namespace: str,
    parents: Sequence[str],
    name_by_key: Mapping[str, str],
) -> RawObject:
    children = {name_by_key[key] for key in group.members if key in name_by_key} - {name}
    spec: RawObject = {"type": group.type, "children": sorted(children)}
    if group.display_name:
        spec["profile"] = {"displayName": group.display_name}
    # A group of the catalogue has one parent; of more, each says that it is its child.
    if len(above := set(parents) - {name}) == 1:
        spec["parent"] = above.pop()
    return _descriptor("Group", group, name, namespace, spec)


def _descriptor(
    kind: str, one: PersonFound | GroupFound, name: str, namespace: str, spec: RawObject
) -> RawObject:
    metadata: RawObject = {
        "name": name,
        "namespace": namespace,
        "annotations": dict(one.annotations),
    }
    if one.description:
        metadata["description"] = one.description
    return {"apiVersion": BACKSTAGE[0], "kind": kind, "metadata": metadata, "spec": spec}
