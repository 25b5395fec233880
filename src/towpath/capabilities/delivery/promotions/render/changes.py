"""Values that a promotion sets on top of what a Score file comes to: drift that was accepted.

Anything that a Score file's author could not have said (an image, a security context, a volume) is
refused by name.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from towpath.capabilities.delivery.promotions.kinds import may_change
from towpath.capabilities.delivery.promotions.render.inputs import ValueChange
from towpath.capabilities.delivery.promotions.score import Problem, ScoreError
from towpath.machinery.objects import RawObject

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def apply_changes(changes: Iterable[ValueChange], manifests: Sequence[RawObject]) -> None:
    """In place. Raises ScoreError for what may not be changed or is not there."""
    for change in changes:
        where = f"{change.kind} {change.name}: {change.path}"
        if not may_change(change.kind, change.path):
            raise ScoreError([Problem(where, "cannot be accepted; say it in score.yaml")])
        manifest = _manifest(change, manifests)
        if manifest is None:
            raise ScoreError([Problem(where, "is of an object that this release does not have")])
        _set(manifest, change, where)


def _manifest(change: ValueChange, manifests: Sequence[RawObject]) -> RawObject | None:
    for manifest in manifests:
        if (manifest["kind"], manifest["metadata"]["name"]) == (change.kind, change.name):
            return manifest
    return None


def _set(manifest: RawObject, change: ValueChange, where: str) -> None:
    place: Any = manifest
    *parents, last = _steps(change.path)
    for step in parents:
        place = _inside(place, step)
    known = _inside(place, last)
    try:
        value = json.loads(change.value)
    except ValueError as error:
        raise ScoreError([Problem(where, f"has no JSON value: {error}")]) from error
    # A variable whose value comes from a Secret has no value here, and must not get one.
    if known is None or type(value) is not type(known):
        raise ScoreError([Problem(where, "is not a value of that kind in this release")])
    place[last] = value


def _steps(path: str) -> list[str | int]:
    if path.startswith("data."):
        return ["data", path.removeprefix("data.")]
    return [
        int(index) if index else name
        for name, index in (found.groups() for found in _STEP.finditer(path))
    ]


def _inside(place: Any, step: str | int) -> Any:
    if isinstance(place, dict) and isinstance(step, str):
        return place.get(step)
    if isinstance(place, list) and isinstance(step, int) and step < len(place):
        return place[step]
    return None
