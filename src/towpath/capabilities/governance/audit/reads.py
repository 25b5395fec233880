"""What the read API answers about writes, newest first.

GET /api/v1/audit?user=alice&verb=patch&resource=workloads.towpath.dev&namespace=demo&limit=50
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read, number
from towpath.machinery.errors import BadRequest
from towpath.records.contract import AuditEntry, AuditFilter, Viewer

PAGE, PAGE_MAX = 100, 1000


def reads(platform: Platform) -> Sequence[Read]:
    async def audit(viewer: Viewer, parameters: Mapping[str, str]) -> Any:
        """Filters: cluster, user, verb, resource, namespace, name, since and until (RFC 3339)."""
        page = await platform.audit.query(
            viewer,
            _filter(parameters),
            limit=min(number(parameters, "limit", PAGE) or PAGE, PAGE_MAX),
            continue_token=str(number(parameters, "continue") or ""),
        )
        return {
            "entries": [_shown(entry) for entry in page.entries],
            "continue": page.continue_token,
        }

    return (Read("audit", audit),)


def _filter(parameters: Mapping[str, str]) -> AuditFilter:
    return AuditFilter(
        cluster=parameters.get("cluster"),
        user=parameters.get("user", ""),
        verb=parameters.get("verb", ""),
        resource=parameters.get("resource", ""),
        namespace=parameters.get("namespace", ""),
        name=parameters.get("name", ""),
        since_s=_time_s(parameters, "since"),
        until_s=_time_s(parameters, "until"),
    )


def _time_s(parameters: Mapping[str, str], field: str) -> float:
    text = parameters.get(field, "")
    if not text:
        return 0.0
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{field}={text}: a time like 2026-01-31T08:00:00Z is expected") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _shown(entry: AuditEntry) -> dict[str, Any]:
    return {
        "time": datetime.fromtimestamp(entry.time_s, UTC).isoformat(timespec="milliseconds"),
        "cluster": entry.cluster,
        "user": entry.user,
        "verb": entry.verb,
        "resource": entry.resource,
        "subresource": entry.subresource,
        "namespace": entry.namespace,
        "name": entry.name,
        "project": entry.project,
        "manager": entry.detail.get("manager", ""),
        "detail": entry.detail,
    }
