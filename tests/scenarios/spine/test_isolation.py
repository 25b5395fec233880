"""Two tenants on one machine: what neither a step, nor a pod, nor a person reaches of the other.

DESIGN 12.10 and section 8. One platform serves all tests of this file.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.platform import TOWPATH, PlatformProcess
from tests.scenarios.spine.estate import Estate, estate_of
from tests.support import eventually

from towpath.app.datadir import default_cache_dir
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.engines.processes.sweep import TOKEN_VARIABLE, token_of
from towpath.machinery.errors import Forbidden
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

ROOT = Path(__file__).parents[3]
NOBODY = 65534
SPY = (Path(__file__).parent / "spy.py").read_text()
DAEMON = "import signal\nwhile True: signal.pause()"
POD = Resource("", "v1", "Pod", "pods")
RBAC = "rbac.authorization.k8s.io/v1"

WORKFLOW = """
name: Spy
on:
  push:
    branches: [spy]
jobs:
  spy:
    runs-on: ubuntu-latest
    env:
      SPY_TARGETS: '{targets}'
    steps:
      - uses: actions/checkout@v5
      - run: python3 spy.py
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("own", id="as the user of the tests"),
        pytest.param("ordinary", id="as an ordinary user", marks=pytest.mark.slow),
    ],
)
async def estate(request: pytest.FixtureRequest) -> AsyncIterator[Estate]:
    with tempfile.TemporaryDirectory(prefix="towpath-isolation-") as name:
        folder = Path(name)
        launcher = ordinary(folder) if request.param == "ordinary" else own(folder)
        platform = PlatformProcess(folder / "data", launcher=launcher)
        await platform.start()
        try:
            async with estate_of(platform) as made:
                yield made
        finally:
            await platform.stop()


def own(folder: Path) -> tuple[str, ...]:
    """The platform as the tests' own user, with a home in which something is kept secret."""
    return (
        *("env", f"HOME={_home(folder)}", f"TOWPATH_CACHE={default_cache_dir()}"),
        *("PLANTED_IN_PLATFORM=planted", str(TOWPATH)),
    )


def ordinary(folder: Path) -> tuple[str, ...]:
    """The platform as `nobody`, with an environment of its own that `nobody` may read."""
    if os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user already")
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    wanted = "import sys, venv; sys.exit(sys.version_info < (3, 11))"
    if python is None or subprocess.run([python, "-c", wanted], check=False).returncode != 0:
        pytest.skip("no Python 3.11 or newer that an ordinary user may read")
    home = _home(folder)
    folder.chmod(0o755)
    environment = folder / "environment"
    subprocess.run(
        [TOWPATH.with_name("uv"), "sync", "--quiet", "--frozen", "--all-extras", "--no-dev"],
        env={
            **os.environ,
            "UV_PROJECT_ENVIRONMENT": str(environment),
            "UV_PYTHON": python,
            "UV_LINK_MODE": "copy",
        },
        cwd=ROOT,
        check=True,
    )
    for place in (folder, home, *home.rglob("*")):
        os.chown(place, NOBODY, NOBODY)
    return (
        *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env"),
        *(f"HOME={home}", f"TOWPATH_CACHE={folder / 'cache'}", "PLANTED_IN_PLATFORM=planted"),
        str(environment / "bin" / "towpath"),
    )


def _home(folder: Path) -> Path:
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_text("planted")
    return home


