"""Looking after people: who may, what it does, and that it is on record.

Whoever may sign in as anybody may say who there is: the right is `impersonate` on users and groups,
as for making sign-in links. Every change is in the audit trail.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from towpath.engines.identity.port import ACCOUNTS, Account, Accounts
from towpath.machinery.errors import Forbidden
from towpath.machinery.users import MASTERS, AccessRequest, Authorize, UserInfo
from towpath.records.contract import AuditEntry, AuditTrail


class Links(Protocol):
    async def issue_link(self, person: str) -> str:
        """A secret that signs in once. Raises UnknownPerson."""
        ...


class Directory(Accounts, Links, Protocol):
    """engines.identity, as far as people are looked after here."""


@dataclass(frozen=True, slots=True)
class People:
    """The directory, for those who may change it. Raises Forbidden for others."""

    directory: Directory
    authorize: Authorize
    audit: AuditTrail

    async def may_change(self, user: UserInfo) -> bool:
        if MASTERS in user.groups:
            return True
        for resource in ("users", "groups"):
            if not await self.authorize(user, AccessRequest("impersonate", "", resource)):
                return False
        return True

    async def check(self, user: UserInfo) -> None:
        if not await self.may_change(user):
            raise Forbidden(
                "only administrators of the platform see and change people; ask one of them for a "
                "sign-in link or an account"
            )

    async def list(
        self, user: UserInfo, *, text: str = "", after: str = "", limit: int = 100
    ) -> Sequence[Account]:
        await self.check(user)
        return await self.directory.accounts(text=text, after=after, limit=limit)

    async def get(self, user: UserInfo, name: str) -> Account | None:
        await self.check(user)
        return await self.directory.account(name)

    async def add(self, user: UserInfo, account: Account) -> str:
        """The secret of a link that signs the new person in. Raises BadAccount."""
        await self.check(user)
        await self.directory.add_account(account)
        await self._record(user, "create", account.name, groups=list(account.groups))
        return await self.directory.issue_link(account.name)

    async def link(self, user: UserInfo, name: str) -> str:
        """Raises UnknownPerson, of who is deactivated too."""
        await self.check(user)
        secret = await self.directory.issue_link(name)
        await self._record(user, "impersonate", name)
        return secret

    async def set_groups(self, user: UserInfo, name: str, groups: Sequence[str]) -> None:
        """Raises UnknownPerson, BadAccount."""
        await self.check(user)
        await self.directory.set_groups(name, groups)
        await self._record(user, "update", name, groups=list(groups))

    async def deactivate(self, user: UserInfo, name: str) -> None:
        """Raises UnknownPerson, BadAccount."""
        await self.check(user)
        await self.directory.deactivate(name)
        await self._record(user, "deactivate", name)

    async def activate(self, user: UserInfo, name: str) -> None:
        """Raises UnknownPerson, BadAccount."""
        await self.check(user)
        await self.directory.activate(name)
        await self._record(user, "activate", name)

    async def _record(self, user: UserInfo, verb: str, name: str, **detail: object) -> None:
        entry = AuditEntry(
            id=uuid.uuid4().hex,
            time_s=time.time(),
            cluster="",
            user=user.name,
            verb=verb,
            resource=ACCOUNTS,
            namespace="",
            name=name,
            project="",
            detail=dict(detail),
        )
        await self.audit.append([entry])
