"""A Database object and its database in the server."""

from towpath.capabilities.infrastructure.databases.kinds import DATABASE
from towpath.capabilities.infrastructure.databases.reconcile.servers import (
    FINALIZER,
    RETRY_S,
    Servers,
    external_name,
    may,
    taken,
)
from towpath.client.protocols import Client
from towpath.engines.databases.postgresql import (
    PostgresServer,
    RoleMissing,
    quote,
    quote_text,
)
from towpath.machinery.objects import RawObject
from towpath.runtime.controller import Reconcile
from towpath.runtime.outcomes import Waiting
from towpath.runtime.steps import Subject, stepwise

UNLIMITED = -1


def reconcile_databases(api: Client, servers: Servers) -> Reconcile:
    async def converge(subject: Subject) -> None:
        server, _ = await servers.of(subject)
        name = external_name(subject.obj)
        await _create(server, subject, name)
        await _update(server, subject, name)
        subject.mark("Synced", True, "ReconcileSuccess")

    async def drop(subject: Subject) -> None:
        if may(subject, "Delete"):
            server, _ = await servers.of(subject)
            await server.drop_database(external_name(subject.obj), owner_uid=subject.uid)

    return stepwise(
        api,
        DATABASE,
        [converge],
        finalizer=FINALIZER,
        release=[drop],
        ready_reason="Available",
    )


async def _create(server: PostgresServer, subject: Subject, name: str) -> None:
    state = await server.database(name)
    if state is None and may(subject, "Create"):
        options = _create_options(subject.spec["forProvider"])
        await server.create_database(name, owner_uid=subject.uid, options=options)
    elif state is not None and (state.mark is None or state.mark.owner_uid != subject.uid):
        raise taken("Database", name)


async def _update(server: PostgresServer, subject: Subject, name: str) -> None:
    parameters = subject.spec["forProvider"]
    state = await server.database(name)
    if state is None or not may(subject, "Update"):
        return
    owner = parameters.get("owner", "")
    limit = parameters.get("connectionLimit", UNLIMITED)
    if (owner or state.owner) == state.owner and limit == state.connection_limit:
        return
    try:
        await server.alter_database(name, owner=owner, connection_limit=limit)
    except RoleMissing as missing:
        raise Waiting(
            "WaitingForOwner", f"Waiting for the role {owner!r}.", after_s=RETRY_S
        ) from missing


def _create_options(parameters: RawObject) -> str:
    words = []
    for key, word in (("template", "TEMPLATE"), ("tablespace", "TABLESPACE")):
        if key in parameters:
            words.append(f"{word} {quote(parameters[key])}")
    for key, word in (
        ("encoding", "ENCODING"),
        ("lcCollate", "LC_COLLATE"),
        ("lcCType", "LC_CTYPE"),
    ):
        if key in parameters:
            words.append(f"{word} {quote_text(parameters[key])}")
    for key, word in (("allowConnections", "ALLOW_CONNECTIONS"), ("isTemplate", "IS_TEMPLATE")):
        if key in parameters:
            words.append(f"{word} {'true' if parameters[key] else 'false'}")
    return " ".join(words)
