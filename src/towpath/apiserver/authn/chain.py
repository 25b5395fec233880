"""Headers in, a user out: each authenticator in turn, then impersonation.

Order: client certificate, the administrator's token, service account tokens, whatever else the
platform accepts (personal tokens). Wrong credentials are an error even where none are needed.
"""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from towpath.apiserver.authz.denials import forbidden
from towpath.machinery.errors import BadRequest, Unauthorized
from towpath.machinery.users import (
    AUTHENTICATED,
    MASTERS,
    AccessRequest,
    Authenticate,
    Authorize,
    UserInfo,
    service_account,
)

ANONYMOUS = UserInfo(name="system:anonymous", groups=("system:unauthenticated",))
ADMINISTRATOR = UserInfo(name="admin", groups=("platform-admins", MASTERS, AUTHENTICATED))
AUTHENTICATION_GROUP = "authentication.k8s.io"
SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class RequestAuthenticator:
    """Who a request comes from, impersonation applied. Raises Unauthorized, Forbidden."""

    authorize: Authorize
    admin_token: str = ""
    bearer: Sequence[Authenticate] = ()

    async def __call__(self, headers: Headers, client_certificate: Any = None) -> UserInfo:
        """ANONYMOUS when there are no credentials: the caller decides where that is enough."""
        authorization = ""
        impersonates = False
        for name, value in headers:
            if name == b"authorization":
                authorization = value.decode("latin-1")
            elif name.startswith(b"impersonate-"):
                impersonates = True
        user = await self._authenticated(authorization, client_certificate)
        if not impersonates:
            return user
        if user is ANONYMOUS:
            raise Unauthorized("Unauthorized")
        return await self._impersonated(user, headers)

    async def authenticate_token(self, token: str) -> UserInfo | None:
        """The user of a bearer token, None when nobody knows it."""
        if self.admin_token and hmac.compare_digest(token.encode(), self.admin_token.encode()):
            return ADMINISTRATOR
        for authenticate in self.bearer:
            user = await authenticate(token)
            if user is not None:
                return user
        return None

    async def _authenticated(self, authorization: str, client_certificate: Any) -> UserInfo:
        if client_certificate:
            return user_of_certificate(client_certificate)
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        user = (
            await self.authenticate_token(token) if scheme.lower() == "bearer" and token else None
        )
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
            name = value
        elif header == b"impersonate-uid":
            uid = value
        elif header == b"impersonate-group":
            groups.append(value)
        elif header.startswith(b"impersonate-extra-"):
            key = unquote(header[len(b"impersonate-extra-") :].decode("latin-1"))
            extra[key] = (*extra.get(key, ()), value)
    if not name:
        raise BadRequest("requested impersonation of groups, uid or extra without a user")
    return UserInfo(name=name, groups=tuple(groups), uid=uid, extra=extra)


def _impersonation_requests(wanted: UserInfo) -> Iterable[AccessRequest]:
    """The questions to the authoriser, one for each attribute."""
    if wanted.name.startswith(SERVICE_ACCOUNT_PREFIX):
        namespace, _, name = wanted.name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
        yield AccessRequest("impersonate", "", "serviceaccounts", namespace, name)
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


def _completed(wanted: UserInfo) -> UserInfo:
    """With the groups that authentication itself would have added."""
    groups = wanted.groups
    if wanted.name.startswith(SERVICE_ACCOUNT_PREFIX) and not groups:
        namespace, _, name = wanted.name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
        groups = service_account(namespace, name).groups
    if wanted.name != ANONYMOUS.name and AUTHENTICATED not in groups:
        groups = (*groups, AUTHENTICATED)
    return UserInfo(name=wanted.name, groups=groups, uid=wanted.uid, extra=wanted.extra)
