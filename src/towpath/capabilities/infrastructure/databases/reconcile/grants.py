"""A Grant object: privileges of a role on a database. It waits for both."""

import contextlib

from towpath.capabilities.infrastructure.databases.kinds import DATABASE, GRANT, ROLE
from towpath.capabilities.infrastructure.databases.reconcile.servers import (
    FINALIZER,
    RETRY_S,
    Servers,
    external_name,
    may,
)
from towpath.client.protocols import Client
from towpath.engines.databases.postgresql import (
    DatabaseMissing,
    PostgresServer,
    RoleMissing,
)
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.runtime.controller import Reconcile
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.steps import Subject, stepwise


def reconcile_grants(api: Client, servers: Servers) -> Reconcile:
    async def converge(subject: Subject) -> None:
        parameters = subject.spec["forProvider"]
        server, _ = await servers.of(subject)
        role = await _resolve(api, subject, ROLE, "role")
        database = await _resolve(api, subject, DATABASE, "database")
        await _wait_for_both(server, role, database)
        privileges = parameters.get("privileges") or ["ALL"]
        revoke_public = bool(parameters.get("revokePublicOnDb"))
        checked = ["CONNECT", "CREATE", "TEMPORARY"] if privileges == ["ALL"] else privileges
        done = await server.granted(role, database, checked) and (
            not revoke_public or await server.public_is_revoked(database)
        )
        if not done and may(subject, "Create"):
            await server.grant(role, database, privileges, revoke_public=revoke_public)
        subject.mark("Synced", True, "ReconcileSuccess")

    async def revoke(subject: Subject) -> None:
        if not may(subject, "Delete"):
            return
        server, _ = await servers.of(subject)
        try:
            role = await _resolve(api, subject, ROLE, "role")
            database = await _resolve(api, subject, DATABASE, "database")
        except Waiting:
            return
        privileges = subject.spec["forProvider"].get("privileges") or ["ALL"]
        # With the role or the database, what was granted has gone.
        with contextlib.suppress(RoleMissing, DatabaseMissing):
            await server.revoke(role, database, privileges)

    return stepwise(
        api,
        GRANT,
        [converge],
        finalizer=FINALIZER,
        release=[revoke],
        ready_reason="Available",
    )


async def _resolve(api: Client, subject: Subject, resource: Resource, field: str) -> str:
    """The name in the server of what `field` or `fieldRef` names."""
    parameters = subject.spec["forProvider"]
    if named := parameters.get(field):
        return str(named)
    reference = parameters.get(f"{field}Ref")
    if not reference:
        raise Stalled(
            "InvalidGrant",
            f"spec.forProvider has neither {field} nor {field}Ref; add one of them.",
        )
    try:
        found = await api.get(resource, reference["name"], subject.key.namespace)
    except NotFound:
        raise Waiting(
            "WaitingForReference",
            f"{resource.kind} {reference['name']!r} does not exist yet.",
            after_s=RETRY_S,
        ) from None
    return external_name(found)


async def _wait_for_both(server: PostgresServer, role: str, database: str) -> None:
    if await server.role(role) is None:
        raise Waiting("WaitingForRole", f"Waiting for the role {role!r}.", after_s=RETRY_S)
    if await server.database(database) is None:
        raise Waiting(
            "WaitingForDatabase", f"Waiting for the database {database!r}.", after_s=RETRY_S
        )
