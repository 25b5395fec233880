"""What the API server asks of a store. Implementations: SQLite, memory; one contract suite.

The rules that every store keeps:

- One global revision, strictly increasing. A write gets its revision when it is accepted, so that
  its bytes can carry it; gaps are allowed (a write that failed), reordering is not.
- A write names the revision that it replaces (0: none) and is refused when that is not current.
  Writes under way count: the second write to a key waits for the first and is then compared.
- A write is visible to readers and watchers only once it is durable, and acknowledged only then.
- The log is the watch: replay from any revision that is not yet compacted, then live, no gap
  and nothing twice. A watcher that does not keep up is dropped; it lists again.
- The audit entry of a write is stored in the write's own commit.
- A full disk fails writes with StorageFull; reads go on; writes work again once there is room.

Values are the bytes to send. A store never looks inside them.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from msgspec import Struct

Encode = Callable[[int], bytes]
"""The bytes of an object that is written at the given revision."""


class RevisionMismatch(Exception):
    """The write expected another revision than the current one; `current` None: no such key."""

    def __init__(self, current: "Stored | None") -> None:
        super().__init__(f"current revision is {current.revision if current else 0}")
        self.current = current


class Compacted(Exception):
    """Asked for history that is gone, or too slow to follow: read the current state and go on."""


class FutureRevision(Exception):
    """Asked for a revision that has not happened: the asker knows another store's history."""


class UnsupportedFormat(Exception):
    """The data on disk has a format version that this release does not read."""


class UnsealError(Exception):
    """A sealed value cannot be read: it was sealed with another key, or changed on disk."""


class DamagedStore(Exception):
    """The data on disk cannot be read; `str()` names the file."""


class DiskNotWritable(DamagedStore):
    """The data is on a disk or in a folder that cannot be written; `str()` names the file."""


class Stored(NamedTuple):
    revision: int
    value: bytes


class Event(NamedTuple):
    """One committed change. A deletion's value is the last state, at the deletion's revision."""

    revision: int
    collection: str
    key: str
    value: bytes
    previous: bytes | None
    deleted: bool


class Audit(Struct, frozen=True):
    """Who wrote, as it is kept beside the write."""

    user: str
    verb: str
    at: str
    groups: tuple[str, ...] = ()
    subresource: str = ""
    manager: str = ""


class AuditRow(Struct, frozen=True):
    revision: int
    collection: str
    key: str
    audit: Audit


class Write(Struct, frozen=True):
    """One change to one key. `expected` is the revision it replaces, 0 when it creates."""

    collection: str
    key: str
    expected: int
    encode: Encode
    deleted: bool = False
    audit: Audit | None = None


class StateReader(Protocol):
    """Committed state. No method waits: a read costs microseconds."""

    @property
    def revision(self) -> int:
        """The revision of the newest committed write."""
        ...

    def get(self, collection: str, key: str) -> Stored | None: ...

    def scan(
        self, collection: str, prefix: str = "", *, after: str = "", limit: int = 0
    ) -> list[tuple[str, Stored]]:
        """Current entries in key order: keys that begin with `prefix`, above `after`."""
        ...

    def scan_at(
        self, revision: int, collection: str, prefix: str = "", *, after: str = "", limit: int = 0
    ) -> list[tuple[str, Stored]]:
        """The same as it was at `revision`. Raises Compacted, FutureRevision."""
        ...

    def count(self, collection: str, prefix: str = "", *, after: str = "") -> int: ...

    def collections(self) -> list[str]:
        """Names of the collections that hold something."""
        ...


class StateWriter(Protocol):
    async def settled(self, collection: str, key: str) -> Stored | None:
        """The entry once no write to it is under way: read with this before changing it."""
        ...

    async def commit(self, write: Write) -> Stored:
        """Write durably. Raises RevisionMismatch, StorageFull."""
        ...


class Subscription(Protocol):
    @property
    def position(self) -> int:
        """Every change up to this revision has been handed out."""
        ...

    async def batch(self) -> list[Event]:
        """The next changes, at least one, in order. Raises Compacted when dropped."""
        ...

    def close(self) -> None: ...


Observer = Callable[[Event], None]
"""Called inside the commit, before the writer is answered. Must be quick and must not raise."""


class ChangeLog(Protocol):
    def observe(self, collection: str, observer: Observer) -> None:
        """Tell `observer` every change of a collection, "" for all, as it becomes visible."""
        ...

    def watch(self, collection: str, prefix: str = "", *, since: int) -> Subscription:
        """Changes after `since`; collection "" means all. Raises Compacted, FutureRevision."""
        ...

    async def compact(self, revision: int) -> None:
        """Forget what happened up to `revision`, the current state excepted."""
        ...

    async def writers(self, collection: str, key: str, *, limit: int = 20) -> list[AuditRow]:
        """Who wrote the key, newest first; deletions included."""
        ...

    async def audit_since(self, revision: int, *, limit: int = 1000) -> list[AuditRow]:
        """Audit entries after `revision`, oldest first: for shipping them to records."""
        ...

    async def forget_audit(self, revision: int) -> None:
        """Drop audit entries up to `revision`: they are kept elsewhere now."""
        ...


class Store(StateReader, StateWriter, ChangeLog, Protocol):
    async def close(self) -> None:
        """Finish what was accepted, then stop. Watchers are dropped."""
        ...
