"""Who asks: the identity that authentication finds and every later decision uses.

A person's username is the name of their Backstage User, a group the name of their Backstage Group.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct, field

AUTHENTICATED = "system:authenticated"
MASTERS = "system:masters"
SERVICE_ACCOUNTS = "system:serviceaccounts"


class UserInfo(Struct, frozen=True):
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)


class AccessRequest(Struct, frozen=True):
    """One question to the authoriser, in the words of a SubjectAccessReview."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    path: str = ""
    """For a URL that is not a resource, as in `/metrics`; group and resource are then ""."""


class TokenRefused(Exception):
    """A token that an authenticator knows for its own, and that is no good; `str()` says why.

    The reason is for logs and for who may review tokens, never for whoever sent it.
    """


Authenticate = Callable[[str], Awaitable[UserInfo | None]]
"""A bearer token in, who that is out; None when nobody. May raise TokenRefused."""

Authorize = Callable[[UserInfo, AccessRequest], Awaitable[bool]]


def service_account(namespace: str, name: str) -> UserInfo:
    """The identity of a ServiceAccount, as Kubernetes names it."""
    return UserInfo(
        name=f"system:serviceaccount:{namespace}:{name}",
        groups=(SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}", AUTHENTICATED),
    )


PLATFORM = UserInfo(
    name="system:serviceaccount:towpath-system:towpath",
    groups=(MASTERS, SERVICE_ACCOUNTS, AUTHENTICATED),
)
"""The platform's own controllers."""
