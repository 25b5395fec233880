"""Which server a managed resource lives in, by its ProviderConfig; and what all of them share."""

import base64
from dataclasses import dataclass

from towpath.capabilities.infrastructure.databases.kinds import (
    CLUSTER_PROVIDER_CONFIG,
    EXTERNAL_NAME,
    PROVIDER_CONFIG,
)
from towpath.client.protocols import Client
from towpath.engines.databases.port import ServerAddress
from towpath.engines.databases.postgresql import PostgresServer
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, annotations_of
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.steps import Subject

FINALIZER = "finalizer.managedresource.crossplane.io"
NAME_LENGTH_MAX = 63
RETRY_S = 0.1


@dataclass(frozen=True, slots=True)
class _Settings:
    address: ServerAddress
    ssl_mode: str
    database: str


class Servers:
    """One connection pool for each server in use; a changed secret makes a new one."""

    def __init__(self, api: Client) -> None:
        self._api = api
        self._pools: dict[_Settings, PostgresServer] = {}

    async def of(self, subject: Subject) -> tuple[PostgresServer, ServerAddress]:
        """Raises Waiting while the ProviderConfig or its Secret is not there."""
        settings = await self._settings(subject)
        if settings not in self._pools:
            self._pools[settings] = PostgresServer(
                settings.address, ssl_mode=settings.ssl_mode, database=settings.database
            )
        return self._pools[settings], settings.address

    async def _settings(self, subject: Subject) -> _Settings:
        reference = subject.spec["providerConfigRef"]
        if reference["kind"] == "ClusterProviderConfig":
            resource, namespace = CLUSTER_PROVIDER_CONFIG, ""
        else:
            resource, namespace = PROVIDER_CONFIG, subject.key.namespace
        config = await self._get(resource, reference["name"], namespace)
        secret_reference = config["spec"]["credentials"].get("connectionSecretRef")
        if not secret_reference:
            raise Stalled(
                "InvalidProviderConfig",
                f"{reference['kind']} {reference['name']!r} names no "
                "spec.credentials.connectionSecretRef; add one.",
            )
        secret = await self._get(
            SECRET, secret_reference["name"], secret_reference.get("namespace") or namespace
        )
        data = {
            key: base64.b64decode(value).decode()
            for key, value in (secret.get("data") or {}).items()
        }
        address = ServerAddress(
            data["endpoint"], int(data["port"]), data["username"], data["password"]
        )
        return _Settings(address, config["spec"]["sslMode"], config["spec"]["defaultDatabase"])

    async def _get(self, resource: Resource, name: str, namespace: str) -> RawObject:
        try:
            return await self._api.get(resource, name, namespace)
        except NotFound:
            raise Waiting(
                "ProviderNotConfigured",
                f"{resource.kind} {name!r} does not exist; create it.",
                after_s=5,
            ) from None


def external_name(obj: RawObject) -> str:
    """The name in the server: the annotation, else the object's own name. Raises Stalled."""
    name = annotations_of(obj).get(EXTERNAL_NAME) or obj["metadata"]["name"]
    if len(name.encode()) > NAME_LENGTH_MAX:
        raise Stalled(
            "NameTooLong",
            f"{name!r} is longer than PostgreSQL's {NAME_LENGTH_MAX} bytes; set a shorter "
            f"annotation {EXTERNAL_NAME}.",
        )
    return str(name)


def may(subject: Subject, action: str) -> bool:
    """Whether the object's managementPolicies allow Create, Update or Delete."""
    policies = subject.spec.get("managementPolicies") or ["*"]
    return "*" in policies or action in policies


def taken(kind: str, name: str) -> Stalled:
    return Stalled(
        "NameTaken",
        f"{kind} {name!r} exists in the server and was not made by this object; "
        f"set another annotation {EXTERNAL_NAME}.",
    )
