"""Many objects by the store's own door: `python -m bench.apiserver.fill FOLDER FIRST END`.

Copies of the object FIRST - 1, which was created through the API, under other names: a million of
them takes as long as some ten thousand requests. What is measured is created through the API.
"""

import asyncio
import sys
import uuid
from pathlib import Path

from bench.apiserver.requests import GROUP, NAMESPACE, PLURAL
from towpath.store.contract import Audit, Stored, Write
from towpath.store.sqlite import SqliteStore

AT_ONCE = 512
AUDIT = Audit("bench", "create", "2026-01-01T00:00:00Z")


def shuffled(index: int) -> str:
    """Names in no order, so that new keys come between old ones."""
    return f"widget-{(index * 7_919) % 10_000_019:08d}"


async def fill(folder: Path, first: int, end: int) -> None:
    store = await SqliteStore.open(folder / "store.db")
    collection, known = f"{GROUP}/{PLURAL}", shuffled(first - 1)
    model = store.get(collection, f"{NAMESPACE}/{known}")
    assert model is not None, f"{known} has not been created"
    for begin in range(first, end, AT_ONCE):
        names = map(shuffled, range(begin, min(end, begin + AT_ONCE)))
        writes = (_write(collection, model, known, name) for name in names)
        await asyncio.gather(*(store.commit(write) for write in writes))
    await store.close()


def _write(collection: str, model: Stored, known: str, name: str) -> Write:
    head, uid, rest = model.value.partition(b'"uid":"')
    named = head.replace(known.encode(), name.encode()) + uid + str(uuid.uuid4()).encode()

    def encode(revision: int) -> bytes:
        before, version, after = rest[36:].partition(b'"resourceVersion":"')
        return b"".join((named, before, version, b"%d" % revision, after[after.index(b'"') :]))

    return Write(collection, f"{NAMESPACE}/{name}", 0, encode, audit=AUDIT)


if __name__ == "__main__":
    asyncio.run(fill(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
