"""Reading from a store. One provider so far: Kubernetes, which is any API server's Secrets."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from towpath.capabilities.governance.secrets.kinds import SECRET_STORE
from towpath.client.protocols import Client, Reader
from towpath.machinery.core_kinds import CONFIG_MAP, SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.runtime.outcomes import Stalled, Waiting

RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a Kubernetes store is, and as whom it is read."""

    url: str
    ca: bytes
    token: str


Connect = Callable[[StoreAddress], Reader]


class KeyMissing(Exception):
    """The store answered, and it does not have that key or property."""


@dataclass(frozen=True, slots=True)
class Store:
    """One SecretStore, ready to be read."""

    reader: Reader
    namespace: str

    async def values(self, key: str) -> dict[str, bytes]:
        """All of one remote Secret. Raises KeyMissing; other errors mean "not known"."""
        try:
            secret = await self.reader.get(SECRET, key, self.namespace)
        except NotFound as error:
            raise KeyMissing(f"the store has no Secret {key!r} in {self.namespace!r}") from error
        data = secret.get("data") or {}
        return {name: base64.b64decode(value) for name, value in data.items()}

    async def value(self, remote: RawObject) -> bytes:
        """One value, decoded as the reference asks."""
        values = await self.values(remote["key"])
        name = remote.get("property")
        if not name:
            raise Stalled(
                "InvalidReference",
                f"remoteRef.property is missing for key {remote['key']!r}; name one of its keys.",
            )
        if name not in values:
            raise KeyMissing(f"the Secret {remote['key']!r} has no key {name!r}")
        return _decode(values[name], remote.get("decodingStrategy", "None"))


def _decode(value: bytes, strategy: str) -> bytes:
    decoders = {"Base64": base64.b64decode, "Base64URL": base64.urlsafe_b64decode}
    if strategy == "None":
        return value
    if strategy in decoders:
        return decoders[strategy](value)
    for decoder in decoders.values():
        try:
            return decoder(value)
        except (binascii.Error, ValueError):
            continue  # Auto: what is not base64 is the value itself.
    return value


async def open_store(
    client: Client, reference: RawObject, namespace: str, connect: Connect
) -> Store:
    """The store that an ExternalSecret names, seen from its namespace."""
    kind, name = reference.get("kind", "SecretStore"), reference.get("name", "")
    if kind != "SecretStore":
        raise Stalled("NotImplemented", f"{kind} is not implemented here; use a SecretStore.")
    try:
        store = await client.get(SECRET_STORE, name, namespace)
    except NotFound:
        raise Waiting(
            "SecretStoreMissing",
            f"SecretStore {name!r} does not exist in {namespace!r}; create it.",
            after_s=RETRY_S,
        ) from None
    provider = store["spec"]["provider"]
    if "kubernetes" not in provider:
        raise Stalled(
            "NotImplemented",
            f"The provider {next(iter(provider))!r} of SecretStore {name!r} is not implemented "
            "here; implemented is kubernetes.",
        )
    address = await _address(client, provider["kubernetes"], namespace)
    return Store(connect(address), provider["kubernetes"].get("remoteNamespace", "default"))


async def _address(client: Client, provider: RawObject, namespace: str) -> StoreAddress:
    server = provider.get("server") or {}
    token = ((provider.get("auth") or {}).get("token") or {}).get("bearerToken") or {}
    if not token.get("name"):
        raise Stalled(
            "InvalidStore", "spec.provider.kubernetes.auth.token.bearerToken.name is missing."
        )
    return StoreAddress(
        server.get("url", ""),
        await _ca(client, server, namespace),
        (await _key(client, SECRET, token["name"], token.get("key", "token"), namespace)).decode(),
    )


async def _ca(client: Client, server: RawObject, namespace: str) -> bytes:
    if bundle := server.get("caBundle"):
        return base64.b64decode(bundle)
    provider = server.get("caProvider")
    if not provider:
        return b""
    resource = SECRET if provider["type"] == "Secret" else CONFIG_MAP
    return await _key(client, resource, provider["name"], provider.get("key", "ca.crt"), namespace)


async def _key(client: Client, resource: Resource, name: str, key: str, namespace: str) -> bytes:
    try:
        obj = await client.get(resource, name, namespace)
        value: str = obj["data"][key]
    except (NotFound, KeyError):
        raise Waiting(
            "StoreCredentialsMissing",
            f"{resource.kind} {name!r} with the key {key!r} does not exist in {namespace!r}.",
            after_s=RETRY_S,
        ) from None
    return base64.b64decode(value) if resource is SECRET else value.encode()
