"""Tokens of service accounts: JWTs that the server signs with its own ES256 key and checks itself.

Claims are those of Kubernetes' bound tokens. Each API server has its own issuer, so that a token
of the platform opens no cluster. A token is worth nothing once its ServiceAccount, or the Pod,
Secret or Node that it is bound to, is gone or was made anew: that is looked up every time; only
the signature is remembered. Tokens kept in Secrets (`kubernetes.io/service-account-token`) have
no end and are good as long as their Secret holds them.
"""

import base64
import hashlib
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import Struct

from towpath.apiserver.registry import collection_of
from towpath.machinery.core_kinds import NODE, POD, SECRET, SERVICE_ACCOUNT
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import TokenRefused, UserInfo, service_account
from towpath.store.contract import StateReader

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

BINDABLE = {"Pod": POD, "Secret": SECRET, "Node": NODE}

ALGORITHM = "ES256"
CLOCK_SET_BACK_S = 60.0
"""By so much the clock may be corrected without making the tokens of the last minute invalid."""
TTL_S_MIN = 600
TTL_S_MAX = 365 * 24 * 3600
REMEMBERED_MAX = 4096
AT_ONCE = timedelta(0)
DELETED_FOR_MAX = timedelta(seconds=60)
"""How long a deletion of a bound object may be under way before its tokens end."""
LEGACY_ISSUER = "kubernetes/serviceaccount"
LEGACY = f"{LEGACY_ISSUER}/"
CREDENTIAL = "authentication.kubernetes.io/credential-id"


Slot = tuple[str, str]
"""Where an object is stored: its collection and key."""


class IssuedToken(Struct, frozen=True):
    token: str
    expires_at: int
    """Seconds since the epoch."""


class _Bound(Struct, frozen=True):
    """An object that a token ends with."""

    resource: Resource
    slot: Slot
    uid: str
    outlives: timedelta
    """How long the token is good after the object's deletion has begun."""


class _Known(Struct, frozen=True):
    """A token whose signature was good."""

    claims: dict[str, Any]
    audiences: frozenset[str] = frozenset()
    bound: tuple[_Bound, ...] = ()
    user: UserInfo | None = None
    """Of all but those that are kept in Secrets."""


class ServiceAccountTokens:
    """Issues and verifies. Usable as hooks.platform.TokenIssuer, and `verify` as Authenticate."""

    def __init__(self, key_file: Path, store: StateReader, *, issuer: str) -> None:
        self._key_file = key_file
        self._store = store
        self._remembered: dict[bytes, _Known] = {}
        self._decoded: dict[Slot, tuple[bytes, RawObject]] = {}
        self.issuer = issuer

    @cached_property
    def _key(self) -> "ECKey":
        # Made with the first token: the start waits for nothing that it does not need.
        from joserfc.jwk import ECKey

        key = ECKey.import_key(self._key_file.read_bytes())
        key.ensure_kid()
        return key

    @property
    def keys(self) -> RawObject:
        """The public keys, as a JSON Web Key Set."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "use": "sig", "alg": ALGORITHM}]}

    async def __call__(self, namespace: str, name: str, *, ttl_s: int) -> str:
        """A token for this server's own audience. Raises NotFound without the ServiceAccount."""
        account = self._object(_slot(SERVICE_ACCOUNT, namespace, name))
        if account is None:
            raise NotFound(f'serviceaccounts "{name}" not found')
        return self.issue(account, ttl_s=ttl_s).token

    def issue(
        self,
        account: RawObject,
        *,
        ttl_s: int,
        audiences: Sequence[str] = (),
        bound: RawObject | None = None,
    ) -> IssuedToken:
        """`bound` is a Pod, Secret or Node with whose end the token ends."""
        metadata = account["metadata"]
        now = int(time.time())
        about: RawObject = {
            "namespace": metadata["namespace"],
            "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
        }
        if bound is not None:
            identity = {"name": bound["metadata"]["name"], "uid": bound["metadata"]["uid"]}
            about[bound["kind"].lower()] = identity
        claims: RawObject = {
            "aud": list(audiences) or [self.issuer],
            "exp": now + ttl_s,
            "iat": now,
            "nbf": now,
            "iss": self.issuer,
            "jti": str(uuid.uuid4()),
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
            "kubernetes.io": about,
        }
        return IssuedToken(self._signed(claims), claims["exp"])

    def issue_for_secret(self, account: RawObject, secret: RawObject) -> str:
        """The token that a Secret of type kubernetes.io/service-account-token holds."""
        metadata = account["metadata"]
        claims = {
            "iss": LEGACY_ISSUER,
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
            f"{LEGACY}namespace": metadata["namespace"],
            f"{LEGACY}secret.name": secret["metadata"]["name"],
            f"{LEGACY}service-account.name": metadata["name"],
            f"{LEGACY}service-account.uid": metadata["uid"],
        }
        return self._signed(claims)

    def _signed(self, claims: RawObject) -> str:
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": self._key.kid}
        from joserfc import jws

        return jws.serialize_compact(header, orjson.dumps(claims), self._key)

    async def verify(self, token: str) -> UserInfo | None:
        """Raises TokenRefused."""
        return await self.verify_for(token, (self.issuer,))

    async def verify_for(self, token: str, audiences: Sequence[str]) -> UserInfo | None:
        """The service account that the token is of, None when this server has not signed it.

        Raises TokenRefused when it has, and the token is not good for any of the audiences.
        """
        known = self._known(token)
        if known is None:
            return None
        claims = known.claims
        if claims["iss"] == LEGACY_ISSUER:
            return self._of_secret(token, claims)
        now = time.time()
        if not now < claims["exp"]:
            raise TokenRefused("service account token has expired")
        if claims["nbf"] > now + CLOCK_SET_BACK_S:
            raise TokenRefused("service account token is not valid yet")
        if known.audiences.isdisjoint(audiences):
            raise TokenRefused(
                f"token audiences {quoted(claims['aud'])} is invalid for the target audiences "
                f"{quoted(audiences)}"
            )
        for bound in known.bound:
            self._require(bound)
        return known.user

    def audiences_of(self, token: str) -> tuple[str, ...]:
        """Whom a token that was verified is for."""
        known = self._known(token)
        audiences = known.claims.get("aud") if known is not None else None
        return tuple(audiences or (self.issuer,))

    def _known(self, token: str) -> "_Known | None":
        """What the token says, if this server has signed it."""
        if token.count(".") != 2:
            return None
        digest = hashlib.sha256(token.encode()).digest()
        if (known := self._remembered.get(digest)) is not None:
            return known
        from joserfc import jws
        from joserfc.errors import JoseError

        try:
            verified = jws.deserialize_compact(token, self._key, algorithms=[ALGORITHM])
            claims: dict[str, Any] = orjson.loads(verified.payload)
        except (JoseError, ValueError):
            return None
        if claims.get("iss") not in (self.issuer, LEGACY_ISSUER):
            return None
        if len(self._remembered) >= REMEMBERED_MAX:
            self._remembered.clear()
        known = self._remembered[digest] = _known_by(claims)
        return known

    def _require(self, bound: "_Bound") -> None:
        obj = self._object(bound.slot)
        metadata = obj["metadata"] if obj is not None else {}
        deleted, uid = metadata.get("deletionTimestamp"), metadata.get("uid")
        if uid and uid != bound.uid and bound.resource is SERVICE_ACCOUNT:
            raise TokenRefused(f"service account UID ({uid}) does not match claim ({bound.uid})")
        if uid != bound.uid or (deleted and _is_past(deleted, bound.outlives)):
            raise TokenRefused("service account token has been invalidated")

    def _of_secret(self, token: str, claims: RawObject) -> UserInfo:
        namespace = claims[f"{LEGACY}namespace"]
        name = claims[f"{LEGACY}service-account.name"]
        uid = claims[f"{LEGACY}service-account.uid"]
        self._require(_bound_to(SERVICE_ACCOUNT, namespace, name, uid, AT_ONCE))
        secret_name = claims[f"{LEGACY}secret.name"]
        secret = self._object(_slot(SECRET, namespace, secret_name))
        held = base64.b64encode(token.encode()).decode()
        if (
            secret is None
            or "deletionTimestamp" in secret["metadata"]
            or (secret.get("data") or {}).get("token") != held
        ):
            raise TokenRefused("service account token has been invalidated")
        user = service_account(namespace, name)
        return UserInfo(name=user.name, groups=user.groups, uid=uid)

    def _object(self, slot: Slot) -> RawObject | None:
        """Not to be changed: it is decoded once and kept for as long as it stays what it is."""
        found = self._store.get(*slot)
        if found is None:
            return None
        known = self._decoded.get(slot)
        if known is None or known[0] is not found.value:
            if len(self._decoded) >= REMEMBERED_MAX:
                self._decoded.clear()
            known = self._decoded[slot] = (found.value, orjson.loads(found.value))
        return known[1]


