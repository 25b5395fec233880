"""Which API server scenarios run on: `--api=embedded` (the default) or `--api=kube`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.apis import HasClients, OpenApi
from tests.engines.kube import KubeFactory, KubeFront, kube_front
from tests.support import running_api_server

from towpath.app.objects import apply_kinds
from towpath.machinery.objects import RawObject


@pytest.fixture
async def kube_api(request: pytest.FixtureRequest) -> AsyncIterator[KubeFront | None]:
    """A real API server that nothing has touched with `--api=kube`, else None."""
    if request.config.getoption("--api") != "kube":
        yield None
        return
    factory: KubeFactory = request.getfixturevalue("kube_factory")
    with factory.fresh() as kube:
        async with kube_front(kube) as front:
            yield front


@pytest.fixture
def open_api(kube_api: KubeFront | None) -> OpenApi:
    if kube_api is None:
        return running_api_server

    @asynccontextmanager
    async def opened(*, kinds: list[RawObject]) -> AsyncIterator[HasClients]:
        await apply_kinds(kube_api.client(), kinds)
        yield kube_api

    return opened
