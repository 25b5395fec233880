"""A directory of people over LDAP: bound by a name or anonymously, searched page by page.

Blocking, for a thread. Nothing is read in part: a limit of the server, a referral to another one
or an answer in the middle of which the connection ends is an error, never a short list.
"""

import contextlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PORT, PORT_TLS = 389, 636
TIMEOUT_S = 30
ENTRIES_MAX = 200_000


class LdapUnread(Exception):
    """The directory could not be read; `str()` is one sentence, without secrets."""


@dataclass(frozen=True, slots=True)
class LdapServer:
    host: str
    """As its certificate says."""
    address: str
    """Where it is, checked."""
    port: int
    tls: bool
    """From the first byte."""
    start_tls: bool
    username: str = ""
    password: str = ""
    authority: str = ""
    """PEM; "" for the public ones."""


@dataclass(frozen=True, slots=True)
class LdapSearch:
    base: str
    filter: str
    subtree: bool
    attributes: Sequence[str]


@dataclass(frozen=True, slots=True)
class LdapEntry:
    dn: str
    attributes: Mapping[str, Sequence[str]]
    """Names in small letters; values that are no text are left out."""

    def first(self, name: str) -> str:
        found = self.attributes.get(name.lower()) if name else None
        return found[0] if found else ""


def search_all(
    server: LdapServer, searches: Sequence[LdapSearch], page_size: int
) -> list[list[LdapEntry]]:
    """The entries of each. Raises LdapUnread."""
    # With the first directory: it is large.
    from ldap3.core.exceptions import LDAPException

    try:
        with _connected(server) as connection:
            return [list(_found(connection, one, page_size)) for one in searches]
    except (LDAPException, OSError, ValueError) as error:
        said = str(error) or type(error).__name__
        raise LdapUnread(f"{server.host}:{server.port}: {said[:500]}") from error


@contextlib.contextmanager
def _connected(server: LdapServer) -> Iterator[Any]:
    import ldap3

    tls = ldap3.Tls(
        validate=ssl.CERT_REQUIRED,
        version=ssl.PROTOCOL_TLS_CLIENT,
        ca_certs_data=server.authority or None,
        valid_names=[server.host],
        sni=server.host,
    )
    there = ldap3.Server(
        server.address,
        port=server.port,
        use_ssl=server.tls,
        tls=tls,
        get_info=ldap3.NONE,
        connect_timeout=TIMEOUT_S,
    )
    connection = ldap3.Connection(
        there,
        user=server.username or None,
        password=server.password or None,
        authentication=ldap3.SIMPLE if server.username else ldap3.ANONYMOUS,
        read_only=True,
        raise_exceptions=True,
        receive_timeout=TIMEOUT_S,
        # A referral is an address that nobody here has allowed.
        auto_referrals=False,
    )
    try:
        connection.open()
        if server.start_tls:
            connection.start_tls()
        connection.bind()
        yield connection
    finally:
        connection.unbind()


def _found(connection: Any, search: LdapSearch, page_size: int) -> Iterator[LdapEntry]:
    import ldap3

    found = connection.extend.standard.paged_search(
        search.base,
        search.filter,
        search_scope=ldap3.SUBTREE if search.subtree else ldap3.LEVEL,
        attributes=[name for name in search.attributes if name],
        paged_size=page_size,
        generator=True,
    )
    count = 0
    for one in found:
        if one.get("type") != "searchResEntry":
            continue
        count += 1
        if count > ENTRIES_MAX:
            raise ValueError(f"{search.base} has more than {ENTRIES_MAX} entries")
        yield LdapEntry(one["dn"], _texts(one["raw_attributes"]))


def _texts(raw: Mapping[str, Sequence[bytes]]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for name, values in raw.items():
        for value in values:
            with contextlib.suppress(UnicodeDecodeError):
                texts.setdefault(name.partition(";")[0].lower(), []).append(value.decode())
    return texts
