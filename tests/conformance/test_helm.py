"""Helm, the versions that people have: a chart with hooks, a CRD and a test, from its first
installation to its end. Deployments of the chart become processes, so `--wait` really waits.

Helm 3 is tried where `~/.cache/towpath-engines/bin/helm` is, Helm 4 with the dependency group
`clients`.
"""

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.conformance.clients import CHART, succeeds
from tests.conformance.processes import wired_cluster
from tests.engines import kube
from tests.wire import WiredApi

from towpath.machinery.core_kinds import CONFIG_MAP, DEPLOYMENT, SECRET
from towpath.machinery.errors import NotFound

HELM_3 = kube.HOME / "bin/helm"
pytestmark = pytest.mark.slow
WAITING = ("--wait", "--timeout=40s")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WiredApi]:
    async with wired_cluster(tmp_path) as wired:
        yield wired


async def helm(api: WiredApi, *arguments: str) -> str:
    home = str(api.kubeconfig.parent)
    homes = {f"HELM_{name}_HOME": home for name in ("CACHE", "CONFIG", "DATA")}
    places = {"HOME": home, "KUBECONFIG": str(api.kubeconfig), **homes}
    process = await asyncio.create_subprocess_exec(
        HELM_3,
        *arguments,
        env={"PATH": os.environ["PATH"], **places},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(90):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


@pytest.mark.skipif(
    not HELM_3.exists(), reason=f"GOBIN={HELM_3.parent} go install helm.sh/helm/v3/cmd/helm@v3.22.0"
)
async def test_a_release_of_helm_3(api: WiredApi) -> None:
    client = api.front.client()

    async def greeting() -> Any:
        return (await client.get(CONFIG_MAP, "three-config", "default"))["data"]["greeting"]

    await helm(api, "install", "three", str(CHART), *WAITING)
    assert await greeting() == "hello"
    secret = await client.get(SECRET, "sh.helm.release.v1.three.v1", "default")
    assert secret["type"] == "helm.sh/release.v1"
    await helm(api, "upgrade", "three", str(CHART), "--set=replicas=2,greeting=bye", *WAITING)
    assert await greeting() == "bye"
    status = (await client.get(DEPLOYMENT, "three", "default"))["status"]
    assert status["readyReplicas"] == 2
    assert "tested" in await helm(api, "test", "three", "--logs")
    await helm(api, "rollback", "three", "1", *WAITING)
    assert await greeting() == "hello"
    listed = orjson.loads(await helm(api, "history", "three", "-o", "json"))
    assert [one["status"] for one in listed] == ["superseded", "superseded", "deployed"]
    with pytest.raises(AssertionError, match="must be of type integer"):
        await helm(api, "install", "wrong", str(CHART), "--set=replicas=many")
    await helm(api, "uninstall", "three", *WAITING)
    with pytest.raises(NotFound):
        await client.get(DEPLOYMENT, "three", "default")


@pytest.mark.skipif(
    importlib.util.find_spec("helm_python") is None, reason="tools/install .venv --group clients"
)
async def test_a_release_of_helm_4(api: WiredApi) -> None:
    await succeeds(api, "helm4", "releases")
