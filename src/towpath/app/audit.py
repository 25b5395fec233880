"""Audit entries go from the stores, where each was committed with its write, to the records.

What controllers report of their own doing (status, events) stays behind: the objects show it, and
it would bury what people and programs did.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM
from towpath.records.contract import (
    AuditEntry,
    AuditFilter,
    AuditTrail,
    RecordsUnavailable,
    Viewer,
)
from towpath.store.contract import AuditRow, Event, Store

log = logging.getLogger(__name__)

GATHER_S = 0.5
RETRY_S = 10.0
BATCH = 500
NAMESPACES = "core/namespaces"
PROJECTS = "towpath.dev/projects"
DETAILS = ("impersonatedUser", "requestObject", "responseObject")
"""Of an event, what is kept beside who and what."""
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class AuditShipping:
    """Of one API's store; `cluster` is "" for the platform's own."""

    def __init__(self, cluster: str, store: Store, trail: AuditTrail) -> None:
        self.name = cluster or "platform"
        self._cluster = cluster
        self._store = store
        self._trail = trail
        self._written = asyncio.Event()
        self._projects: dict[str, str] = {}
        for _, entry in store.scan(NAMESPACES):
            self._learn(entry.value)
        store.observe("", self._observe)

    async def run(self) -> None:
        shipped = await self._shipped()
        while True:
            self._written.clear()
            try:
                while rows := await self._store.audit_since(shipped, limit=BATCH):
                    await self._trail.append([self._entry(row) for row in rows if _is_told(row)])
                    shipped = rows[-1].revision
            except RecordsUnavailable as error:
                log.warning("audit entries wait in the store", extra={"error": str(error)})
                await asyncio.sleep(RETRY_S)
                continue
            await self._written.wait()
            await asyncio.sleep(GATHER_S)

    async def _shipped(self) -> int:
        """The revision up to which the records have this store's entries."""
        everything, ours, token = Viewer(PLATFORM, None), AuditFilter(cluster=self._cluster), ""
        while True:
            page = await self._trail.query(everything, ours, limit=BATCH, continue_token=token)
            for entry in page.entries:
                # What no store holds (reads, refusals, exec) has a word there.
                revision_text = entry.id.split("/")[1]
                if revision_text.isdigit():
                    revision = int(revision_text)
                    # A store put back from a copy begins again; its entries have other times.
                    return revision if revision <= self._store.revision else 0
            if not (token := page.continue_token):
                return 0

    async def tell(self, events: Sequence[RawObject]) -> None:
        """Put on record what a policy tells and no commit holds. Raises OSError: try again."""
        try:
            await self._trail.append([self._told(event) for event in events if _is_unheld(event)])
        except RecordsUnavailable as error:
            raise OSError(str(error)) from error

    def _told(self, event: RawObject) -> AuditEntry:
        reference = event.get("objectRef") or {}
        plural, group = reference.get("resource", ""), reference.get("apiGroup", "")
        namespace, name = reference.get("namespace", ""), reference.get("name", "")
        detail = {"request": event["requestURI"], "level": event["level"]}
        detail |= {key: event[key] for key in DETAILS if key in event}
        if message := event["responseStatus"].get("message"):
            detail["message"] = message
        return AuditEntry(
            id=f"{self._cluster}/policy/{event['auditID']}",
            time_s=datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp(),
            cluster=self._cluster,
            user=(event.get("user") or {}).get("username", ""),
            verb=event["verb"],
            resource=f"{plural}.{group}" if group else plural,
            namespace=namespace,
            name=name,
            project=self._project(f"{group or 'core'}/{plural}", namespace, name),
            subresource=reference.get("subresource", ""),
            code=event["responseStatus"]["code"],
            user_agent=event.get("userAgent", ""),
            detail=detail,
        )

    def _observe(self, event: Event) -> None:
        if event.collection == NAMESPACES:
            self._learn(event.value)
        self._written.set()

    def _learn(self, value: bytes) -> None:
        """Whose a namespace is. It is remembered when it goes: its last entries come after."""
        metadata: dict[str, Any] = orjson.loads(value)["metadata"]
        if project := (metadata.get("labels") or {}).get(PROJECT_LABEL):
            self._projects[metadata["name"]] = project

    def _entry(self, row: AuditRow) -> AuditEntry:
        group, _, plural = row.collection.partition("/")
        namespace, slash, name = row.key.partition("/")
        if not slash:
            namespace, name = "", row.key
        audit = row.audit
        return AuditEntry(
            id=f"{self._cluster}/{row.revision}/{audit.at}",
            time_s=datetime.fromisoformat(audit.at).timestamp(),
            cluster=self._cluster,
            user=audit.user,
            verb=audit.verb,
            resource=plural if group == "core" else f"{plural}.{group}",
            namespace=namespace,
            name=name,
            project=self._project(row.collection, namespace, name),
            subresource=audit.subresource,
            detail={"manager": audit.manager} if audit.manager else {},
        )

    def _project(self, collection: str, namespace: str, name: str) -> str:
        if collection == PROJECTS:
            return name
        return self._projects.get(name if collection == NAMESPACES else namespace, "")


def _is_unheld(event: RawObject) -> bool:
    """A finished request whose outcome is in no store: reads, refusals, and what is only asked."""
    if event["stage"] != "ResponseComplete":
        return False
    if event["verb"] not in WRITES or event["responseStatus"]["code"] >= 400:
        return True
    return "dryRun=" in event["requestURI"] or not event.get("objectRef")


def _is_told(row: AuditRow) -> bool:
    by_itself = row.audit.user == PLATFORM.name
    return not (by_itself and row.audit.subresource == "status") and row.collection != "core/events"
