"""The provider configuration of the PostgreSQL server that the platform itself brings."""

import base64
from urllib.parse import unquote, urlsplit

from towpath.capabilities.infrastructure.databases.kinds import CLUSTER_PROVIDER_CONFIG
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.objects import RawObject

SECRET_NAME = "postgresql-administrator"  # noqa: S105 - the name of a Secret


def provider_objects(database_url: str) -> list[RawObject]:
    """The Secret and the ClusterProviderConfig `default` for a server's administrator URL."""
    url = urlsplit(database_url)
    details = {
        "endpoint": url.hostname or "",
        "port": str(url.port or 5432),
        "username": unquote(url.username or ""),
        "password": unquote(url.password or ""),
    }
    secret = SECRET.object(
        SECRET_NAME,
        SYSTEM_NAMESPACE,
        data={key: base64.b64encode(value.encode()).decode() for key, value in details.items()},
    )
    config = CLUSTER_PROVIDER_CONFIG.object(
        "default",
        spec={
            "credentials": {
                "source": "PostgreSQLConnectionSecret",
                "connectionSecretRef": {"name": SECRET_NAME, "namespace": SYSTEM_NAMESPACE},
            },
            # The embedded server listens on loopback only and has no certificate.
            "sslMode": "disable",
        },
    )
    return [secret, config]
