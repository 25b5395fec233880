"""Headers in, a user out: each authenticator in turn, then impersonation.

Order: client certificate, the administrator's token, service account tokens, whatever else the
platform accepts (personal tokens, tokens of OIDC providers). Wrong credentials are an error even
where none are needed; who has none is `system:anonymous`, and may what roles allow it.
"""

import hmac
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from towpath.apiserver.authn.tokens import ServiceAccountTokens
from towpath.apiserver.authz.denials import forbidden
from towpath.machinery.errors import BadRequest, Unauthorized
from towpath.machinery.users import (
    AUTHENTICATED,
    MASTERS,
    AccessRequest,
    Authenticate,
    Authorize,
    TokenRefused,
    UserInfo,
    service_account,
)

ANONYMOUS = UserInfo(name="system:anonymous", groups=("system:unauthenticated",))
ADMINISTRATOR = UserInfo(name="admin", groups=("platform-admins", MASTERS, AUTHENTICATED))
AUTHENTICATION_GROUP = "authentication.k8s.io"
SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"

log = logging.getLogger(__name__)

Headers = Iterable[tuple[bytes, bytes]]


class Reviewed(Struct, frozen=True):
    """What a TokenReview is answered: `user` None when nobody takes the token, and why not."""

    user: UserInfo | None
    audiences: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class RequestAuthenticator(Struct, frozen=True):
    """Who a request comes from, impersonation applied. Raises Unauthorized, Forbidden."""

    authorize: Authorize
    admin_token: str = ""
    tokens: ServiceAccountTokens | None = None
    bearer: Sequence[Authenticate] = ()
    anonymous_at: Callable[[str], bool] = lambda _path: True
    """Whether somebody without credentials is heard at a path."""

    async def __call__(self, headers: Headers, client_certificate: Any = None) -> UserInfo:
        """ANONYMOUS when there are no credentials: the caller decides where that is enough."""
        return (await self.identify(headers, client_certificate))[0]

    async def identify(
        self, headers: Headers, client_certificate: Any = None
    ) -> tuple[UserInfo, UserInfo | None]:
        """As whom a request acts, and who impersonates them, if anybody does."""
        authorization = ""
        impersonates = False
        for name, value in headers:
            if name == b"authorization":
                # Of several the first counts, there too: a proxy puts its own in front.
                authorization = authorization or value.decode("latin-1")
            elif name.startswith(b"impersonate-"):
                impersonates = True
        user = await self._authenticated(authorization, client_certificate)
        if not impersonates:
            return user, None
        return await self._impersonated(user, headers), user

    async def authenticate_token(self, token: str) -> UserInfo | None:
        """The user of a bearer token, None when nobody knows it."""
        if self._is_administrator(token):
            return ADMINISTRATOR
        first: tuple[Authenticate, ...] = () if self.tokens is None else (self.tokens.verify,)
        for authenticate in (*first, *self.bearer):
            try:
                user = await authenticate(token)
            except TokenRefused as refusal:
                # Whoever sent it is told no more than that it is no good.
                log.debug("token refused", extra={"reason": str(refusal)})
                continue
            if user is not None:
                return user
        return None

    async def review(self, token: str, audiences: Sequence[str]) -> Reviewed:
        """Who a token is, for any of the audiences; for this server when none are asked about.

        Tokens of this server's accounts name their audiences, all others are for this server.
        """
        assert self.tokens is not None
        reasons: list[str] = []
        issuer = self.tokens.issuer
        wanted = tuple(audiences) or (issuer,)
        try:
            user = await self.tokens.verify_for(token, wanted)
        except TokenRefused as refusal:
            return Reviewed(None, reasons=(str(refusal),))
        if user is not None:
            meant = set(self.tokens.audiences_of(token))
            return Reviewed(user, tuple(one for one in wanted if one in meant))
        if issuer in wanted:
            if self._is_administrator(token):
                return Reviewed(ADMINISTRATOR, (issuer,))
            for authenticate in self.bearer:
                try:
                    user = await authenticate(token)
                except TokenRefused as refusal:
                    reasons.append(str(refusal))
                    continue
                if user is not None:
                    return Reviewed(user, (issuer,))
        return Reviewed(None, reasons=tuple(reasons))

    def _is_administrator(self, token: str) -> bool:
        return bool(self.admin_token) and hmac.compare_digest(
            token.encode(), self.admin_token.encode()
        )

    async def _authenticated(self, authorization: str, client_certificate: Any) -> UserInfo:
        if client_certificate:
            return user_of_certificate(client_certificate)
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return ANONYMOUS  # as there: other schemes are no credentials here
        user = await self.authenticate_token(token)
        if user is None:
            raise Unauthorized("Unauthorized")
        return user

    async def _impersonated(self, user: UserInfo, headers: Headers) -> UserInfo:
        wanted = _wanted_user(headers)
        for request in _impersonation_requests(wanted):
            if MASTERS not in user.groups and not await self.authorize(user, request):
                raise forbidden(user, request)
        return _completed(wanted)


