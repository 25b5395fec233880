"""What most controllers are made of, client-go and controller-runtime, against our server.

`goclient/` is a program of ours. It is built once for each change of it, into
`~/.cache/towpath-engines/goclient`: about 150 CPU seconds on a machine that has built nothing of
Kubernetes yet.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conformance.processes import IMAGE, wired_cluster
from tests.engines import kube
from tests.wire import WiredApi

from towpath.machinery.core_kinds import POD

SOURCES = Path(__file__).parent / "goclient"
BUILD_S_MAX = 900
TRY_S_MAX = 60
pytestmark = [pytest.mark.slow, pytest.mark.timeout(BUILD_S_MAX + TRY_S_MAX)]


@pytest.fixture(scope="session")
def goclient() -> Path:
    contents = b"".join(path.read_bytes() for path in sorted(SOURCES.iterdir()))
    binary = kube.HOME / "goclient" / hashlib.sha256(contents).hexdigest()[:16]
    binary.parent.mkdir(parents=True, exist_ok=True)
    # One process of the tests builds it, the others wait.
    with (binary.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            build(binary)
    return binary


def build(binary: Path) -> None:
    """Skips where it cannot be built."""
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        pytest.skip("no go on the PATH")
    unfinished = binary.with_suffix(".unfinished")
    built = subprocess.run(
        ["nice", go, "build", "-buildvcs=false", "-trimpath", "-o", str(unfinished), "."],
        cwd=SOURCES,
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=BUILD_S_MAX,
        check=False,
    )
    if built.returncode:
        pytest.skip(f"goclient cannot be built: {built.stderr[-500:]}")
    unfinished.rename(binary)


async def succeeds(goclient: Path, api: WiredApi, name: str) -> None:
    process = await asyncio.create_subprocess_exec(
        goclient,
        name,
        env={"PATH": os.environ["PATH"], "KUBECONFIG": str(api.kubeconfig)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(TRY_S_MAX):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.mark.parametrize("name", ["informers", "election", "dynamic", "apply", "events"])
async def test_client_go(goclient: Path, api: WiredApi, name: str) -> None:
    await succeeds(goclient, api, name)


async def test_a_controller_of_controller_runtime(goclient: Path, api: WiredApi) -> None:
    await succeeds(goclient, api, "controller")


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[WiredApi]:
    async with wired_cluster(tmp_path) as wired:
        yield wired


async def test_client_go_executes_in_a_pod(goclient: Path, cluster: WiredApi) -> None:
    script = "while :; do sleep 0.05; done"
    container = {"name": "main", "image": IMAGE, "command": ["sh", "-c", script]}
    made = POD.object("goclient", "default", spec={"containers": [container]})
    await cluster.front.client().create(POD, made)
    await succeeds(goclient, cluster, "execution")
