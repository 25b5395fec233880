"""The SecretStore in a target namespace: reads the project's connection Secrets from this API.

It holds a token of an account that can read Secrets of the project's namespace and nothing else.
The token is renewed in the second half of its life.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from towpath.capabilities.delivery.environments.kinds import (
    EXTERNAL_SECRETS_ACCOUNT,
    SECRET_STORE,
)
from towpath.capabilities.delivery.environments.target import Target
from towpath.capabilities.governance.projects.kinds import namespace_of
from towpath.hooks.platform import Addresses, TokenIssuer
from towpath.machinery.conditions import timestamp
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, annotations_of
from towpath.runtime.outcomes import Waiting

SECRET_STORES = Resource("external-secrets.io", "v1", "SecretStore", "secretstores")

TOKEN_LIFE = timedelta(days=7)
RENEW_AFTER_ANNOTATION = "towpath.dev/renew-after"
TOKEN_SECRET = "towpath-secret-store"  # noqa: S105 - the name of an object
TOKEN_KEY = "token"  # noqa: S105 - the name of a field


@dataclass(frozen=True, slots=True)
class SecretStore:
    issue_token: TokenIssuer
    addresses: Addresses
    ca_file: Path

    async def make(self, target: Target) -> None:
        if await self._needs_token(target):
            await self._renew_token(target)
        try:
            await target.apply(SECRET_STORES, self._store(target))
        except NotFound:
            raise Waiting(
                "SecretStoreNotServed",
                "The environment's cluster does not serve external-secrets.io/v1 SecretStore yet.",
                after_s=2,
            ) from None

    async def _needs_token(self, target: Target) -> bool:
        try:
            secret = await target.client.get(SECRET, TOKEN_SECRET, target.namespace)
        except NotFound:
            return True
        # Times of one form and zone compare as text.
        return annotations_of(secret).get(RENEW_AFTER_ANNOTATION, "") <= timestamp(
            datetime.now(UTC)
        )

    async def _renew_token(self, target: Target) -> None:
        try:
            token = await self.issue_token(
                namespace_of(target.project_name),
                EXTERNAL_SECRETS_ACCOUNT,
                ttl_s=int(TOKEN_LIFE.total_seconds()),
            )
        except NotFound:
            raise Waiting(
                "ProjectNotReady",
                f"Project {target.project_name} has not made its accounts yet.",
                after_s=0.2,
            ) from None
        secret = SECRET.object(
            TOKEN_SECRET,
            target.namespace,
            type="Opaque",
            data={TOKEN_KEY: base64.b64encode(token.encode()).decode()},
        )
        renew_after = timestamp(datetime.now(UTC) + TOKEN_LIFE / 2)
        secret["metadata"]["annotations"] = {RENEW_AFTER_ANNOTATION: renew_after}
        await target.apply(SECRET, secret)

    def _store(self, target: Target) -> RawObject:
        authority = base64.b64encode(self.ca_file.read_bytes()).decode()
        return SECRET_STORES.object(
            SECRET_STORE,
            target.namespace,
            spec={
                "provider": {
                    "kubernetes": {
                        "remoteNamespace": namespace_of(target.project_name),
                        "server": {"url": self.addresses.api(), "caBundle": authority},
                        "auth": {
                            "token": {"bearerToken": {"name": TOKEN_SECRET, "key": TOKEN_KEY}}
                        },
                    }
                }
            },
        )
