"""A Role object, its role in the server, and the Secret with which one connects as it.

The password is written to the Secret before the server learns it: a crash in between loses nothing.
"""

import base64
import hashlib
import secrets

from towpath.capabilities.infrastructure.databases.kinds import ROLE
from towpath.capabilities.infrastructure.databases.reconcile.servers import (
    FINALIZER,
    RETRY_S,
    Servers,
    external_name,
    may,
    taken,
)
from towpath.client.protocols import Client
from towpath.engines.databases.port import ServerAddress
from towpath.engines.databases.postgresql import InUse, Mark, PostgresServer, RoleState
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject, owner_reference
from towpath.runtime.controller import Reconcile
from towpath.runtime.outcomes import Waiting
from towpath.runtime.steps import Subject, stepwise

MANAGER = "provider-sql"
SECRET_TYPE = "connection.crossplane.io/v1alpha1"  # noqa: S105 - a type, not a secret
UNLIMITED = -1


def reconcile_roles(api: Client, servers: Servers) -> Reconcile:
    async def converge(subject: Subject) -> None:
        server, address = await servers.of(subject)
        name = external_name(subject.obj)
        state = await server.role(name)
        if state is not None and (state.mark is None or state.mark.owner_uid != subject.uid):
            raise taken("Role", name)
        password = await _password(api, subject)
        await _publish(api, subject, address, name, password)
        await _put(server, subject, name, password, state)
        subject.mark("Synced", True, "ReconcileSuccess")

    async def drop(subject: Subject) -> None:
        if not may(subject, "Delete"):
            return
        server, _ = await servers.of(subject)
        try:
            await server.drop_role(external_name(subject.obj), owner_uid=subject.uid)
        except InUse as in_use:
            raise Waiting("InUse", f"The role cannot go yet: {in_use}", after_s=RETRY_S) from in_use

    return stepwise(
        api, ROLE, [converge], finalizer=FINALIZER, release=[drop], ready_reason="Available"
    )


async def _password(api: Client, subject: Subject) -> str:
    """The one that was given, the one that was made before, or a new one."""
    given = subject.spec["forProvider"].get("passwordSecretRef")
    if given:
        password = await _secret_value(api, subject.key.namespace, given["name"], given["key"])
        if password is None:
            raise Waiting(
                "WaitingForPassword",
                f"Secret {given['name']!r} has no key {given['key']!r} yet.",
                after_s=5,
            )
        return password
    target = subject.spec.get("writeConnectionSecretToRef")
    known = None
    if target:
        known = await _secret_value(api, subject.key.namespace, target["name"], "password")
    return known or secrets.token_urlsafe(24)


async def _secret_value(api: Client, namespace: str, name: str, key: str) -> str | None:
    try:
        secret = await api.get(SECRET, name, namespace)
    except NotFound:
        return None
    value = (secret.get("data") or {}).get(key)
    return base64.b64decode(value).decode() if value else None


async def _publish(
    api: Client, subject: Subject, address: ServerAddress, name: str, password: str
) -> None:
    target = subject.spec.get("writeConnectionSecretToRef")
    if not target:
        return
    details = {
        "endpoint": address.host,
        "port": str(address.port),
        "username": name,
        "password": password,
    }
    secret = SECRET.object(
        target["name"],
        subject.key.namespace,
        type=SECRET_TYPE,
        data={key: base64.b64encode(value.encode()).decode() for key, value in details.items()},
    )
    secret["metadata"]["ownerReferences"] = [owner_reference(subject.obj)]
    await api.apply(SECRET, secret, manager=MANAGER, force=True)


async def _put(
    server: PostgresServer, subject: Subject, name: str, password: str, state: RoleState | None
) -> None:
    parameters: RawObject = subject.spec["forProvider"]
    privileges = {key: bool(on) for key, on in (parameters.get("privileges") or {}).items()}
    limit = parameters.get("connectionLimit", UNLIMITED)
    mark = Mark(subject.uid, hashlib.sha256(password.encode()).hexdigest()[:16])
    if state is not None:
        same = all(state.privileges[key] == on for key, on in privileges.items())
        if same and state.mark == mark and state.connection_limit == limit:
            return
    if not may(subject, "Update" if state else "Create"):
        return
    await server.put_role(
        name,
        exists=state is not None,
        password=password,
        mark=mark,
        privileges=privileges,
        connection_limit=limit,
    )
