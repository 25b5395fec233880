"""What the platform needs of identity: one-time links, sessions, tokens, and who they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from towpath.machinery.users import UserInfo

ACCOUNTS = "people.identity.towpath.dev"
"""What the audit trail calls them; the API has no such kind."""


class UnknownPerson(Exception):
    """Nobody has that name; `str()` says which."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A session or a token that somebody holds. `id` names it and opens nothing."""

    id: str
    kind: str
    """`session` or `token`."""
    label: str
    created_s: float
    expires_s: float


class IdentityProvider(Protocol):
    async def authenticate(self, token: str) -> UserInfo | None:
        """Who a personal token stands for."""
        ...

    async def issue_link(self, person: str) -> str:
        """A secret that signs in once, within minutes. Raises UnknownPerson."""
        ...

    async def redeem_link(self, secret: str) -> UserInfo | None: ...

    async def issue_token(self, user: UserInfo, label: str) -> str: ...

    async def open_session(self, user: UserInfo, label: str) -> str: ...

    async def session(self, secret: str) -> UserInfo | None: ...

    async def close_session(self, secret: str) -> None: ...

    async def names(self) -> Sequence[str]: ...

    async def people(self) -> Sequence[UserInfo]:
        """Everybody who is known, with their groups."""
        ...


class BadAccount(Exception):
    """An account cannot be made or changed so; `str()` says what is wrong and what would do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person that the platform knows by itself."""

    name: str
    display_name: str = ""
    email: str = ""
    groups: tuple[str, ...] = ()
    is_active: bool = True
    joined_s: float = 0.0
    is_permanent: bool = False
    """The platform's own administrator: cannot be deactivated, nor lose their groups."""


class Accounts(Protocol):
    """The people themselves, for whoever looks after them."""

    async def accounts(
        self, *, text: str = "", after: str = "", limit: int = 100
    ) -> Sequence[Account]:
        """In the order of their names, those after a name, whose name or address holds a text."""
        ...

    async def account(self, name: str) -> Account | None: ...

    async def add_account(self, account: Account) -> None:
        """Raises BadAccount, for a name that is taken too."""
        ...

    async def set_groups(self, name: str, groups: Sequence[str]) -> None:
        """Raises UnknownPerson, BadAccount."""
        ...

    async def deactivate(self, name: str) -> None:
        """End all that the person holds, and let nothing new begin. Raises as set_groups does."""
        ...

    async def activate(self, name: str) -> None: ...


class Holdings(Protocol):
    """What people hold, for them to see and to end."""

    async def issued(self, user: UserInfo) -> Sequence[Issued]:
        """The sessions and tokens of that person that still open something, newest first."""
        ...

    async def revoke(self, user: UserInfo, issued_id: str) -> bool:
        """Whether that person held it; it opens nothing from now on."""
        ...

    def id_of(self, secret: str) -> str:
        """The id under which `issued` lists it."""
        ...