def user_of_certificate(certificate: Any) -> UserInfo:
    """Common name and organisations of a verified certificate, as Kubernetes reads them."""
    fields = [pair for relative_name in certificate.get("subject", ()) for pair in relative_name]
    names = [value for name, value in fields if name == "commonName"]
    if not names:
        raise Unauthorized("Unauthorized")
    groups = [value for name, value in fields if name == "organizationName"]
    return UserInfo(name=names[0], groups=(*groups, AUTHENTICATED))


def _wanted_user(headers: Headers) -> UserInfo:
    name, uid = "", ""
    groups: list[str] = []
    extra: dict[str, tuple[str, ...]] = {}
    for header, raw in headers:
        value = raw.decode("utf-8", "replace")
        if header == b"impersonate-user":
            name = name or value
        elif header == b"impersonate-uid":
            uid = uid or value
        elif header == b"impersonate-group":
            groups.append(value)
        elif header.startswith(b"impersonate-extra-"):
            key = unquote(header[len(b"impersonate-extra-") :].decode("latin-1"))
            extra[key] = (*extra.get(key, ()), value)
    if not name:
        asked = [f"{{Group  {group}    }}" for group in groups]
        asked += [f"{{UID  {uid}  {AUTHENTICATION_GROUP}/v1  }}"] if uid else []
        asked += [
            f"{{UserExtra  {value}  {AUTHENTICATION_GROUP}/v1  {key}}}"
            for key, values in extra.items()
            for value in values
        ]
        raise BadRequest(f"requested [{' '.join(asked)}] without impersonating a user")
    return UserInfo(name=name, groups=tuple(groups), uid=uid, extra=extra)


def _impersonation_requests(wanted: UserInfo) -> Iterable[AccessRequest]:
    """The questions to the authoriser, one for each attribute."""
    if account := _account_of(wanted.name):
        yield AccessRequest("impersonate", "", "serviceaccounts", *account)
    else:
        yield AccessRequest("impersonate", "", "users", name=wanted.name)
    for group in wanted.groups:
        yield AccessRequest("impersonate", "", "groups", name=group)
    if wanted.uid:
        yield AccessRequest("impersonate", AUTHENTICATION_GROUP, "uids", name=wanted.uid)
    for key, values in wanted.extra.items():
        for value in values:
            yield AccessRequest(
                "impersonate", AUTHENTICATION_GROUP, "userextras", name=value, subresource=key
            )


def _account_of(user: str) -> tuple[str, str] | None:
    """Namespace and name of the service account that a user name is of."""
    parts = user.removeprefix(SERVICE_ACCOUNT_PREFIX).split(":")
    if not user.startswith(SERVICE_ACCOUNT_PREFIX) or len(parts) != 2 or not all(parts):
        return None
    return parts[0], parts[1]


def _completed(wanted: UserInfo) -> UserInfo:
    """With the groups that authentication itself would have added."""
    groups = wanted.groups
    if (account := _account_of(wanted.name)) and not groups:
        groups = service_account(*account).groups
    if wanted.name != ANONYMOUS.name and AUTHENTICATED not in groups:
        groups = (*groups, AUTHENTICATED)
    return UserInfo(name=wanted.name, groups=groups, uid=wanted.uid, extra=wanted.extra)
