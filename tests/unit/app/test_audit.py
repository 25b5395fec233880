"""Audit entries leave the stores for the records: each once, with the project it belongs to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support import eventually

from towpath.apiserver.auditing.policy import PolicyInvalid
from towpath.app.audit import AuditShipping
from towpath.app.auditing import read_audit
from towpath.machinery.users import PLATFORM, UserInfo
from towpath.records.contract import AuditEntry, AuditFilter, Viewer
from towpath.records.sqlite import SqliteRecords
from towpath.store.contract import Audit, Write
from towpath.store.memory import MemoryStore

ALL = Viewer(PLATFORM, None)
NOW = "2026-01-31T08:00:00Z"


async def write(
    store: MemoryStore, collection: str, key: str, *, user: str = "alice", subresource: str = ""
) -> None:
    value = orjson.dumps({"metadata": {"name": key, "labels": {"towpath.dev/project": "demo"}}})
    audit = Audit(user, "create", NOW, subresource=subresource)
    await store.commit(Write(collection, key, 0, lambda _: value, audit=audit))


@asynccontextmanager
async def shipping(store: MemoryStore, records: SqliteRecords) -> AsyncIterator[None]:
    task = asyncio.create_task(AuditShipping("", store, records.audit).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def entries(records: SqliteRecords, viewer: Viewer = ALL) -> list[AuditEntry]:
    return (await records.audit.query(viewer, AuditFilter())).entries


async def test_an_entry_arrives_with_its_project_and_a_stranger_does_not_see_it(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    async with SqliteRecords(tmp_path / "records.db") as records, shipping(store, records):
        await write(store, "core/namespaces", "demo-staging")
        await write(store, "apps/deployments", "demo-staging/web")

        async def arrived() -> bool:
            return len(await entries(records)) == 2

        await eventually(arrived)
        newest = (await entries(records))[0]
        assert (newest.user, newest.resource, newest.namespace, newest.name, newest.project) == (
            "alice",
            "deployments.apps",
            "demo-staging",
            "web",
            "demo",
        )
        assert len(await entries(records, Viewer(UserInfo("bob"), frozenset({"demo"})))) == 2
        assert await entries(records, Viewer(UserInfo("carol"), frozenset({"other"}))) == []


async def test_after_a_restart_it_goes_on_where_it_was(tmp_path: Path) -> None:
    store = MemoryStore()
    async with SqliteRecords(tmp_path / "records.db") as records:
        for name in ("first", "second"):
            async with shipping(store, records):
                await write(store, "core/configmaps", f"demo/{name}")

                async def arrived(name: str = name) -> bool:
                    return name in [entry.name for entry in await entries(records)]

                await eventually(arrived)
        assert [entry.name for entry in await entries(records)] == ["second", "first"]


async def test_what_controllers_report_stays_in_the_store(tmp_path: Path) -> None:
    store = MemoryStore()
    await write(store, "apps/deployments", "demo/a", user=PLATFORM.name, subresource="status")
    await write(store, "core/events", "demo/b")
    await write(store, "core/configmaps", "demo/c")
    async with SqliteRecords(tmp_path / "records.db") as records, shipping(store, records):

        async def arrived() -> bool:
            return bool(await entries(records))

        await eventually(arrived)
        assert [entry.name for entry in await entries(records)] == ["c"]


async def test_what_was_executed_in_a_pod_is_no_revision_to_go_on_from(tmp_path: Path) -> None:
    store = MemoryStore()
    async with SqliteRecords(tmp_path / "records.db") as records:
        await write(store, "apps/deployments", "demo-staging/web")
        executed = AuditEntry("local/exec/x", 2e9, "", "bob", "create", "pods", "ns", "p", "")
        await records.audit.append([replace(executed, subresource="exec")])
        async with shipping(store, records):

            async def arrived() -> bool:
                return len(await entries(records)) == 2

            await eventually(arrived)


def event(verb: str, code: int, **fields: Any) -> dict[str, Any]:
    return {
        "stage": "ResponseComplete",
        "auditID": f"{verb}-{code}",
        "level": "Metadata",
        "verb": verb,
        "requestURI": "/apis/apps/v1/namespaces/demo-staging/deployments/web",
        "user": {"username": "alice"},
        "objectRef": {
            "resource": "deployments",
            "apiGroup": "apps",
            "namespace": "demo-staging",
            "name": "web",
        },
        "responseStatus": {"code": code},
        "requestReceivedTimestamp": NOW,
        **fields,
    }


async def test_what_a_policy_tells_is_put_on_record_beside_the_writes(tmp_path: Path) -> None:
    store = MemoryStore()
    await write(store, "core/namespaces", "demo-staging")
    async with SqliteRecords(tmp_path / "records.db") as records:
        shipping = AuditShipping("", store, records.audit)
        refusal = {"code": 403, "message": "no"}
        await shipping.tell(
            [
                event("get", 200),
                event("create", 201),
                event("delete", 403, responseStatus=refusal),
                event("get", 200, stage="RequestReceived"),
                event("patch", 200, requestURI="/x?dryRun=All"),
            ]
        )
        told = await entries(records)
        assert [(entry.verb, entry.code) for entry in told] == [
            ("patch", 200),
            ("delete", 403),
            ("get", 200),
        ]
        assert (told[1].project, told[1].resource, told[1].detail["message"]) == (
            "demo",
            "deployments.apps",
            "no",
        )
        # Where the writes are to be shipped from is not lost among the others.
        assert await shipping._shipped() == 0


async def test_without_a_policy_nothing_is_asked_of_a_request(tmp_path: Path) -> None:
    assert (await read_audit(tmp_path)).for_plane() is None
    (tmp_path / "audit-policy.yaml").write_text("kind: Policy")
    with pytest.raises(PolicyInvalid, match=r"audit-policy.yaml: apiVersion and kind"):
        await read_audit(tmp_path)
