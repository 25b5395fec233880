"""A plane: an API server over a store of its own. The platform has one, each local cluster too."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from towpath.apiserver.auditing.events import Auditing
from towpath.apiserver.authn.pki import Pki
from towpath.apiserver.front import Front
from towpath.apiserver.pods import Pods
from towpath.machinery.users import Authenticate
from towpath.store.sealing import Sealing
from towpath.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class Plane:
    store: SqliteStore
    front: Front
    audit: Auditing | None = None


@asynccontextmanager
async def open_plane(
    name: str,
    folder: Path,
    pki: Pki,
    *,
    bearer: Sequence[Authenticate],
    anonymous_at: Callable[[str], bool] = lambda _path: True,
    audit: Auditing | None = None,
    pods: Pods | None = None,
    sealing: Sealing | None = None,
    signs_certificates: bool = False,
) -> AsyncIterator[Plane]:
    """`bearer` are further ways to know a token; `name` tells the servers' own tokens apart."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = await SqliteStore.open(folder / "store.db", sealing=sealing)
    try:
        front = await Front.open(
            store,
            pki,
            name=name,
            bearer=bearer,
            anonymous_at=anonymous_at,
            audit=audit,
            pods=pods,
            signs_certificates=signs_certificates,
        )
        yield Plane(store, front, audit)
    finally:
        await store.close()
