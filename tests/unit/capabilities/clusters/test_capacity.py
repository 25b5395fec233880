"""How much room a cluster has: pure arithmetic over nodes and pods."""

from fractions import Fraction

import pytest

from towpath.capabilities.infrastructure.clusters.capacity import (
    amount,
    amounts_of_nodes,
    amounts_of_pods,
    bars,
)
from towpath.machinery.objects import RawObject

NODE: RawObject = {"status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}}}


def pod(cpu: str, memory: str, phase: str = "Running") -> RawObject:
    requests = {"cpu": cpu, "memory": memory}
    return {
        "spec": {"containers": [{"resources": {"requests": requests}}]},
        "status": {"phase": phase},
    }


def test_what_is_over_asks_for_nothing() -> None:
    pods = [pod("100m", "64Mi"), pod("1", "1Gi", "Succeeded"), pod("1", "1Gi", "Failed")]
    assert amounts_of_pods(pods) == {
        "pods": Fraction(1),
        "cpu": Fraction(1, 10),
        "memory": Fraction(64 * 1024**2),
    }


def test_bars_say_what_is_asked_for_and_what_is_left() -> None:
    asked = amounts_of_pods([pod("1700m", "1Gi")])
    cpu, memory, pods = bars(amounts_of_nodes([NODE]), asked)
    assert (cpu.text, cpu.left, cpu.tone) == ("1.7 of 2 cores requested", "0.3 left", "warn")
    assert (memory.text, memory.left) == ("1 GiB of 4 GiB requested", "3 GiB left")
    assert (pods.text, pods.left, pods.tone) == ("1 of 110 requested", "109 left", "good")


def test_more_than_there_is_is_told_and_drawn_full() -> None:
    (cpu, *_) = bars(amounts_of_nodes([NODE]), {"cpu": Fraction(3)})
    assert (cpu.share, cpu.left, cpu.tone) == (1.0, "0 left", "bad")


def test_a_cluster_without_nodes_has_no_bars() -> None:
    assert bars({}, {"pods": Fraction(1)}) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("cpu", Fraction(1), "1 core"),
        ("cpu", Fraction(3, 2), "1.5 cores"),
        ("memory", Fraction(64 * 1024**2), "64 MiB"),
        ("memory", Fraction(1024**3 * 47, 2), "23.5 GiB"),
        ("pods", Fraction(12), "12"),
    ],
    ids=["one core", "a core and a half", "megabytes", "gigabytes", "pods"],
)
def test_amounts_are_told_with_their_unit(name: str, value: Fraction, said: str) -> None:
    assert amount(name, value) == said