def quoted(texts: Sequence[str]) -> str:
    """A list of Go strings, as `%q` writes it."""
    return "[" + " ".join(orjson.dumps(text).decode() for text in texts) + "]"


def _is_past(timestamp: str, by: timedelta) -> bool:
    return datetime.fromisoformat(timestamp) <= datetime.now(UTC) - by


def _known_by(claims: dict[str, Any]) -> _Known:
    if claims["iss"] == LEGACY_ISSUER:
        return _Known(claims)
    bound = tuple(_bound_by(claims["kubernetes.io"]))
    return _Known(claims, frozenset(claims["aud"]), bound, _user_of(claims))


def _bound_by(about: RawObject) -> Iterator[_Bound]:
    namespace, account = about["namespace"], about["serviceaccount"]
    yield _bound_to(SERVICE_ACCOUNT, namespace, account["name"], account["uid"], AT_ONCE)
    for kind, resource in BINDABLE.items():
        # A pod's token names its node only to say where it runs.
        if kind == "Node" and "pod" in about:
            continue
        if (identity := about.get(kind.lower())) is not None:
            name, uid = identity["name"], identity["uid"]
            yield _bound_to(resource, namespace, name, uid, DELETED_FOR_MAX)


def _bound_to(
    resource: Resource, namespace: str, name: str, uid: str, outlives: timedelta
) -> _Bound:
    return _Bound(resource, _slot(resource, namespace, name), uid, outlives)


def _slot(resource: Resource, namespace: str, name: str) -> Slot:
    key = f"{namespace}/{name}" if resource.namespaced else name
    return collection_of(resource.group, resource.plural), key


def _user_of(claims: dict[str, Any]) -> UserInfo:
    about = claims["kubernetes.io"]
    account = about["serviceaccount"]
    user = service_account(about["namespace"], account["name"])
    extra: dict[str, tuple[str, ...]] = {CREDENTIAL: (f"JTI={claims['jti']}",)}
    for kind in ("node", "pod"):
        if identity := about.get(kind):
            extra[f"authentication.kubernetes.io/{kind}-name"] = (identity["name"],)
            if identity.get("uid"):
                extra[f"authentication.kubernetes.io/{kind}-uid"] = (identity["uid"],)
    return UserInfo(name=user.name, groups=user.groups, uid=account["uid"], extra=extra)
