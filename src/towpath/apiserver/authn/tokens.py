"""Tokens of service accounts: JWTs that the server signs with its own ES256 key and checks itself.

Claims are those of Kubernetes' bound tokens. Each API server has its own issuer, so that a token
of the platform opens no cluster. A token is worth nothing once its ServiceAccount, or the Pod that
it is bound to, is gone or was made anew: that is looked up, and remembered for a few seconds.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from towpath.apiserver.calls import Target, Verbs
from towpath.machinery.core_kinds import POD, SECRET, SERVICE_ACCOUNT
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM, UserInfo, service_account

BINDABLE = {"Pod": POD, "Secret": SECRET}

ALGORITHM = "ES256"
TTL_S_MIN = 600
TTL_S_MAX = 365 * 24 * 3600
REMEMBERED_S = 10.0
REMEMBERED_MAX = 4096


@dataclass(frozen=True, slots=True)
class IssuedToken:
    token: str
    expires_at: int
    """Seconds since the epoch."""


class ServiceAccountTokens:
    """Issues and verifies. Usable as hooks.platform.TokenIssuer, and `verify` as Authenticate."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, verbs: Verbs, *, issuer: str) -> None:
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._key = ECKey.import_key(pem)
        self._key.ensure_kid()
        self._verbs = verbs
        self._remembered: dict[bytes, tuple[float, UserInfo]] = {}
        self.issuer = issuer

    async def __call__(self, namespace: str, name: str, *, ttl_s: int) -> str:
        """A token for this server's own audience. Raises NotFound without the ServiceAccount."""
        account = await self._object(SERVICE_ACCOUNT, namespace, name)
        return self.issue(account, ttl_s=ttl_s).token

    def issue(
        self,
        account: RawObject,
        *,
        ttl_s: int,
        audiences: Sequence[str] = (),
        bound: RawObject | None = None,
    ) -> IssuedToken:
        """`bound` is a Pod or Secret with whose end the token ends."""
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
            "jti": secrets.token_hex(16),
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
            "kubernetes.io": about,
        }
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": self._key.kid}
        return IssuedToken(
            jws.serialize_compact(header, orjson.dumps(claims), self._key), claims["exp"]
        )

    async def verify(self, token: str) -> UserInfo | None:
        return await self.verify_for(token, (self.issuer,))

    async def verify_for(self, token: str, audiences: Sequence[str]) -> UserInfo | None:
        """The service account that the token is of, None when it is not good for any audience."""
        if token.count(".") != 2:
            return None
        digest = hashlib.sha256("\n".join((token, *audiences)).encode()).digest()
        now = asyncio.get_running_loop().time()
        known = self._remembered.get(digest)
        if known is not None and known[0] > now:
            return known[1]
        claims = self._claims(token, audiences)
        if claims is None or not await self._still_stands(claims["kubernetes.io"]):
            return None
        user = _user_of(claims)
        if len(self._remembered) >= REMEMBERED_MAX:
            self._remembered.clear()
        lifetime_s = min(REMEMBERED_S, claims["exp"] - time.time())
        self._remembered[digest] = (now + lifetime_s, user)
        return user

    def _claims(self, token: str, audiences: Sequence[str]) -> dict[str, Any] | None:
        try:
            verified = jws.deserialize_compact(token, self._key, algorithms=[ALGORITHM])
            claims: dict[str, Any] = orjson.loads(verified.payload)
        except (JoseError, ValueError):
            return None
        now = time.time()
        if claims.get("iss") != self.issuer or "kubernetes.io" not in claims:
            return None
        if not claims.get("nbf", 0) <= now + 1 or not now < claims.get("exp", 0):
            return None
        if not set(claims.get("aud") or ()) & set(audiences):
            return None
        return claims

    async def _still_stands(self, about: RawObject) -> bool:
        namespace = about["namespace"]
        parts = [(SERVICE_ACCOUNT, about["serviceaccount"])]
        parts += [
            (BINDABLE[kind], about[kind.lower()]) for kind in BINDABLE if kind.lower() in about
        ]
        for resource, identity in parts:
            try:
                obj = await self._object(resource, namespace, identity["name"])
            except NotFound:
                return False
            if obj["metadata"]["uid"] != identity["uid"]:
                return False
        return True

    async def _object(self, resource: Resource, namespace: str, name: str) -> RawObject:
        found = await self._verbs.get(PLATFORM, Target(resource, namespace, name))
        obj: RawObject = orjson.loads(found)
        return obj


def _user_of(claims: dict[str, Any]) -> UserInfo:
    about = claims["kubernetes.io"]
    account = about["serviceaccount"]
    user = service_account(about["namespace"], account["name"])
    extra: dict[str, tuple[str, ...]] = {
        "authentication.kubernetes.io/credential-id": (f"JTI={claims['jti']}",)
    }
    if pod := about.get("pod"):
        extra["authentication.kubernetes.io/pod-name"] = (pod["name"],)
        extra["authentication.kubernetes.io/pod-uid"] = (pod["uid"],)
    return UserInfo(name=user.name, groups=user.groups, uid=account["uid"], extra=extra)
