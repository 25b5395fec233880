"""How a promotion ends: the phase, when, and the sentence that people read."""

from datetime import UTC, datetime
from typing import NoReturn

from towpath.capabilities.delivery.promotions.kinds import FAILED
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.steps import Subject


def moment() -> str:
    """Now, to the microsecond: the order of promotions depends on it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def elapsed_s(since: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()


def finish(subject: Subject, phase: str, message: str) -> None:
    subject.status["phase"] = phase
    subject.status["finishedAt"] = moment()
    subject.status["message"] = message


def fail(subject: Subject, reason: str, message: str) -> NoReturn:
    finish(subject, FAILED, message)
    raise Stalled(reason, message)


def wait(subject: Subject, phase: str, reason: str, message: str, *, after_s: float) -> NoReturn:
    subject.status["phase"] = phase
    subject.status["message"] = message
    raise Waiting(reason, message, after_s=after_s)


def sentence(subject: Subject) -> str:
    """`order-service-1234abcd to staging`."""
    return f"{subject.spec['release']} to {subject.spec['environment']}"
