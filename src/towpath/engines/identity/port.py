"""What the platform needs of identity: one-time links, sessions, tokens, and who they stand for."""

from collections.abc import Sequence
from typing import Protocol

from towpath.machinery.users import UserInfo


class UnknownPerson(Exception):
    """Nobody has that name; `str()` says which."""


class IdentityProvider(Protocol):
    async def authenticate(self, token: str) -> UserInfo | None:
        """Who a personal token stands for."""
        ...

    async def issue_link(self, person: str) -> str:
        """A secret that signs in once, within minutes. Raises UnknownPerson."""
        ...

    async def redeem_link(self, secret: str) -> UserInfo | None: ...

    async def issue_token(self, user: UserInfo, label: str) -> str: ...

    async def open_session(self, user: UserInfo) -> str: ...

    async def session(self, secret: str) -> UserInfo | None: ...

    async def close_session(self, secret: str) -> None: ...

    async def names(self) -> Sequence[str]: ...
