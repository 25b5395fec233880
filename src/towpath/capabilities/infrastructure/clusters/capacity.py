"""How much a cluster has and how much of it is asked for, from its nodes and pods. Pure functions.

What is asked for is what the scheduler goes by: the requests of pods that are not over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity

NEARLY = Fraction(8, 10)
RESOURCES = (("cpu", "CPU"), ("memory", "Memory"), ("pods", "Pods"))
_OVER = ("Succeeded", "Failed")
_GIBI = 1024**3
_MEBI = 1024**2


@dataclass(frozen=True, slots=True)
class Bar:
    """One resource: what there is, what is asked for, and what is left, in words too."""

    label: str
    share: float
    whole: str
    text: str
    left: str
    tone: str


def amounts_of_nodes(nodes: Iterable[RawObject]) -> dict[str, Fraction]:
    total: dict[str, Fraction] = {}
    for node in nodes:
        status = node.get("status") or {}
        _add(total, status.get("allocatable") or status.get("capacity") or {})
    return total


def amounts_of_pods(pods: Iterable[RawObject]) -> dict[str, Fraction]:
    """What the pods that are not over ask for."""
    total: dict[str, Fraction] = {"pods": Fraction(0)}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") in _OVER:
            continue
        total["pods"] += 1
        for container in (pod.get("spec") or {}).get("containers") or ():
            _add(total, (container.get("resources") or {}).get("requests") or {})
    return total


def _add(total: dict[str, Fraction], amounts: dict[str, Any]) -> None:
    for name, _ in RESOURCES:
        if name in amounts:
            try:
                amount = parse_quantity(str(amounts[name]))
            except ValueError:
                continue  # what cannot be read cannot be added
            total[name] = total.get(name, Fraction(0)) + amount


def bars(have: dict[str, Fraction], asked: dict[str, Fraction]) -> list[Bar]:
    shown = []
    for name, label in RESOURCES:
        whole, part = have.get(name, Fraction(0)), asked.get(name, Fraction(0))
        if not whole:
            continue
        share = part / whole
        shown.append(
            Bar(
                label=label,
                share=float(min(share, Fraction(1))),
                whole=amount(name, whole),
                text=f"{_part(name, part)} of {amount(name, whole)} requested",
                left=f"{_part(name, max(whole - part, Fraction(0)))} left",
                tone=_tone(share),
            )
        )
    return shown


def _tone(share: Fraction) -> str:
    if share >= 1:
        return "bad"
    return "warn" if share >= NEARLY else "good"


def amount(name: str, value: Fraction) -> str:
    """`1.5 cores`, `7.6 GiB`, `12`."""
    if name == "memory":
        in_gibi = value >= _GIBI
        number = value / (_GIBI if in_gibi else _MEBI)
        return f"{_short(number)} {'GiB' if in_gibi else 'MiB'}"
    if name == "cpu":
        return f"{_short(value)} {'core' if value == 1 else 'cores'}"
    return _short(value)


def _part(name: str, value: Fraction) -> str:
    """Beside the whole, cores need not be called so twice."""
    return _short(value) if name == "cpu" else amount(name, value)


def _short(number: Fraction) -> str:
    text = f"{float(number):.2f}" if number < 10 else f"{float(number):.1f}"
    return text.rstrip("0").rstrip(".") or "0"
