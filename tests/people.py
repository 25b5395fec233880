"""Who may what, for tests of engines that ask: a table of rights instead of an API server."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from towpath.machinery.users import AccessRequest, UserInfo


@dataclass
class People:
    """Tokens are `token-<name>`; rights are (name, verb, resource) or everything for a name."""

    rights: set[tuple[str, str, str]] = field(default_factory=set)
    asked: list[tuple[str, AccessRequest]] = field(default_factory=list)

    async def authenticate(self, token: str) -> UserInfo | None:
        return UserInfo(token.removeprefix("token-")) if token.startswith("token-") else None

    async def authorize(self, user: UserInfo, question: AccessRequest) -> bool:
        self.asked.append((user.name, question))
        return (user.name, question.verb, question.resource) in self.rights


async def nobody() -> Sequence[UserInfo]:
    """A platform that knows no people."""
    return ()


async def holds_nothing(_: str) -> bool:
    """Whoever it is has no account there."""
    return False
