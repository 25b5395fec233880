"""Fixtures for every test: asyncio is the loop that the platform runs on; a real Kubernetes to ask.

`--api=kube` runs scenarios on a real kube-apiserver in place of the embedded API server.
"""

import signal
import sys
from collections.abc import Iterator

import pytest
from xdist.remote import Producer

from tests import spreading
from tests.engines import kube
from towpath.engines.processes.syscalls import die_with_parent

FOLDERS_SHOWN = 12
NEEDS_REAL_KUBE = {"real_kube", "kube_factory"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--api",
        choices=("embedded", "kube"),
        default="embedded",
        help="which API server scenarios run on; kube needs `tools/real-kube build`",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_kube: asks a real kube-apiserver; set by itself")
    if spreading.WORKER and sys.platform == "linux":
        # A run that is killed goes on nowhere.
        die_with_parent(signal.SIGTERM)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if NEEDS_REAL_KUBE.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("real_kube")
    if spreading.WORKER:
        spreading.longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> spreading.Spreading:
    return spreading.Spreading(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the time went, for runs of many folders."""
    reports = [
        report
        for category in ("passed", "failed", "error", "skipped", "")
        for report in terminalreporter.stats.get(category, ())
        if isinstance(report, pytest.TestReport)
    ]
    if len(folders := spreading.seconds_of_folders(reports)) > 1:
        terminalreporter.section("seconds of folders")
        for line in folders[:FOLDERS_SHOWN]:
            terminalreporter.write_line(line)


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
