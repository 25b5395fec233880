"""Changing who is a member of a project: pure functions over `spec.members`.

The API holds the same rule about the last owner; saying it here tells it before and at the field.
"""

import re
from collections.abc import Sequence

from towpath.capabilities.governance.projects.kinds import ROLES
from towpath.machinery.objects import RawObject

KINDS = ("User", "Group")
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._@+:-]*[A-Za-z0-9])?")
"""Identity providers have e-mail addresses and prefixes among their names."""
NAME_CHARACTERS_MAX = 253
LAST_OWNER = "A project keeps an owner: make somebody else an owner first."


class BadMember(ValueError):
    """What was asked for cannot be; `str()` is one sentence for the form."""


def added(members: Sequence[RawObject], kind: str, name: str, role: str) -> list[RawObject]:
    """Raises BadMember."""
    name = name.strip()
    if not NAME.fullmatch(name) or len(name) > NAME_CHARACTERS_MAX:
        raise BadMember(
            "Name a person or a group, as the catalogue does, without spaces: letters, digits, "
            "dots, dashes, underscores and @, a letter or digit at both ends."
        )
    if kind not in KINDS:
        raise BadMember(f"A member is a User or a Group, not {kind!r}.")
    _check_role(role)
    if _find(members, kind, name) is not None:
        raise BadMember(f"{name} is a member already; change the role in the list.")
    return [*members, {"kind": kind, "name": name, "role": role}]


def changed(members: Sequence[RawObject], kind: str, name: str, role: str) -> list[RawObject]:
    """Raises BadMember."""
    _check_role(role)
    _check_member(members, kind, name)
    if role != "owner" and is_last_owner(members, kind, name):
        raise BadMember(LAST_OWNER)
    return [
        {**one, "role": role} if (one["kind"], one["name"]) == (kind, name) else one
        for one in members
    ]


def removed(members: Sequence[RawObject], kind: str, name: str) -> list[RawObject]:
    """Raises BadMember."""
    _check_member(members, kind, name)
    if is_last_owner(members, kind, name):
        raise BadMember(LAST_OWNER)
    return [one for one in members if (one["kind"], one["name"]) != (kind, name)]


def is_last_owner(members: Sequence[RawObject], kind: str, name: str) -> bool:
    owners = [(one["kind"], one["name"]) for one in members if one["role"] == "owner"]
    return owners == [(kind, name)]


def _find(members: Sequence[RawObject], kind: str, name: str) -> RawObject | None:
    return next((one for one in members if (one["kind"], one["name"]) == (kind, name)), None)


def _check_member(members: Sequence[RawObject], kind: str, name: str) -> None:
    if _find(members, kind, name) is None:
        raise BadMember(f"{name} is no member any more.")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise BadMember(f"A role is one of {', '.join(ROLES)}, not {role!r}.")
