"""Is a history of concurrent operations one that a single, sequential store could have had?

The search of Wing and Gong, with the states that it has been to remembered: of the operations that
had begun before any other one left has ended, one is taken as the next, if the model allows what it
answered; otherwise the search goes back. A history is checked key by key, for what is true of each
key by itself is true of all of them together (Herlihy and Wing). Lists, which read many keys, are
held against the order of revisions instead.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ABSENT = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """One call and its answer, with the moments of both."""

    began: float
    ended: float
    key: str
    kind: str
    """get, create, update, delete."""
    answer: str
    """ok, conflict (or exists), absent."""
    revision: int = 0
    """What was read, or what was written."""
    value: str = ""
    expected: int = 0
    """Of update and delete: the revision that they were for; 0: any."""


@dataclass(frozen=True, slots=True)
class Listing:
    began: float
    ended: float
    revision: int
    items: Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a watch: the order that the server says everything happened in."""

    revision: int
    key: str
    value: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class State:
    revision: int = ABSENT
    value: str = ""


def next_state(state: State, operation: Operation) -> State | None:
    """What a key becomes, or None when it could not have answered so."""
    there = state.revision != ABSENT
    fits = operation.expected in (0, state.revision)
    match operation.kind, operation.answer:
        case "get", "ok":
            same = (state.revision, state.value) == (operation.revision, operation.value)
            return state if there and same else None
        case (("get" | "update" | "delete"), "absent"):
            return None if there else state
        case "create", "ok":
            return None if there else State(operation.revision, operation.value)
        case "create", "conflict":
            return state if there else None
        case "update", "ok" if there and fits and operation.revision > state.revision:
            return State(operation.revision, operation.value)
        case "delete", "ok" if there and fits:
            return State()
        case (("update" | "delete"), "conflict") if there and not fits:
            return state
    return None


def unexplained(operations: Iterable[Operation]) -> list[str]:
    """The keys whose history no sequential store could have had."""
    by_key: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        by_key[operation.key].append(operation)
    return sorted(key for key, history in by_key.items() if not is_linearizable(history))


def is_linearizable(history: Sequence[Operation]) -> bool:
    operations = sorted(history, key=lambda operation: operation.began)
    everything = (1 << len(operations)) - 1
    been: set[tuple[int, State]] = set()
    waiting: list[tuple[int, int, State]] = [(0, 0, State())]
    while waiting:
        done, first, state = waiting.pop()
        if done == everything:
            return True
        while done >> first & 1:
            first += 1
        for index in _candidates(operations, done, first):
            after = next_state(state, operations[index])
            if after is None:
                continue
            step = (done | 1 << index, after)
            if step not in been:
                been.add(step)
                waiting.append((step[0], first, after))
    return False


def _candidates(operations: Sequence[Operation], done: int, first: int) -> list[int]:
    """Those that may be next: nothing else that is left had ended when they began."""
    found: list[int] = []
    earliest_end = float("inf")
    for index in range(first, len(operations)):
        operation = operations[index]
        if operation.began > earliest_end:
            break
        if not done >> index & 1:
            found.append(index)
            earliest_end = min(earliest_end, operation.ended)
    # The last one is tried first: who has ended first comes at the end.
    found = [index for index in found if operations[index].began <= earliest_end]
    return sorted(found, key=lambda index: -operations[index].ended)


def wrong_lists(
    listings: Iterable[Listing], changes: Sequence[Change], operations: Sequence[Operation]
) -> list[str]:
    """Lists that show no moment of the server's order, or an older one than was already told."""
    writes = sorted(
        (operation.ended, operation.revision)
        for operation in operations
        if operation.answer == "ok" and operation.kind in ("create", "update")
    )
    found: list[str] = []
    state: dict[str, tuple[int, str]] = {}
    at, told, newest = 0, 0, 0
    for listing in sorted(listings, key=lambda one: one.revision):
        while at < len(changes) and changes[at].revision <= listing.revision:
            change = changes[at]
            if change.deleted:
                state.pop(change.key, None)
            else:
                state[change.key] = (change.revision, change.value)
            at += 1
        if dict(listing.items) != state:
            found.append(f"the list at {listing.revision} shows {dict(listing.items)}, not {state}")
    for listing in sorted(listings, key=lambda one: one.began):
        while told < len(writes) and writes[told][0] < listing.began:
            newest = max(newest, writes[told][1])
            told += 1
        if listing.revision < newest:
            found.append(f"a list of {listing.revision} began after {newest} was answered")
    return found


def wrong_order(operations: Sequence[Operation], changes: Sequence[Change]) -> list[str]:
    """Writes whose revisions contradict when they were answered, or that no watch has seen."""
    seen = {change.revision: change for change in changes}
    writes = [one for one in operations if one.answer == "ok" and one.kind in ("create", "update")]
    found = [
        f"{one.key} at {one.revision} is not what was watched"
        for one in writes
        if (change := seen.get(one.revision)) is None
        or (change.key, change.value) != (one.key, one.value)
    ]
    ended = sorted(writes, key=lambda one: one.ended)
    at, newest = 0, 0
    for one in sorted(writes, key=lambda one: one.began):
        while at < len(ended) and ended[at].ended < one.began:
            newest = max(newest, ended[at].revision)
            at += 1
        if one.revision < newest:
            found.append(f"{one.revision} was written after {newest} had been answered")
    return found
