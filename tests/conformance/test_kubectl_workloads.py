"""kubectl on workloads whose controllers run: rollouts and what they leave in the history."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conformance.conftest import Kubectl, kubectl_binary
from tests.conformance.processes import IMAGE, wired_cluster

TEMPLATE = f"""
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: {IMAGE}
        command: [sh, -c, "while :; do sleep 0.05; done"]
        env: [{{name: ROUND, value: one}}]
"""
PLACES = {
    "deployment": "",
    "daemonset": "",
    "statefulset": "\n  serviceName: web",
}
ROUND = "jsonpath={.spec.template.spec.containers[0].env[0].value}"


def manifest(kind: str, cause: str) -> str:
    names = {"deployment": "Deployment", "daemonset": "DaemonSet", "statefulset": "StatefulSet"}
    annotations = f"annotations: {{kubernetes.io/change-cause: {cause}}}"
    head = (
        f"apiVersion: apps/v1\nkind: {names[kind]}\nmetadata: {{name: web, {annotations}}}\nspec:"
    )
    return head + PLACES[kind] + TEMPLATE.replace("value: one", f"value: {cause}")


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    async with wired_cluster(tmp_path) as wired:
        yield Kubectl(kubectl_binary(), tmp_path, wired)


@pytest.mark.parametrize("kind", PLACES)
async def test_a_rollout_can_be_undone(kubectl: Kubectl, kind: str) -> None:
    for cause in ("one", "two"):
        await kubectl("apply", "-f", "-", stdin=manifest(kind, cause))
        await kubectl("rollout", "status", f"{kind}/web", "--timeout=40s")
    history = (await history_of(kubectl, kind)).split()
    assert history[-4:] == ["1", "one", "2", "two"]
    first = await kubectl("rollout", "history", f"{kind}/web", "--revision=1")
    assert "ROUND:" in first
    assert await kubectl("get", kind, "web", "-o", ROUND) == "two"
    await kubectl("rollout", "undo", f"{kind}/web", "--dry-run=server")
    assert await kubectl("get", kind, "web", "-o", ROUND) == "two"
    await kubectl("rollout", "undo", f"{kind}/web")
    await kubectl("rollout", "status", f"{kind}/web", "--timeout=40s")
    assert await kubectl("get", kind, "web", "-o", ROUND) == "one"
    left = (await history_of(kubectl, kind)).splitlines()[2:]
    numbers = [line.split()[0] for line in left if line]
    assert numbers == ["2", "3"]
    unknown = await kubectl.run("rollout", "undo", f"{kind}/web", "--to-revision=99")
    assert unknown.code == 1
    assert "unable to find specified revision 99" in unknown.err


async def history_of(kubectl: Kubectl, kind: str) -> str:
    return await kubectl("rollout", "history", f"{kind}/web")


async def test_a_replication_controller_scales(kubectl: Kubectl) -> None:
    older = manifest("deployment", "x").replace("apps/v1", "v1")
    older = older.replace("Deployment", "ReplicationController")
    older = older.replace("{matchLabels: {app: web}}", "{app: web}")
    await kubectl("create", "-f", "-", stdin=older)
    await kubectl("scale", "rc", "web", "--replicas=2", "--current-replicas=1")
    ready = "--for=jsonpath={.status.readyReplicas}=2"
    await kubectl("wait", ready, "rc/web", "--timeout=40s")
    assert "2 current / 2 desired" in await kubectl("describe", "rc", "web")
    shown = await kubectl("get", "rc", "web", "--subresource=scale")
    assert shown.split()[:7] == ["NAME", "DESIRED", "AVAILABLE", "AGE", "web", "2", "2"]
    wrong = await kubectl.run("scale", "rc", "web", "--replicas=5", "--current-replicas=7")
    assert wrong.code == 1
    await kubectl("delete", "rc", "web", "--cascade=foreground", "--timeout=40s")
    assert await kubectl("get", "pods", "-o", "name") == ""
