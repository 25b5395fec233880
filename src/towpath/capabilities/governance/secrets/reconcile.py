"""An ExternalSecret becomes a Secret beside it, and stays equal to what the store says.

Steps: read the store, then write the target. A value that the store does not have yet is waited
for; when the store is the platform's own API, the arrival of the Secret wakes us at once.
"""

import asyncio
import base64
from collections.abc import Sequence
from datetime import UTC, datetime

from towpath.capabilities.governance.secrets.kinds import EXTERNAL_SECRET
from towpath.capabilities.governance.secrets.stores import (
    RETRY_S,
    Connect,
    KeyMissing,
    Store,
    StoreAddress,
    open_store,
)
from towpath.capabilities.governance.secrets.templating import TemplateError, render
from towpath.client.kubeconfig import Connection
from towpath.client.kubernetes import KubernetesClient
from towpath.client.protocols import Client, Reader
from towpath.hooks.platform import Platform
from towpath.machinery.conditions import now
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.durations import parse_duration
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, RawObject, key_of, owner_reference
from towpath.runtime.controller import Controller, Reconcile
from towpath.runtime.informer import Informer
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.sources import Enqueue, Running, owner_keys
from towpath.runtime.steps import Subject, stepwise

MANAGER = "external-secrets"


def cluster_controllers(
    platform: Platform, cluster: str, cluster_client: Client
) -> Sequence[Controller]:
    informer = Informer(cluster_client, EXTERNAL_SECRET)
    targets = Informer(cluster_client, SECRET)
    connections = _Connections()
    return [
        Controller(
            f"externalsecrets-{cluster}",
            reconcile_external_secrets(cluster_client, connections.connect),
            [
                connections,
                Running(informer),
                Running(targets, owner_keys(EXTERNAL_SECRET)),
                _Arrivals(platform.api, informer),
            ],
        )
    ]


class _Connections:
    """One client for each store address, kept as long as the controller runs.

    A source without keys: that is how it learns when to close.
    """

    def __init__(self) -> None:
        self._known: dict[StoreAddress, KubernetesClient] = {}

    def connect(self, address: StoreAddress) -> Reader:
        if address not in self._known:
            connection = Connection(address.url, address.token, address.ca.decode())
            self._known[address] = KubernetesClient(connection, manager=MANAGER)
        return self._known[address]

    async def run(self, enqueue: Enqueue) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for client in self._known.values():
                await client.aclose()
            self._known.clear()


class _Arrivals:
    """Wakes the ExternalSecrets that read a Secret of the platform's API when it changes.

    A hint only: what is read is decided by the store's own credentials.
    """

    def __init__(self, api: Client, external_secrets: Informer) -> None:
        self._secrets = Informer(api, SECRET)
        self._external_secrets = external_secrets

    async def run(self, enqueue: Enqueue) -> None:
        def wake(secret: RawObject) -> None:
            name = secret["metadata"]["name"]
            for one in self._external_secrets.list():
                if name in _remote_keys(one):
                    enqueue(key_of(one))

        self._secrets.subscribe(wake)
        await self._secrets.run()


def _remote_keys(external_secret: RawObject) -> set[str]:
    spec = external_secret["spec"]
    keys = {entry["remoteRef"]["key"] for entry in spec.get("data") or ()}
    return keys | {
        entry["extract"]["key"] for entry in spec.get("dataFrom") or () if "extract" in entry
    }


def reconcile_external_secrets(client: Client, connect: Connect) -> Reconcile:
    async def sync(subject: Subject) -> None:
        spec = subject.spec
        if _is_done(subject.obj):
            return
        store = await open_store(
            client, spec.get("secretStoreRef") or {}, subject.key.namespace, connect
        )
        try:
            values = await _read(store, spec)
        except KeyMissing as missing:
            await _value_gone(client, subject)
            raise Waiting(
                "SecretSyncedError", f"{missing}.".capitalize(), after_s=RETRY_S
            ) from None
        changed = await _write(client, subject, values)
        if changed or _is_due(subject.obj):
            # Written only then: a status that changes by itself would wake us for ever.
            subject.status["refreshTime"] = now()
        subject.status["binding"] = {"name": _target_name(subject.obj)}

    reconcile = stepwise(
        client,
        EXTERNAL_SECRET,
        [sync],
        ready_reason="SecretSynced",
        ready_message="Secret was synced",
    )

    async def again_after_interval(key: Key) -> float | None:
        again_s = await reconcile(key)
        if again_s is not None:
            return again_s
        try:
            current = await client.get(EXTERNAL_SECRET, key.name, key.namespace)
        except NotFound:
            return None
        return _interval_s(current["spec"]) or None

    return again_after_interval


