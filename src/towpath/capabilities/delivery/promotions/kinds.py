"""Promotion: a release going to an environment."""

import re
from collections.abc import Iterable

from towpath.capabilities.governance.approvals.kinds import DECISIONS_STATUS, POLICY_STATUS
from towpath.hooks import approvals
from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

PROMOTION = towpath_resource("Promotion", "promotions")

DEPLOYMENTS = "deployments"
"""The name of each project's repository of desired state; only the promotion controller pushes."""

IN_PHASE = "status.phase={}"
"""The field selector of promotions in one phase."""

COMMIT_TRAILER = "Towpath-Promotion"
"""The trailer of a commit in it that names the Promotion by uid, for who comes after a crash."""

PENDING = "Pending"
WAITING_FOR_APPROVAL = approvals.WAITING_FOR_APPROVAL
RENDERING = "Rendering"
SYNCING = "Syncing"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
SUPERSEDED = "Superseded"
PHASES = (PENDING, WAITING_FOR_APPROVAL, RENDERING, SYNCING, SUCCEEDED, FAILED, SUPERSEDED)
FINISHED = (SUCCEEDED, FAILED, SUPERSEDED)

_IMMUTABLE_SPEC: tuple[RawObject, ...] = (
    {"rule": "self.spec == oldSelf.spec", "message": "it is immutable; create another one"},
)

_PROMOTION_SPEC: RawObject = {
    "type": "object",
    "required": ["workload", "environment", "release", "requestedBy"],
    "properties": {
        "workload": {
            "type": "string",
            "minLength": 1,
            "maxLength": 40,
            "description": "A Workload of this project.",
        },
        "environment": {
            "type": "string",
            "minLength": 1,
            "maxLength": 20,
            "description": "One of its environments.",
        },
        "release": {
            "type": "string",
            "minLength": 1,
            "maxLength": 253,
            "description": "A Release of the workload.",
        },
        "reason": {
            "type": "string",
            "maxLength": 1000,
            "description": "Why; it is kept with the commit.",
        },
        "changes": {
            "type": "array",
            "maxItems": 20,
            "description": "Values that take the place of what the release's Score file comes to, "
            "until the next promotion: accepted drift.",
            "items": {
                "type": "object",
                "required": ["kind", "name", "path", "value"],
                "properties": {
                    "kind": {"type": "string", "description": "Of the manifest: `Deployment`."},
                    "name": {"type": "string", "description": "Of the manifest."},
                    "path": {
                        "type": "string",
                        "maxLength": 500,
                        "description": "`spec.replicas`, or another of the few that may change.",
                    },
                    "value": {
                        "type": "string",
                        "maxLength": 10_000,
                        "description": 'As JSON: `3`, `"text"`.',
                    },
                },
            },
        },
        "requestedBy": {
            "type": "string",
            "minLength": 1,
            "description": "The user who creates it; admission compares it with the request's.",
        },
    },
}

_PROMOTION_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "phase": {"type": "string", "enum": list(PHASES), "description": "How far it is."},
        "commit": {"type": "string", "description": "In the deployments repository."},
        "startedAt": {"type": "string", "format": "date-time"},
        "committedAt": {
            "type": "string",
            "format": "date-time",
            "description": "When it reached Git.",
        },
        "finishedAt": {"type": "string", "format": "date-time"},
        "message": {"type": "string", "description": "What it waits for, or why it ended."},
        "supersededBy": {"type": "string", "description": "The promotion that took its place."},
        "approval": POLICY_STATUS,
        "approvals": DECISIONS_STATUS,
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

PROMOTION_CRD = custom_resource_definition(
    PROMOTION,
    spec=_PROMOTION_SPEC,
    status=_PROMOTION_STATUS,
    columns=(
        Column("Workload", ".spec.workload"),
        Column("Environment", ".spec.environment"),
        Column("Release", ".spec.release"),
        Column("Phase", ".status.phase"),
        Column("Requested by", ".spec.requestedBy", priority=1),
        Column("Message", ".status.message", priority=1),
        AGE,
    ),
    short_names=("promo",),
    categories=("towpath",),
    rules=_IMMUTABLE_SPEC,
    selectable=(".spec.workload", ".spec.environment", ".status.phase"),
)

KINDS = (PROMOTION_CRD,)


_CONTAINER = r"spec\.template\.spec\.containers\[\d+\]"
_OPEN_PATHS = re.compile(
    r"spec\.replicas|spec\.minReplicas|spec\.maxReplicas"
    rf"|{_CONTAINER}\.resources\.(?:requests|limits)\.(?:cpu|memory)"
    rf"|{_CONTAINER}\.env\[\d+\]\.value"
)
_KINDS_WITH_DATA = ("ConfigMap",)


def may_change(kind: str, path: str) -> bool:
    """Whether `spec.changes` may set that value; else the Score file must say it.

    Only what a Score file's author could have said is open to it: how many, how much, and the
    values of variables; so that nobody reaches past the checks of rendering.
    """
    if path.startswith("data."):
        return kind in _KINDS_WITH_DATA
    return _OPEN_PATHS.fullmatch(path) is not None


LOG_STEPS = ("approval", "commit", "sync")
"""The steps of a promotion that write a log."""


def log_prefix(project: str, promotion: str) -> str:
    """What the names of a promotion's log streams begin with."""
    return f"promotion/{project}/{promotion}/"


def log_stream(project: str, promotion: str, step: str) -> str:
    return f"{log_prefix(project, promotion)}{step}"


def phase_of(promotion: RawObject) -> str:
    phase: str = (promotion.get("status") or {}).get("phase") or PENDING
    return phase


UNWELL = "Unhealthy"
"""The reason of the condition Synced while a part of what is brought there is degraded."""


def is_unwell(promotion: RawObject) -> bool:
    """It goes on, and something of it does not come up."""
    conditions = (promotion.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Synced" and one.get("reason") == UNWELL for one in conditions)


def is_finished(promotion: RawObject) -> bool:
    return phase_of(promotion) in FINISHED


def newest_first(promotions: Iterable[RawObject]) -> list[RawObject]:
    return sorted(promotions, key=creation_order, reverse=True)


def creation_order(obj: RawObject) -> tuple[str, str, str]:
    """The API's times have whole seconds; within one, a promotion's own finer time decides.

    One that has not been looked at yet came last.
    """
    metadata = obj["metadata"]
    started = (obj.get("status") or {}).get("startedAt") or "~"
    return metadata.get("creationTimestamp", ""), started, metadata["name"]


def commit_order(promotion: RawObject) -> str:
    """When it was committed: the order in which promotions reached Git."""
    committed: str = (promotion.get("status") or {}).get("committedAt") or ""
    return committed


def release_to_go_back_to(promotions: Iterable[RawObject], running: str = "") -> str:
    """Of one workload in one environment: the release below `running` on the way up to it.

    A release that arrives again takes back all that came after it, so that going back twice leads
    on to older ones, and never forward to what was left. When the newest one in Git has failed,
    what arrived last is it. "" when there is none.
    """
    in_git = sorted(filter(commit_order, promotions), key=commit_order)
    arrived = [str(one["spec"]["release"]) for one in in_git if phase_of(one) == SUCCEEDED]
    if not arrived:
        return ""
    newest = in_git[-1]
    if phase_of(newest) == FAILED and newest["spec"]["release"] != arrived[-1]:
        return arrived[-1]
    way: list[str] = []
    for release in arrived:
        way = [*way[: way.index(release)], release] if release in way else [*way, release]
    below = way.index(running) if running in way else len(way) - (1 if not running else 0)
    return way[below - 1] if below else ""