def targets(estate: Estate) -> dict[str, Any]:
    data = estate.data
    digest = "sha256:" + "0" * 64
    return {
        "portal": f"http://localhost:{estate.platform.port}",
        "postgres": json.loads((data / "settings.json").read_text())["postgres"],
        "daemon": DAEMON,
        "files": [
            str(path)
            for path in (
                *(data / name for name in ("kubeconfig", "settings.json", "records.db", "lock")),
                *(data / "pki" / name for name in ("admin.token", "secrets.key", "tokens.key")),
                data / "platform" / "store.db",
                data / "clusters" / "local" / "store.db",
                data / "postgres" / "password",
                data / "postgres" / "data" / "PG_VERSION",
                data / "git" / "other" / "other-service.git" / "HEAD",
                data / "git" / "demo" / "deployments.git" / "HEAD",
                data / "registry" / "images",
                data / "logs" / "towpath.log",
                data / "run" / "sweep-token",
                *(data / "pods").iterdir(),
                data / "platform",
                data.parent / "home" / ".ssh" / "id_ed25519",
                Path.home() / ".bashrc",
                default_cache_dir() / "images",
                data.parent / "cache" / "images",
            )
        ],
        "pids": [estate.platform.pid, *_pids_of(estate)],
        "api": [
            ["GET", "/api/v1/namespaces/other/secrets", None],
            ["GET", "/api/v1/namespaces/demo/secrets", None],
            ["GET", "/api/v1/secrets", None],
            ["GET", "/apis/towpath.dev/v1alpha1/namespaces/other/workloads", None],
            ["POST", f"/apis/{RBAC}/clusterroles", _cluster_role()],
            ["POST", f"/apis/{RBAC}/namespaces/demo/rolebindings", _role_binding()],
            [
                "POST",
                "/apis/towpath.dev/v1alpha1/namespaces/other/workloadreleases",
                _release(f"registry.towpath.dev/demo/order-service@{digest}"),
            ],
            [
                "POST",
                "/apis/towpath.dev/v1alpha1/namespaces/demo/approvals",
                {"apiVersion": "towpath.dev/v1alpha1", "kind": "Approval"},
            ],
            [
                "POST",
                "/api/v1/namespaces/demo/serviceaccounts/external-secrets/token",
                {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
            ],
            ["GET", "/clusters/local/api/v1/namespaces/demo-staging/secrets", None],
            ["GET", "/clusters/local/api/v1/pods", None],
        ],
        "http": [
            ["GET", "/git/other/other-service.git/info/refs?service=git-upload-pack", ""],
            ["GET", "/git/other/other-service.git/info/refs?service=git-receive-pack", ""],
            ["GET", "/git/demo/order-service.git/info/refs?service=git-receive-pack", ""],
            ["GET", "/git/demo/deployments.git/info/refs?service=git-receive-pack", ""],
            ["GET", "/git/demo/..%2fother/other-service.git/info/refs?service=git-upload-pack", ""],
            ["GET", "/v2/other/other-service/tags/list", ""],
            ["POST", "/v2/other/other-service/blobs/uploads/", ""],
            ["GET", "/api/v1/logs/pipelinerun/other/other-service-ci/build/1", ""],
            ["GET", "/api/v1/log-streams/pipelinerun/other/", ""],
            ["POST", "/-/links", '{"user": "admin"}'],
            ["POST", "/-/tokens", '{"link": "guess"}'],
        ],
    }


def _cluster_role() -> RawObject:
    return {
        "apiVersion": RBAC,
        "kind": "ClusterRole",
        "metadata": {"name": "everything"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }


def _role_binding() -> RawObject:
    return {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": {"name": "everything"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "pipeline", "namespace": "demo"}],
    }


def _release(image: str) -> RawObject:
    return RELEASE.object(
        "forged",
        "other",
        spec={"workload": "other-service", "image": image, "commit": "0" * 40, "score": {}},
    )


def _pids_of(estate: Estate) -> list[int]:
    """Every process of the platform that has its mark: other projects' pods among them."""
    mark = f"{TOKEN_VARIABLE}={token_of(estate.data / 'run')}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
        except OSError:
            continue
    return found


def daemons() -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if b"towpath-test-daemon" in (place / "cmdline").read_bytes().split(b"\0"):
                found.append(int(place.name))
        except OSError:
            continue
    return found


def judge(lines: list[str], *, attempts: int) -> None:
    assert lines[-1] == "the spy has tried everything", lines[-5:]
    assert [line for line in lines if line.startswith("GOT")] == []
    assert len([line for line in lines if line.startswith("refused")]) >= attempts


async def test_a_step_of_a_workflow_reaches_nothing_that_is_not_its_own(
    estate: Estate, tmp_path: Path
) -> None:
    text = json.dumps(targets(estate)).replace("'", "''")
    commit = await estate.push(
        "demo/order-service",
        {".github/workflows/spy.yaml": WORKFLOW.format(targets=text), "spy.py": SPY},
        tmp_path,
        branch="spy",
    )
    name = f"order-service-spy-{commit[:10]}"
    run = await estate.finished_run(name)
    lines = await estate.log(f"pipelinerun/demo/{name}/spy/2")
    assert run["status"]["phase"] == "Succeeded", lines[-10:]
    assert any(line.startswith("allowed: ") for line in lines)
    judge(lines, attempts=80)
    assert daemons() == []


async def test_a_pod_reaches_nothing_that_is_not_its_own(estate: Estate) -> None:
    pod = await _run_pod(estate, "spy", SPY)
    async with estate.platform.client("local") as client:
        log = await estate.platform.run(
            "kubectl", "--context", "local", "-n", "demo-staging", "logs", "spy"
        )
        await client.delete(POD, "spy", "demo-staging")
    assert pod["status"]["phase"] == "Succeeded", log.stdout
    judge(log.stdout.splitlines(), attempts=60)
    assert daemons() == []


async def _run_pod(estate: Estate, name: str, script: str) -> RawObject:
    image = await estate.image_of("order-service", "demo")
    pod = _pod(name, image, ["python3", "-c", script], targets(estate))
    async with estate.platform.client("local") as client:
        await client.create(POD, pod)
        found: list[RawObject] = []

        async def ended() -> bool:
            found[:] = [await client.get(POD, name, "demo-staging")]
            return found[0]["status"].get("phase") in ("Succeeded", "Failed")

        await eventually(ended, deadline_s=20)
        return found[0]


def _pod(name: str, image: str, command: list[str], env: dict[str, Any]) -> RawObject:
    container = {
        "name": "app",
        "image": image,
        "command": command,
        "env": [{"name": "SPY_TARGETS", "value": json.dumps(env)}],
    }
    return POD.object(
        name, "demo-staging", spec={"restartPolicy": "Never", "containers": [container]}
    )


async def test_a_pod_does_not_run_another_projects_image(estate: Estate) -> None:
    image = await estate.image_of("other-service", "other")
    async with estate.platform.client("local") as client:
        await client.create(POD, _pod("thief", image, ["true"], {}))

        async def refused() -> bool:
            status = (await client.get(POD, "thief", "demo-staging")).get("status") or {}
            containers = status.get("containerStatuses") or [{}]
            waiting = (containers[0].get("state") or {}).get("waiting") or {}
            return "belongs to project other" in waiting.get("message", "")

        await eventually(refused, deadline_s=10)
        await client.delete(POD, "thief", "demo-staging")


async def test_a_service_reaches_its_own_database_only(estate: Estate) -> None:
    own = await estate.secret("order-service-staging-db-connection", "demo")
    other = await estate.secret("other-service-staging-db-connection", "other")

    async def connect(database: str, user: str, password: str) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=own["host"],
            port=int(own["port"]),
            user=user,
            password=password,
            database=database,
            timeout=5,
        )

    connection = await connect(own["name"], own["username"], own["password"])
    try:
        for statement in (
            "CREATE DATABASE mine",
            "CREATE ROLE mine SUPERUSER",
            "SELECT rolpassword FROM pg_authid",
            "SELECT pg_read_file('/etc/passwd')",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'towpath'",
            "ALTER SYSTEM SET port = 1",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await connection.fetch(statement)
    finally:
        await connection.close()
    for database in (other["name"], "postgres", "template1"):
        with pytest.raises(asyncpg.PostgresError):
            await connect(database, own["username"], own["password"])
    with pytest.raises(asyncpg.PostgresError):
        await connect(other["name"], other["username"], own["password"])


async def test_who_is_no_member_sees_nothing_of_a_project(estate: Estate, tmp_path: Path) -> None:
    async with estate.client_of("carol") as client:
        assert (await client.list(WORKLOAD, "demo")).items != []
        for namespace in ("other", ""):
            with pytest.raises(Forbidden):
                await client.list(WORKLOAD, namespace)
        with pytest.raises(Forbidden):
            await client.create(WORKLOAD, WORKLOAD.object("mine", "demo", spec={}))
    async with estate.client_of("carol", "local") as client:
        assert (await client.list(POD, "demo-staging")).items != []
        with pytest.raises(Forbidden):
            await client.list(POD, "other-staging")
    token = await estate.token("carol")
    async with estate.http(token) as http:
        for path in (
            "/git/other/other-service.git/info/refs?service=git-upload-pack",
            "/git/demo/order-service.git/info/refs?service=git-receive-pack",
            "/v2/other/other-service/tags/list",
            "/api/v1/log-streams/pipelinerun/other/",
        ):
            assert (await http.get(path)).status_code in (403, 404), path
        for path in ("/api/v1/audit?limit=1000", "/api/v1/projects", "/v2/_catalog", "/"):
            text = (await http.get(path)).text
            assert "other" not in _words(text), path
        entries = (await http.get("/api/v1/audit")).json()["entries"]
        assert {entry["project"] for entry in entries} == {"demo"}
    for command in (
        ("list", "--project", "other"),
        ("show", "other-service", "--project", "other"),
    ):
        answer = await estate.towpath_as("carol", *command, home=tmp_path)
        assert answer.code != 0
        assert "other-service-" not in answer.stdout + answer.stderr


def _words(text: str) -> set[str]:
    return set(text.replace('"', " ").replace("-", " ").replace("/", " ").split())