def _interval_s(spec: RawObject) -> float:
    """Seconds between refreshes; 0 where the policy or the interval says: once."""
    if spec.get("refreshPolicy") in ("CreatedOnce", "OnChange"):
        return 0.0
    return parse_duration(spec.get("refreshInterval", "1h0m0s"))


def _is_done(external_secret: RawObject) -> bool:
    """Created once means: never read again after the first success."""
    spec = external_secret["spec"]
    once = (
        spec.get("refreshPolicy") == "CreatedOnce"
        or parse_duration(spec.get("refreshInterval", "1h0m0s")) == 0
    )
    return once and "refreshTime" in (external_secret.get("status") or {})


def _is_due(external_secret: RawObject) -> bool:
    refreshed = (external_secret.get("status") or {}).get("refreshTime")
    if refreshed is None:
        return True
    age = datetime.now(UTC) - datetime.fromisoformat(refreshed)
    interval_s = _interval_s(external_secret["spec"])
    return bool(interval_s) and age.total_seconds() >= interval_s


def _target_name(external_secret: RawObject) -> str:
    target = external_secret["spec"].get("target") or {}
    return str(target.get("name") or external_secret["metadata"]["name"])


async def _read(store: Store, spec: RawObject) -> dict[str, bytes]:
    values: dict[str, bytes] = {}
    for entry in spec.get("dataFrom") or ():
        if "extract" not in entry:
            raise Stalled(
                "NotImplemented", "dataFrom supports extract only; find and sourceRef do not work."
            )
        values.update(await store.values(entry["extract"]["key"]))
    for entry in spec.get("data") or ():
        values[entry["secretKey"]] = await store.value(entry["remoteRef"])
    return values


async def _write(client: Client, subject: Subject, values: dict[str, bytes]) -> bool:
    """Whether the target has changed by it."""
    target = subject.spec.get("target") or {}
    policy = target.get("creationPolicy", "Owner")
    if policy == "None":
        return False
    template = target.get("template") or {}
    secret = SECRET.object(
        _target_name(subject.obj),
        subject.key.namespace,
        type=template.get("type", "Opaque"),
        data=_encoded(_templated(template, values)),
    )
    secret["metadata"].update(template.get("metadata") or {})
    if policy == "Merge":
        await _require_target(client, subject)
    if policy == "Owner":
        secret["metadata"]["ownerReferences"] = [owner_reference(subject.obj)]
    if target.get("immutable"):
        secret["immutable"] = True
    before = await _version(client, _target_name(subject.obj), subject.key.namespace)
    written = await client.apply(SECRET, secret, manager=MANAGER, force=True)
    return bool(written["metadata"]["resourceVersion"] != before)


async def _version(client: Client, name: str, namespace: str) -> str:
    try:
        current = await client.get(SECRET, name, namespace)
    except NotFound:
        return ""
    version: str = current["metadata"]["resourceVersion"]
    return version


async def _require_target(client: Client, subject: Subject) -> None:
    name = _target_name(subject.obj)
    try:
        await client.get(SECRET, name, subject.key.namespace)
    except NotFound:
        raise Waiting(
            "SecretMissing",
            f"Secret {name!r} does not exist, and creationPolicy is Merge; create it.",
            after_s=RETRY_S,
        ) from None


def _templated(template: RawObject, values: dict[str, bytes]) -> dict[str, bytes]:
    if not template.get("data"):
        return values
    try:
        texts = {name: value.decode() for name, value in values.items()}
        made = {name: render(text, texts).encode() for name, text in template["data"].items()}
    except (TemplateError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, TemplateError) else "a value is not text"
        raise Stalled("TemplateFailed", f"The target template failed: {reason}.") from error
    return {**values, **made} if template.get("mergePolicy") == "Merge" else made


def _encoded(values: dict[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(value).decode() for name, value in values.items()}


async def _value_gone(client: Client, subject: Subject) -> None:
    """The store has no such value: the deletion policy decides about the Secret."""
    target = subject.spec.get("target") or {}
    if target.get("deletionPolicy", "Retain") != "Delete" or not subject.spec.get("data"):
        return
    try:
        await client.delete(SECRET, _target_name(subject.obj), subject.key.namespace)
    except NotFound:
        return
