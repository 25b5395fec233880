"""The current objects in memory: bytes by key, keys in order. Both stores keep them this way.

An object costs its bytes, one tuple and its key. A read is one dictionary look-up, a page one
binary search.
"""

from collections.abc import Mapping

from towpath.store.contract import Stored
from towpath.store.keys import OrderedKeys


class _Collection:
    __slots__ = ("entries", "keys")

    def __init__(self, entries: dict[str, Stored] | None = None) -> None:
        self.entries: dict[str, Stored] = {} if entries is None else entries
        self.keys = OrderedKeys.of(self.entries)


class CurrentState:
    def __init__(self) -> None:
        self._collections: dict[str, _Collection] = {}

    @classmethod
    def of(cls, collections: Mapping[str, dict[str, Stored]]) -> "CurrentState":
        made = cls()
        made._collections = {name: _Collection(entries) for name, entries in collections.items()}
        return made

    def get(self, collection: str, key: str) -> Stored | None:
        found = self._collections.get(collection)
        return found.entries.get(key) if found is not None else None

    def put(self, collection: str, key: str, stored: Stored) -> None:
        found = self._collections.get(collection)
        if found is None:
            found = self._collections[collection] = _Collection()
        if key not in found.entries:
            found.keys.add(key)
        found.entries[key] = stored

    def remove(self, collection: str, key: str) -> None:
        found = self._collections.get(collection)
        if found is not None and found.entries.pop(key, None) is not None:
            found.keys.remove(key)

    def scan(
        self, collection: str, prefix: str, *, after: str, limit: int
    ) -> list[tuple[str, Stored]]:
        found = self._collections.get(collection)
        if found is None:
            return []
        entries = found.entries
        return [(key, entries[key]) for key in found.keys.between(prefix, after, limit)]

    def count(self, collection: str, prefix: str, *, after: str) -> int:
        found = self._collections.get(collection)
        return found.keys.count(prefix, after) if found is not None else 0

    def collections(self) -> list[str]:
        return [name for name, found in self._collections.items() if found.keys]


Undo = dict[str, Stored | None]
"""For each key that changed since some revision: its entry at that revision, None if absent."""


def scan_with_undo(
    state: CurrentState, undo: Undo, collection: str, prefix: str, *, after: str, limit: int
) -> list[tuple[str, Stored]]:
    """A page of the past: the current state with the changes since then taken back.

    Of the current entries so many are looked at as are asked for, and one more for each change:
    a change can take away one of them at the most.
    """
    enough = limit + len(undo) if limit else 0
    current = dict(state.scan(collection, prefix, after=after, limit=enough))
    for key, entry in undo.items():
        if not key.startswith(prefix) or key <= after:
            continue
        if entry is None:
            current.pop(key, None)
        else:
            current[key] = entry
    page = sorted(current.items())
    return page[:limit] if limit else page
