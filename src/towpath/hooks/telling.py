"""How an object is, in a word and a sentence, for any kind: by its conditions, else its phase.

The word is one that `ui.status` knows. Nothing is guessed: what reports nothing has no word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from towpath.machinery.objects import RawObject

SUMMARIES = (
    "Ready",
    "Available",
    "Established",
    "Complete",
    "Succeeded",
    "Healthy",
    "Accepted",
    "Programmed",
    "Bound",
    "Synced",
)
"""Conditions that speak for the whole object, the first that is there."""

_BAD_WHEN_TRUE = (
    "Failed",
    "Stalled",
    "Degraded",
    "ReplicaFailure",
    "Unavailable",
    "Pressure",
    "Dangling",
    "Terminating",
    "NonStructuralSchema",
    "Suspended",
)


@dataclass(frozen=True, slots=True)
class State:
    word: str
    """"" when the object reports nothing."""
    sentence: str


@dataclass(frozen=True, slots=True)
class ToldCondition:
    type: str
    state: str
    """Good or not, in a word that has a colour."""
    status: str
    reason: str
    message: str
    since: str


def conditions_of(obj: RawObject) -> list[ToldCondition]:
    status = obj.get("status")
    found = status.get("conditions") if isinstance(status, dict) else None
    return [_told(one) for one in found or () if isinstance(one, dict) and one.get("type")]


def _told(condition: RawObject) -> ToldCondition:
    name, status = str(condition["type"]), str(condition.get("status", "Unknown"))
    wanted = "False" if name.endswith(_BAD_WHEN_TRUE) else "True"
    if status == wanted:
        state = "Healthy"
    elif status in ("True", "False"):
        state = "Degraded"
    else:
        state = "Progressing"
    return ToldCondition(
        type=name,
        state=state,
        status=status,
        reason=str(condition.get("reason") or ""),
        message=str(condition.get("message") or ""),
        since=str(condition.get("lastTransitionTime") or ""),
    )


def state_of(obj: RawObject) -> State:
    """How the object is, as it reports itself."""
    if obj["metadata"].get("deletionTimestamp"):
        return State("Terminating", _why_still_there(obj))
    conditions = conditions_of(obj)
    for condition in conditions:
        if condition.type.endswith(_BAD_WHEN_TRUE) and condition.status == "True":
            return State("Degraded", _sentence(condition))
    by_type = {condition.type: condition for condition in conditions}
    for name in SUMMARIES:
        if name in by_type:
            return State(_word(by_type[name]), _sentence(by_type[name]))
    phase = (obj.get("status") or {}).get("phase") if isinstance(obj.get("status"), dict) else None
    if isinstance(phase, str) and phase:
        message = obj["status"].get("message")
        return State(phase, message if isinstance(message, str) else "")
    if conditions:
        worst = max(conditions, key=lambda one: one.state == "Degraded")
        return State(worst.state, _sentence(worst))
    return State("", "")


def _word(condition: ToldCondition) -> str:
    if condition.state != "Healthy":
        return condition.state
    return "Healthy" if condition.type in ("Accepted", "Programmed") else condition.type


def _sentence(condition: ToldCondition) -> str:
    if condition.message:
        return condition.message
    reason = condition.reason
    if condition.state == "Healthy" and condition.type in SUMMARIES:
        return ""  # the word says it
    said = {"True": "", "False": "not "}.get(condition.status, "not known to be ")
    stated = f"It is {said}{_spaced(condition.type).lower()}"
    known = not reason or reason.lower() in (condition.type.lower(), "available")
    return f"{stated}." if known else f"{stated}: {_spaced(reason).lower()}."


def _spaced(words: str) -> str:
    return "".join(
        f" {letter}" if letter.isupper() and at and words[at - 1].islower() else letter
        for at, letter in enumerate(words)
    )


def _why_still_there(obj: RawObject) -> str:
    finalizers: Sequence[Any] = obj["metadata"].get("finalizers") or ()
    if not finalizers:
        return "It is being deleted."
    return f"It is being deleted, and goes when {', '.join(map(str, finalizers))} has let it."
