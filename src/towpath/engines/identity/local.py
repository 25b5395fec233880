"""Local accounts: people that the platform knows by itself, without a password anywhere."""

import asyncio
import hashlib
import logging
import math
import re
import secrets
import time
from collections.abc import AsyncGenerator, Collection, Sequence

from towpath.engines.identity.port import Account, BadAccount, Issued, UnknownPerson
from towpath.machinery.errors import TooManyRequests
from towpath.machinery.users import AUTHENTICATED, UserInfo
from towpath.records.identity import Credential, Person, SqliteIdentityTable

log = logging.getLogger(__name__)

NAMES_TOLD = 20
LINK_S = 15 * 60
SESSION_S = 12 * 60 * 60
TOKEN_S = 90 * 24 * 60 * 60
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
"""Of people and groups: they are names in the catalogue and in RBAC; no colon, so that nobody can
be called like a part of the platform, as `system:masters`."""
WORDS_CHARACTERS_MAX = 200
TOKEN_PREFIX = "twp_"  # noqa: S105 - by this, scanners find a token that has leaked
WRONG_LINKS_MAX = 30
WRONG_LINK_FORGOTTEN_S = 2.0


class LocalIdentity:
    """IdentityProvider over the records. Secrets are handed out once and kept as digests."""

    def __init__(self, table: SqliteIdentityTable, *, permanent: Collection[str] = ()) -> None:
        """`permanent` people can always sign in, or nobody might be left who can let others in."""
        self._table = table
        self._permanent = frozenset(permanent)
        self._guessing = _Guessing()
        self._watching: set[asyncio.Event] = set()

    async def authenticate(self, token: str) -> UserInfo | None:
        if not token.startswith(TOKEN_PREFIX):
            return None
        return await self._user(await self._table.find(_digest(token), "token", now_s=_now_s()))

    async def issue_link(self, person: str) -> str:
        if await self._table.groups_of(person) is None:
            raise UnknownPerson(await self._why_nobody(person))
        await self._table.remove_expired(_now_s())
        return await self._issue(person, "link", "sign-in link", LINK_S)

    async def redeem_link(self, secret: str) -> UserInfo | None:
        """Raises TooManyRequests while somebody is guessing."""
        self._guessing.check()
        user = await self._user(await self._table.take(_digest(secret), "link", now_s=_now_s()))
        if user is None:
            self._guessing.wrong()
        return user

    async def issue_token(self, user: UserInfo, label: str) -> str:
        return await self._issue(user.name, "token", label, TOKEN_S, prefix=TOKEN_PREFIX)

    async def open_session(self, user: UserInfo, label: str) -> str:
        return await self._issue(user.name, "session", label, SESSION_S)

    async def session(self, secret: str) -> UserInfo | None:
        return await self._user(await self._table.find(_digest(secret), "session", now_s=_now_s()))

    async def close_session(self, secret: str) -> None:
        await self._table.remove(_digest(secret))

    async def names(self) -> Sequence[str]:
        return [one.name for one in await self._table.people() if one.deactivated_s is None]

    async def people(self) -> Sequence[UserInfo]:
        known = await self._table.people()
        return [
            UserInfo(one.name, (*one.groups, AUTHENTICATED))
            for one in known
            if one.deactivated_s is None
        ]

    async def changes(self) -> AsyncGenerator[None]:
        """At once, and after every change of who there is and of their groups."""
        changed = asyncio.Event()
        changed.set()
        self._watching.add(changed)
        try:
            while True:
                await changed.wait()
                changed.clear()
                yield
        finally:
            self._watching.discard(changed)

    async def issued(self, user: UserInfo) -> Sequence[Issued]:
        held = await self._table.held_by(user.name, ("session", "token"), now_s=_now_s())
        return [
            Issued(one.digest, one.kind, one.label, one.created_s, one.expires_s) for one in held
        ]

    async def revoke(self, user: UserInfo, issued_id: str) -> bool:
        return await self._table.remove_of(user.name, issued_id)

    def id_of(self, secret: str) -> str:
        return _digest(secret)

    async def accounts(
        self, *, text: str = "", after: str = "", limit: int = 100
    ) -> Sequence[Account]:
        found = await self._table.people(text=text, after=after, limit=limit)
        return [self._account(person) for person in found]

    async def account(self, name: str) -> Account | None:
        person = await self._table.person(name)
        return self._account(person) if person else None

    async def add_account(self, account: Account) -> None:
        _check_name("a person", account.name)
        _check_groups(account.groups)
        for text in (account.display_name, account.email):
            if len(text) > WORDS_CHARACTERS_MAX or not text.isprintable():
                raise BadAccount(f"{text[:40]!r} is too long or holds what cannot be printed.")
        person = Person(account.name, account.display_name, account.email, account.groups, _now_s())
        if not await self._table.put_people([person]):
            raise BadAccount(f"There is somebody called {account.name} already.")
        self._changed()

    async def set_groups(self, name: str, groups: Sequence[str]) -> None:
        await self._changeable(name)
        _check_groups(groups)
        await self._table.set_groups(name, groups)
        self._changed()

    async def deactivate(self, name: str) -> None:
        await self._changeable(name)
        await self._table.deactivate(name, now_s=_now_s())
        self._changed()

    async def sign_out(self, name: str) -> bool:
        """End all that the person holds; the account stays. Whether there was anything.

        Who is permanent keeps theirs: nobody but the machine's owner has let them in.
        """
        return name not in self._permanent and await self._table.remove_all_of(name)

    async def activate(self, name: str) -> None:
        await self._changeable(name)
        await self._table.activate(name)
        self._changed()

    def noticed(self) -> None:
        """Whoever follows `changes` looks again: there is somebody who has no account."""
        self._changed()

    def _changed(self) -> None:
        for watching in self._watching:
            watching.set()

    async def _changeable(self, name: str) -> None:
        if await self._table.person(name) is None:
            raise UnknownPerson(await self._why_nobody(name))
        if name in self._permanent:
            raise BadAccount(
                f"{name} is the platform's own administrator and stays as it is: somebody must "
                "always be able to sign in."
            )

    async def _why_nobody(self, name: str) -> str:
        if await self._table.person(name) is not None:
            return f"{name} has been deactivated; activate the account first."
        some = ", ".join(person.name for person in await self._table.people(limit=NAMES_TOLD))
        return f"Nobody is called {name!r}; there are: {some}."

    def _account(self, person: Person) -> Account:
        return Account(
            name=person.name,
            display_name=person.display_name,
            email=person.email,
            groups=person.groups,
            is_active=person.deactivated_s is None,
            joined_s=person.joined_s,
            is_permanent=person.name in self._permanent,
        )

    async def _issue(
        self, person: str, kind: str, label: str, life_s: float, *, prefix: str = ""
    ) -> str:
        secret = prefix + secrets.token_urlsafe(32)
        now_s = _now_s()
        credential = Credential(_digest(secret), person, kind, label, now_s, now_s + life_s)
        await self._table.add(credential)
        return secret

    async def _user(self, person: str | None) -> UserInfo | None:
        if person is None:
            return None
        groups = await self._table.groups_of(person)
        return None if groups is None else UserInfo(person, (*groups, AUTHENTICATED))


class _Guessing:
    """How many links were wrong lately, over all who ask: addresses of loopback tell nobody apart.

    A secret of 256 bits needs no such limit; the log and the person who reads it do.
    """

    def __init__(self) -> None:
        self._wrong = 0.0
        self._at_s = time.monotonic()

    def check(self) -> None:
        now_s = time.monotonic()
        self._wrong = max(0.0, self._wrong - (now_s - self._at_s) / WRONG_LINK_FORGOTTEN_S)
        self._at_s = now_s
        if self._wrong >= WRONG_LINKS_MAX:
            log.warning("sign-in links are being guessed")
            raise TooManyRequests(
                "Too many wrong sign-in links; wait a moment, then try again. "
                "Your link is still good.",
                retry_after_s=math.ceil(WRONG_LINK_FORGOTTEN_S),
            )

    def wrong(self) -> None:
        self._wrong += 1


def _check_name(whose: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise BadAccount(
            f"{name[:80]!r} is no name for {whose}: 1 to 63 lower-case letters, digits, dots, "
            "dashes and underscores, a letter or digit at both ends."
        )


def _check_groups(groups: Sequence[str]) -> None:
    for group in groups:
        _check_name("a group", group)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now_s() -> float:
    return time.time()
