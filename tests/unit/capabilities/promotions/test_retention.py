"""Which old promotions go, and which a decision may still need."""

from towpath.capabilities.delivery.promotions.reconcile.retention import PROMOTIONS_KEPT, to_go
from towpath.machinery.objects import RawObject


def promotion(number: int, release: str, phase: str = "Succeeded") -> RawObject:
    time = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
    return {
        "metadata": {"name": f"p-{number}", "creationTimestamp": time},
        "spec": {"release": release},
        "status": {"phase": phase, "startedAt": time, "committedAt": time},
    }


def names(promotions: list[RawObject]) -> list[str]:
    return sorted(one["metadata"]["name"] for one in promotions)


def test_nothing_goes_while_there_are_few() -> None:
    assert to_go([promotion(n, f"r-{n}") for n in range(PROMOTIONS_KEPT)], "r-0") == []


def test_the_oldest_go() -> None:
    many = [promotion(n, f"r-{n}") for n in range(PROMOTIONS_KEPT + 3)]
    assert names(to_go(many, "r-52")) == ["p-0", "p-1", "p-2"]


def test_what_runs_and_what_could_be_gone_back_to_stays() -> None:
    arrived = [promotion(0, "old"), promotion(1, "running")]
    failed = [promotion(n, f"r-{n}", "Failed") for n in range(2, PROMOTIONS_KEPT + 4)]
    assert names(to_go([*arrived, *failed], "r-53")) == ["p-2", "p-3"]


def test_the_latest_release_is_not_sent_on_its_way_once_more() -> None:
    many = [promotion(n, "latest" if n == 0 else f"r-{n}") for n in range(PROMOTIONS_KEPT + 2)]
    assert names(to_go(many, "latest")) == ["p-1"]


def test_one_that_goes_on_stays() -> None:
    many = [promotion(0, "slow", "WaitingForApproval")]
    many += [promotion(n, f"r-{n}") for n in range(1, PROMOTIONS_KEPT + 2)]
    assert names(to_go(many, "")) == ["p-1"]
