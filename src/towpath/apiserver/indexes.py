"""Which objects have a value: so that a list by label or field reads those, and not the collection.

An index is made when something is first asked for by that label or field, which costs what looking
through the collection would have cost; from then on it follows every commit.
"""

from msgspec import Struct

from towpath.apiserver.encoding import loads
from towpath.machinery.objects import RawObject, labels_of
from towpath.machinery.selectors import field_value
from towpath.store.contract import Event, Store
from towpath.store.keys import OrderedKeys

INDEXED_MAX = 24
"""Of each collection: anybody may think of another label, and each index takes memory."""


class Attribute(Struct, frozen=True):
    """A label, or a field by its path."""

    is_label: bool
    path: str

    def of(self, obj: RawObject) -> str:
        """The value that an object has there, "" for none."""
        if self.is_label:
            return str(labels_of(obj).get(self.path, ""))
        return field_value(obj, self.path)


Wanted = tuple[tuple[Attribute, str], ...]
"""What a selector says for certain: each attribute has this value."""


class Indexes:
    """Those of one store, by collection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._collections: dict[str, _Collection] = {}

    def keys(self, collection: str, prefix: str, after: str, wanted: Wanted) -> list[str] | None:
        """Of all that has everything that is wanted, in order; None: this is not indexed."""
        if not wanted:
            return None
        indexed = self._collections.get(collection)
        if indexed is None:
            indexed = self._collections[collection] = _Collection()
            self._store.observe(collection, indexed.follow)
        slices = []
        for attribute, value in wanted:
            index = indexed.index(attribute, self._store, collection)
            if index is None:
                return None
            slices.append(index.with_value(value, prefix, after))
        fewest, *others = sorted(slices, key=len)
        for other in others:
            there = set(other)
            fewest = [key for key in fewest if key in there]
        return fewest


class _Collection:
    def __init__(self) -> None:
        self._indexes: dict[Attribute, _Index] = {}

    def index(self, attribute: Attribute, store: Store, collection: str) -> "_Index | None":
        known = self._indexes.get(attribute)
        if known is not None or len(self._indexes) >= INDEXED_MAX:
            return known
        index = self._indexes[attribute] = _Index()
        for key, stored in store.scan(collection):
            index.put(key, attribute.of(loads(stored.value)))
        return index

    def follow(self, event: Event) -> None:
        """An Observer of the store."""
        obj = None if event.deleted else loads(event.value)
        for attribute, index in self._indexes.items():
            index.put(event.key, attribute.of(obj) if obj is not None else "")


class _Index:
    """Keys in order by their value. Objects without a value are not in it."""

    def __init__(self) -> None:
        self._keys: dict[str, OrderedKeys] = {}
        self._values: dict[str, str] = {}

    def with_value(self, value: str, prefix: str, after: str) -> list[str]:
        keys = self._keys.get(value)
        return keys.between(prefix, after) if keys is not None else []

    def put(self, key: str, value: str) -> None:
        before = self._values.get(key, "")
        if value == before:
            return
        if before:
            keys = self._keys[before]
            keys.remove(key)
            if not keys:
                del self._keys[before]
        if value:
            self._keys.setdefault(value, OrderedKeys()).add(key)
            self._values[key] = value
        else:
            del self._values[key]
