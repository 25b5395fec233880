"""A plane: one API server over a store, with its rights, tokens and wire.

The platform's API is one, each local cluster is another.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from towpath.apiserver.authn.chain import RequestAuthenticator
from towpath.apiserver.authn.pki import Pki
from towpath.apiserver.authn.tokens import ServiceAccountTokens
from towpath.apiserver.authz.defaults import ensure_default_roles
from towpath.apiserver.authz.escalation import escalation_check
from towpath.apiserver.authz.following import RbacFollower
from towpath.apiserver.authz.index import RbacIndex
from towpath.apiserver.calls import Verbs
from towpath.apiserver.http.application import ApiApplication
from towpath.apiserver.http.podstreams import PodLogs
from towpath.apiserver.inprocess import InProcessClient
from towpath.apiserver.registry import Registry
from towpath.apiserver.server import ApiServer
from towpath.apiserver.virtual import WithVirtualKinds
from towpath.machinery.users import PLATFORM, Authenticate, UserInfo
from towpath.store.sqlite import SqliteStore

MANAGER = "towpath"


@dataclass(frozen=True, slots=True)
class Plane:
    """One running API. `name` is "" for the platform's own."""

    name: str
    store: SqliteStore
    server: ApiServer
    verbs: Verbs
    index: RbacIndex
    tokens: ServiceAccountTokens
    authenticator: RequestAuthenticator
    follower: RbacFollower

    @property
    def registry(self) -> Registry:
        return self.server.core.registry

    def client(self, user: UserInfo = PLATFORM) -> InProcessClient:
        return InProcessClient(self.verbs, self.registry, user, manager=MANAGER)

    def application(self, pod_logs: PodLogs | None = None) -> ApiApplication:
        return ApiApplication(
            verbs=self.verbs,
            registry=self.registry,
            authenticate=self.authenticator,
            authorize=self.index.authorize,
            pod_logs=pod_logs,
        )

    async def run(self) -> None:
        """What an API does by itself; until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.server.run())
            tasks.create_task(self.follower.fill_aggregated_roles(self.verbs))


@asynccontextmanager
async def open_plane(
    name: str, folder: Path, pki: Pki, *, bearer: Sequence[Authenticate]
) -> AsyncIterator[Plane]:
    """An API server on the store in `folder`; `bearer` are further ways to know a token."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = await SqliteStore.open(folder / "store.db")
    try:
        index = RbacIndex()
        follower = RbacFollower(index, store)
        server = await ApiServer.start(
            store, authorize=index.authorize, validating=(escalation_check(index),)
        )
        await ensure_default_roles(server)
        issuer = f"https://{name or 'platform'}.api.towpath.internal"
        tokens = ServiceAccountTokens(pki.token_key, server, issuer=issuer)
        authenticator = RequestAuthenticator(
            authorize=index.authorize,
            admin_token=pki.admin_token,
            bearer=(tokens.verify, *bearer),
        )
        verbs = WithVirtualKinds(
            server,
            index=index,
            tokens=tokens,
            authenticate_token=authenticator.authenticate_token,
        )
        yield Plane(name, store, server, verbs, index, tokens, authenticator, follower)
    finally:
        await store.close()
