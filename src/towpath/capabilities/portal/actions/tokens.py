"""Tokens by which a service reports on one run and on nothing else.

A token is made from the run's uid and a key of the platform's, so that a restart gives the same
one and nothing is kept of it. It is worth something as long as the run goes on.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from towpath.client.protocols import Client
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import AlreadyExists, NotFound

KEY_SECRET = "towpath-action-reports"  # noqa: S105 - the name of an object
PREFIX = "twr_"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class RunTokens:
    api: Client

    async def token(self, uid: str) -> str:
        digest = hmac.digest(await self._key(), f"action-run:{uid}".encode(), hashlib.sha256)
        return PREFIX + base64.urlsafe_b64encode(digest).decode().rstrip("=")

    async def is_of(self, token: str, uid: str) -> bool:
        return hmac.compare_digest(token.encode(), (await self.token(uid)).encode())

    async def _key(self) -> bytes:
        try:
            found = await self.api.get(SECRET, KEY_SECRET, SYSTEM_NAMESPACE)
        except NotFound:
            fresh = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
            secret = SECRET.object(KEY_SECRET, SYSTEM_NAMESPACE, data={"key": fresh})
            try:
                found = await self.api.create(SECRET, secret)
            except AlreadyExists:
                found = await self.api.get(SECRET, KEY_SECRET, SYSTEM_NAMESPACE)
        return base64.b64decode(found["data"]["key"])
