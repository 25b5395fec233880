"""What the portal needs of identity: links that sign in once, sessions, and who a token is."""

from collections.abc import Sequence
from typing import Protocol

from towpath.engines.identity.port import Issued
from towpath.machinery.users import UserInfo


class Identity(Protocol):
    async def redeem_link(self, secret: str) -> UserInfo | None:
        """Who a one-time sign-in link was made for; the link works once."""
        ...

    async def open_session(self, user: UserInfo, label: str) -> str:
        """A new session's secret, for the cookie; the label says where it is."""
        ...

    async def session(self, secret: str) -> UserInfo | None: ...

    async def close_session(self, secret: str) -> None: ...

    async def issue_token(self, user: UserInfo, label: str) -> str:
        """A personal token; nobody can read it again."""
        ...

    async def issued(self, user: UserInfo) -> Sequence[Issued]:
        """What the person holds: sessions and tokens."""
        ...

    async def revoke(self, user: UserInfo, issued_id: str) -> bool: ...

    def id_of(self, secret: str) -> str: ...
