"""Fixtures for every test: asyncio is the loop that the platform runs on; a real Kubernetes to ask.

`--api=kube` runs scenarios on a real kube-apiserver in place of the embedded API server.
"""

from collections.abc import Iterator

import pytest

from tests.engines import kube


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--api",
        choices=("embedded", "kube"),
        default="embedded",
        help="which API server scenarios run on; kube needs `tools/real-kube build`",
    )


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def kube_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kube.KubeFactory]:
    """Real control planes over one etcd; skips where the binaries are not built."""
    if kube.missing():
        pytest.skip(kube.NOT_BUILT)
    with kube.KubeFactory(tmp_path_factory.mktemp("kube")) as factory:
        yield factory


@pytest.fixture(scope="session")
def real_kube(kube_factory: kube.KubeFactory) -> kube.Kube:
    """One real control plane for the whole session: keep to names of your own."""
    return kube_factory.shared
