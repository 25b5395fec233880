"""Several API servers on one listener, told apart by their path and by their tokens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.wire import WiredApi, wired_api_server

from towpath.apiserver.front import Front
from towpath.apiserver.http.mount import Mounts
from towpath.apiserver.http.wire.listener import Listener
from towpath.client.kubeconfig import Connection
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.asgi import Application
from towpath.machinery.errors import NotFound, Unauthorized
from towpath.machinery.kinds import Resource
from towpath.store.memory import MemoryStore

CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps")
SERVICE_ACCOUNTS = Resource("", "v1", "ServiceAccount", "serviceaccounts")


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[WiredApi]:
    async with wired_api_server(tmp_path) as wired:
        yield wired


@pytest.fixture
async def cluster(platform: WiredApi) -> AsyncIterator[Front]:
    store = MemoryStore()
    yield await Front.open(store, platform.pki, name="local")
    await store.close()


@pytest.fixture
async def server(platform: WiredApi, cluster: Front) -> AsyncIterator[str]:
    clusters: dict[str, Application] = {"local": cluster.application}
    mounts = Mounts(platform.front.application, clusters)
    async with Listener(mounts, port=0, tls=platform.pki.server_context()) as listener:
        yield f"https://localhost:{listener.port}"
        cluster.application.end_streams()


def client(platform: WiredApi, server: str, token: str = "") -> KubernetesClient:
    ca_pem = platform.pki.ca_pem.decode()
    return KubernetesClient(Connection(server, token or platform.pki.admin_token, ca_pem))


async def test_each_cluster_has_its_own_objects(platform: WiredApi, server: str) -> None:
    async with (
        client(platform, server) as here,
        client(platform, f"{server}/clusters/local") as there,
    ):
        since = (await there.list(CONFIG_MAPS, "default")).resource_version
        await there.create(CONFIG_MAPS, CONFIG_MAPS.object("c", "default"))
        with pytest.raises(NotFound):
            await here.get(CONFIG_MAPS, "c", "default")
        async with (
            asyncio.timeout(5),
            aclosing(there.watch(CONFIG_MAPS, "default", since=since)) as events,
        ):
            assert (await anext(events)).object["metadata"]["name"] == "c"
        assert await there.resolve("apps/v1", "Deployment")


async def test_an_unknown_cluster_is_not_found(platform: WiredApi, server: str) -> None:
    async with client(platform, f"{server}/clusters/absent") as nowhere:
        with pytest.raises(NotFound, match="absent"):
            await nowhere.list(CONFIG_MAPS)


async def test_a_token_of_the_platform_opens_no_cluster(platform: WiredApi, server: str) -> None:
    account = SERVICE_ACCOUNTS.object("ci", "default")
    await platform.front.client().create(SERVICE_ACCOUNTS, account)
    token = await platform.front.tokens("default", "ci", ttl_s=600)
    async with client(platform, f"{server}/clusters/local", token) as there:
        with pytest.raises(Unauthorized):
            await there.list(CONFIG_MAPS, "default")
