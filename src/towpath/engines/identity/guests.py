"""People of an identity provider: they have no account here, and are known since they came.

Each is noted with their groups when they come by a token, once a day at most. Who has not come for
long is known no more: nothing else tells the platform that somebody has left their company. SCIM
and LDAP do, and sooner.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from towpath.machinery.users import Authenticate, UserInfo
from towpath.records.contract import RecordsUnavailable
from towpath.records.provisioned_contract import (
    NameTaken,
    Provisioned,
    ProvisionedPeople,
    StaleVersion,
)

log = logging.getLogger(__name__)

SOURCE = "oidc"
DAY_S = 86_400.0
KNOWN_DAYS = 90


@dataclass(slots=True)
class Guests:
    vouches: Authenticate
    """Who a provider's token stands for."""
    table: ProvisionedPeople
    noticed: Callable[[], None]
    """Called when there is somebody new, or somebody is in other groups."""
    now_s: Callable[[], float] = time.time
    _noted: dict[str, tuple[tuple[str, ...], int]] = field(default_factory=dict)

    async def authenticate(self, token: str) -> UserInfo | None:
        user = await self.vouches(token)
        if user is not None:
            try:
                await self._note(user)
            except (NameTaken, StaleVersion, RecordsUnavailable):
                # Somebody else of the same moment has noted them, or the next request does.
                log.info("a guest was not noted", extra={"user": user.name})
        return user

    async def people(self) -> Sequence[UserInfo]:
        since = self._today() - KNOWN_DAYS
        return [
            UserInfo(one.content["name"], tuple(one.content["groups"]))
            for one in await self.table.all(SOURCE, "User")
            if one.content["day"] >= since
        ]

    async def _note(self, user: UserInfo) -> None:
        state = (user.groups, self._today())
        if self._noted.get(user.name) == state:
            return
        content = {"name": user.name, "groups": list(user.groups), "day": state[1]}
        found = await self.table.find(SOURCE, "User", "name", user.name)
        if found:
            known = found[0]
            changed = Provisioned("User", known.id, user.name, "", content)
            await self.table.change(SOURCE, changed, seen=known.version)
            is_news = known.content["groups"] != content["groups"] or self._is_forgotten(known)
        else:
            await self.table.add(SOURCE, Provisioned("User", "", user.name, "", content))
            is_news = True
        self._noted[user.name] = state
        if is_news:
            self.noticed()

    def _is_forgotten(self, known: Provisioned) -> bool:
        return bool(known.content["day"] < self._today() - KNOWN_DAYS)

    def _today(self) -> int:
        return int(self.now_s() // DAY_S)
