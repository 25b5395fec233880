"""How much of a project's quota is used, as numbers for bars and as people read them."""

from fractions import Fraction
from typing import Any

from towpath.client.protocols import Client
from towpath.machinery.core_kinds import RESOURCE_QUOTA
from towpath.machinery.errors import StatusError
from towpath.machinery.quantities import parse_quantity

NEARLY = Fraction(8, 10)
_WORDS = {
    "requests.cpu": "CPU requested",
    "requests.memory": "Memory requested",
    "limits.cpu": "CPU at most",
    "limits.memory": "Memory at most",
    "pods": "Pods",
}


async def quota_of(api: Client, namespace: str) -> list[dict[str, Any]]:
    """A row for each limit, fullest first; none where there is no quota or no right to see it."""
    try:
        listed = (await api.list(RESOURCE_QUOTA, namespace, limit=20)).items
    except StatusError:
        return []
    rows = []
    for quota in listed:
        status = quota.get("status") or {}
        used = status.get("used") or {}
        hard = status.get("hard") or (quota.get("spec") or {}).get("hard") or {}
        rows += [_row(what, str(used.get(what, "0")), str(hard[what])) for what in hard]
    return sorted(rows, key=lambda row: (-row["share"], row["what"]))


def _row(what: str, used: str, hard: str) -> dict[str, Any]:
    share = _share(used, hard)
    return {
        "what": _WORDS.get(what) or what.replace("count/", "Number of "),
        "name": what,
        "text": f"{used} of {hard}",
        "share": float(share),
        "tone": _tone(share),
    }


def _tone(share: Fraction) -> str:
    if share >= 1:
        return "bad"
    return "warn" if share >= NEARLY else "good"


def _share(used: str, hard: str) -> Fraction:
    """Of what there is; of nothing, all is used."""
    try:
        whole = parse_quantity(hard)
        return parse_quantity(used) / whole if whole else Fraction(1)
    except ValueError:
        return Fraction(0)
