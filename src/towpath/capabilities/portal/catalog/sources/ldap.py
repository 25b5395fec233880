"""People and groups of a directory: which entry is who, and who is in what.

A member is told by its DN, or by its name where groups are of the old kind (`memberUid`). A group
inside of a group is its child. Who is disabled there is here no more.
"""

import asyncio
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from towpath.capabilities.portal.catalog.sources.people import (
    DirectoryFound,
    GroupFound,
    PersonFound,
)
from towpath.capabilities.portal.catalog.sources.place import Refused, Unread
from towpath.capabilities.portal.catalog.sources.secrets import secret_of
from towpath.client.protocols import Client
from towpath.engines.identity.ldap import (
    PORT,
    PORT_TLS,
    LdapEntry,
    LdapSearch,
    LdapServer,
    LdapUnread,
    search_all,
)
from towpath.engines.outbound import Outbound, OutboundFailed, OutboundRefused
from towpath.hooks.outbound import HOSTS_ANNOTATION, data_of, hosts_of
from towpath.machinery.objects import RawObject

DN_ANNOTATION = "backstage.io/ldap-dn"
_ACCOUNT_CONTROL, _DISABLED = "useraccountcontrol", 2
_AROUND = re.compile(r"\s*([,=+])\s*")


async def directory_found(api: Client, outbound: Outbound, source: RawObject) -> DirectoryFound:
    """Raises Refused, Unread."""
    spec = source["spec"]["ldap"]
    server = await _server(api, outbound, source)
    searches = [_search(spec["users"])]
    if "groups" in spec:
        searches.append(_search(spec["groups"]))
    try:
        entries = await asyncio.to_thread(search_all, server, searches, spec.get("pageSize") or 500)
    except LdapUnread as error:
        raise Unread(str(error)) from error
    return found_of(spec, *entries)


async def _server(api: Client, outbound: Outbound, source: RawObject) -> LdapServer:
    spec = source["spec"]["ldap"]
    parts = urlsplit(spec["url"])
    tls, start_tls = parts.scheme == "ldaps", bool(spec.get("startTLS"))
    host = parts.hostname or ""
    try:
        port = parts.port or (PORT_TLS if tls else PORT)
    except ValueError as error:
        raise Refused(f"ldap.url: {error}") from error
    data: dict[str, str] = {}
    if name := spec.get("secret"):
        secret = await secret_of(api, source, name)
        data = data_of(secret)
        if data.get("password") and not (tls or start_tls):
            raise Refused("a password is sent over TLS alone: use ldaps:// or startTLS")
        if host not in hosts_of(secret):
            raise Refused(
                f"the Secret {name} may not be sent to {host}; annotate it with "
                f"{HOSTS_ANNOTATION}: {host}"
            )
    try:
        address = await outbound.address(host, port)
    except OutboundRefused as error:
        raise Refused(str(error)) from error
    except OutboundFailed as error:
        raise Unread(str(error)) from error
    return LdapServer(
        host=host,
        address=address,
        port=port,
        tls=tls,
        start_tls=start_tls and not tls,
        username=data.get("username", ""),
        password=data.get("password", ""),
        authority=data.get("ca.crt", ""),
    )


def _search(spec: RawObject) -> LdapSearch:
    names = ("name", "displayName", "email", "description", "disabled", "members")
    attributes = [str(spec[name]) for name in names if spec.get(name)]
    return LdapSearch(spec["base"], spec["filter"], spec.get("subtree", True), attributes)


def found_of(
    spec: RawObject, users: Sequence[LdapEntry], groups: Sequence[LdapEntry] = ()
) -> DirectoryFound:
    """Pure."""
    of_user, of_group = spec["users"], spec.get("groups") or {}
    here = [one for one in users if not _is_disabled(one, of_user.get("disabled") or "")]
    people = [
        PersonFound(
            key=_key(one.dn),
            name=one.first(of_user["name"]),
            display_name=one.first(of_user.get("displayName") or ""),
            email=one.first(of_user.get("email") or ""),
            description=one.first(of_user.get("description") or ""),
            annotations={DN_ANNOTATION: one.dn},
        )
        for one in here
    ]
    known = {_key(one.dn) for one in (*here, *groups)}
    by_name = {person.name.lower(): person.key for person in people}
    teams = [
        GroupFound(
            key=_key(one.dn),
            name=one.first(of_group["name"]),
            members=frozenset(
                key if (key := _key(member)) in known else by_name.get(member.lower(), key)
                for member in one.attributes.get(of_group["members"].lower(), ())
            ),
            display_name=one.first(of_group.get("displayName") or ""),
            description=one.first(of_group.get("description") or ""),
            type=of_group.get("type") or "team",
            annotations={DN_ANNOTATION: one.dn},
        )
        for one in groups
    ]
    return DirectoryFound(people, teams)


def _key(dn: str) -> str:
    """The same for the same entry, however its DN is spaced and spelt."""
    return _AROUND.sub(r"\1", dn.strip()).lower()


def _is_disabled(one: LdapEntry, attribute: str) -> bool:
    value = one.first(attribute)
    if attribute.lower() == _ACCOUNT_CONTROL:
        return value.isdecimal() and bool(int(value) & _DISABLED)
    return value.lower() in ("true", "yes", "1")
