"""When to sync: automated or asked for, once for a desired state, again after a failure. Pure.

Argo CD never retries an automated sync of one commit beyond `retry.limit`. Neither do we in haste;
but after SLOW_RETRY_S we look whether what stood in the way has gone, so that an outage heals.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from towpath.capabilities.delivery.gitops.reconcile.sync import Phase
from towpath.machinery.durations import parse_duration
from towpath.machinery.objects import RawObject

SLOW_RETRY_S = 180.0
RETRY_LIMIT = 5
RETRY_FIRST_S = 2.0
RETRY_FACTOR = 2
RETRY_MAX_S = 60.0


@dataclass(frozen=True, slots=True)
class Intent:
    automated: bool
    prune: bool
    self_heal: bool
    requested: bool
    """Somebody set `operation.sync` on the Application."""
    initiated_by: RawObject

    def operation(self, revision: str) -> RawObject:
        sync: RawObject = {"revision": revision}
        if self.prune:
            sync["prune"] = True
        return {"sync": sync, "initiatedBy": self.initiated_by}


def intent_of(app: RawObject) -> Intent:
    policy = app["spec"].get("syncPolicy") or {}
    automated = policy.get("automated")
    is_automated = automated is not None and automated.get("enabled") is not False
    operation = app.get("operation") or {}
    sync = operation.get("sync")
    if sync is not None:
        initiated_by = operation.get("initiatedBy") or {}
        return Intent(
            automated=is_automated,
            prune=bool(sync.get("prune")),
            self_heal=True,
            requested=True,
            initiated_by=initiated_by,
        )
    return Intent(
        automated=is_automated,
        prune=bool((automated or {}).get("prune")),
        self_heal=bool((automated or {}).get("selfHeal")),
        requested=False,
        initiated_by={"automated": True},
    )


def may_attempt(
    spec: RawObject, intent: Intent, status: RawObject, digest: str, *, drifted: bool
) -> bool:
    """Whether to sync now what is out of sync."""
    if intent.requested:
        return True
    if not intent.automated:
        return False
    state = status.get("operationState") or {}
    if state.get("digest") != digest or state.get("phase") == Phase.RUNNING:
        return True
    if state.get("phase") == Phase.FAILED:
        return _elapsed_s(state) >= (_backoff_s(spec, state) or SLOW_RETRY_S)
    return intent.self_heal if drifted else True


def retry_delay_s(spec: RawObject, state: RawObject) -> float:
    """Seconds until a failed sync is tried again."""
    due_s = _backoff_s(spec, state) or SLOW_RETRY_S
    return max(due_s - _elapsed_s(state), 0.5)


def _backoff_s(spec: RawObject, state: RawObject) -> float | None:
    """The wait after a failure; None when the haste is over."""
    retry = (spec.get("syncPolicy") or {}).get("retry") or {}
    limit = retry.get("limit", RETRY_LIMIT)
    count: int = state.get("retryCount", 0)
    if 0 <= limit <= count:
        return None
    backoff = retry.get("backoff") or {}
    first_s = _seconds(backoff.get("duration"), RETRY_FIRST_S)
    max_s = _seconds(backoff.get("maxDuration"), RETRY_MAX_S)
    factor: int = backoff.get("factor") or RETRY_FACTOR
    return min(first_s * float(factor) ** count, max_s)


def _seconds(text: str | None, default_s: float) -> float:
    if not text:
        return default_s
    try:
        return float(parse_duration(text))
    except ValueError:
        return default_s


def _elapsed_s(state: RawObject) -> float:
    finished = state.get("finishedAt")
    if not finished:
        return SLOW_RETRY_S
    moment = datetime.strptime(finished, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return (datetime.now(UTC) - moment).total_seconds()
