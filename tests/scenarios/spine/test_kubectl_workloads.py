"""A local cluster under real kubectl: what people do with workloads by hand, on processes.

In a namespace of its own, which is no environment: nothing here is healed from Git.
"""

import asyncio
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from tests.platform import Finished, PlatformProcess, running_platform_process
from tests.support import eventually

KUBECTL = str(Path(sys.executable).with_name("kubectl"))
PROCESSES = "for one in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$one; done"
TOKEN = "jsonpath={.users[0].user.token}"
SERVE = (
    "import http.server, os; print('up', flush=True); "
    "http.server.ThreadingHTTPServer((os.environ['HOST'], int(os.environ['PORT'])), "
    "http.server.SimpleHTTPRequestHandler).serve_forever()"
)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


class Cluster:
    def __init__(self, platform: PlatformProcess, image: str) -> None:
        self.platform = platform
        self.image = image

    async def try_kubectl(self, *arguments: str, said: str = "") -> Finished:
        kubectl = (KUBECTL, "--context", "local", "-n", "play")
        return await self.platform.run(*kubectl, *arguments, said=said)

    async def kubectl(self, *arguments: str) -> str:
        done = await self.try_kubectl(*arguments)
        assert done.code == 0, done.stderr
        return done.stdout

    async def rolled_out(self) -> None:
        said = await self.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
        assert "successfully rolled out" in said

    async def image_of_pods(self) -> set[str]:
        return set((await self.kubectl("get", "pods", "-o", "jsonpath={..image}")).split())


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("kubectl")
    async with running_platform_process(folder / "data") as platform:
        made = await platform.towpath("new", "python-service", "seed", "--wait")
        assert made.code == 0, made.stderr
        read = ("get", "deployment", "seed", "-o", "jsonpath={..image}")
        image = await platform.run(KUBECTL, "--context", "local", "-n", "demo-staging", *read)
        cluster = Cluster(platform, image.stdout)
        await platform.run(KUBECTL, "--context", "local", "create", "namespace", "play")
        manifest = folder / "web.yaml"
        manifest.write_text(deployment(cluster.image))
        await cluster.kubectl("apply", "-f", str(manifest))
        await cluster.rolled_out()
        yield cluster


def deployment(image: str) -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
      - name: web
        image: {image}
        ports: [{{containerPort: 8000}}]
        command: ["python", "-c", "{SERVE}"]
        readinessProbe: {{tcpSocket: {{port: 8000}}, periodSeconds: 1}}
"""


async def test_a_deployment_scales_restarts_and_goes_back(cluster: Cluster) -> None:
    await cluster.kubectl("scale", "deployment", "web", "--replicas=3")
    await cluster.rolled_out()
    ready = await cluster.kubectl("get", "deployment", "web", "-o", "jsonpath={.status}")
    assert '"readyReplicas":3' in ready
    before = set((await cluster.kubectl("get", "pods", "-o", "name")).split())
    await cluster.kubectl("rollout", "restart", "deployment/web")
    await cluster.rolled_out()
    await cluster.kubectl("wait", "--for=delete", "--timeout=10s", *before)
    after = set((await cluster.kubectl("get", "pods", "-o", "name")).split())
    assert len(after) == 3
    await cluster.kubectl("set", "env", "deployment/web", "COLOUR=teal")
    await cluster.rolled_out()
    history = await cluster.kubectl("rollout", "history", "deployment/web")
    assert len(history.split("CHANGE-CAUSE")[1].split()) >= 6
    await cluster.kubectl("rollout", "undo", "deployment/web")
    await cluster.rolled_out()
    env = await cluster.kubectl("get", "deployment", "web", "-o", "jsonpath={..env}")
    assert "teal" not in env


async def test_an_image_that_is_not_there_leaves_the_old_pods_serving(cluster: Cluster) -> None:
    await cluster.kubectl("set", "image", "deployment/web", "web=nosuch:1")

    async def told() -> bool:
        return "ImagePullBackOff" in await cluster.kubectl("get", "pods")

    await eventually(told, deadline_s=10)
    available = ("wait", "--for=condition=Available", "deployment/web", "--timeout=1s")
    assert "condition met" in await cluster.kubectl(*available)
    await cluster.kubectl("rollout", "undo", "deployment/web")
    await cluster.rolled_out()


async def test_describe_logs_and_explain_tell_what_there_is(cluster: Cluster) -> None:
    pod = (await cluster.kubectl("get", "pods", "-l", "app=web", "-o", "name")).split()[0]
    assert (await cluster.kubectl("logs", pod)).splitlines()[0] == "up"
    described = await cluster.kubectl("describe", pod)
    assert "Controlled By:  ReplicaSet/web-" in described
    assert "Started container web" in described
    explained = await cluster.kubectl("explain", "deployment.spec.strategy.rollingUpdate")
    assert "maxSurge" in explained
    wide = await cluster.kubectl("get", "pods", "-o", "wide")
    assert " 127." in wide


async def test_jobs_run_to_their_end_by_hand_and_by_schedule(cluster: Cluster) -> None:
    program = ("--", "python", "-c", "print('done')")
    await cluster.kubectl("create", "job", "once", f"--image={cluster.image}", *program)
    await cluster.kubectl("wait", "--for=condition=complete", "job/once", "--timeout=20s")
    assert await cluster.kubectl("logs", "job/once") == "done\n"
    schedule = ("--schedule=0 0 1 1 *", f"--image={cluster.image}")
    await cluster.kubectl("create", "cronjob", "yearly", *schedule, *program)
    await cluster.kubectl("create", "job", "now", "--from=cronjob/yearly")
    await cluster.kubectl("wait", "--for=condition=complete", "job/now", "--timeout=20s")
    await cluster.kubectl("delete", "job", "once", "now")
    left = await cluster.kubectl("get", "pods", "-l", "job-name", "-o", "name")
    assert left == ""


async def test_a_service_and_an_ingress_lead_to_the_processes(cluster: Cluster) -> None:
    await cluster.kubectl("expose", "deployment", "web", "--port=80", "--target-port=8000")
    rule = "--rule=web.play.localhost/*=web:80"
    await cluster.kubectl("create", "ingress", "web", rule)
    available = ("wait", "--for=jsonpath={.status.loadBalancer.ingress}", "ingress/web")
    await cluster.kubectl(*available, "--timeout=10s")
    answer = await cluster.platform.service("web.play.localhost")
    assert answer.status_code == 200


async def test_what_a_process_cannot_do_is_refused_by_name(cluster: Cluster) -> None:
    refused = await cluster.try_kubectl("get", "--raw", "/api/v1/namespaces/play/pods/web/proxy")
    assert refused.code == 1
    assert "not implemented" in refused.stderr


async def test_a_port_is_forwarded_for_many_connections_at_once(cluster: Cluster) -> None:
    command = (KUBECTL, "--context", "local", "-n", "play", "port-forward", "deployment/web")
    forwarding = await asyncio.create_subprocess_exec(
        *command,
        *(":8000", ":9"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=cluster.platform.environment,
    )
    assert forwarding.stdout is not None
    assert forwarding.stderr is not None
    try:
        async with asyncio.timeout(20):
            told = [(await forwarding.stdout.readline()).decode() for _ in range(4)]
        ports = [re.findall(r"127.0.0.1:([0-9]+) ->", line) for line in told]
        open_port, closed_port = (found[0] for found in ports if found)
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as http:
            address = f"http://127.0.0.1:{open_port}/"
            answers = await asyncio.gather(*(http.get(address) for _ in range(20)))
            assert {answer.status_code for answer in answers} == {200}
            assert len({answer.text for answer in answers}) == 1
            with pytest.raises(httpx2.TransportError):
                await http.get(f"http://127.0.0.1:{closed_port}/")
        async with asyncio.timeout(20):
            while b"does not listen on" not in (line := await forwarding.stderr.readline()):
                assert line, "kubectl tells what the server said"
    finally:
        forwarding.kill()
        await forwarding.wait()


async def test_a_command_is_executed_beside_the_process_and_its_end_is_told(
    cluster: Cluster,
) -> None:
    see = "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'; echo $HOST; echo but >&2; exit 3"
    done = await cluster.try_kubectl("exec", "deployment/web", "--", "sh", "-c", see)
    assert done.code == 3, done.stderr
    *commands, address = done.stdout.splitlines()
    assert SERVE in commands
    assert address.startswith("127.")
    assert done.stderr.splitlines() == ["but", "command terminated with exit code 3"]


async def test_a_command_hears_what_is_typed_and_may_have_a_terminal(cluster: Cluster) -> None:
    count = await cluster.try_kubectl(
        "exec", "-i", "deployment/web", "--", "wc", "-c", said="x" * 99
    )
    assert count.stdout.split() == ["99"], count.stderr
    told = 'until [ "$(stty size)" != "0 0" ]; do :; done; stty size'
    size = ("exec", "-it", "deployment/web", "--", "sh", "-c", told)
    kubectl = shlex.join((KUBECTL, "--context", "local", "-n", "play", *size))
    typed = shlex.join(("sh", "-c", f"stty rows 33 cols 99; {kubectl}"))
    done = await cluster.platform.run("script", "-qec", typed, "/dev/null")
    assert done.code == 0
    assert done.stdout.rstrip().endswith("33 99")


async def test_files_are_copied_in_and_out(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(os.urandom(3_000_000))
    pod = await cluster.kubectl(
        "get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}"
    )
    await cluster.kubectl("cp", str(tmp_path / "in"), f"{pod}:/tmp/copied")
    await cluster.kubectl("cp", f"{pod}:/tmp/copied", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()


async def test_what_cannot_be_executed_is_said(cluster: Cluster) -> None:
    for arguments, sentence in (
        (("deployment/web", "--", "nonsense"), "nonsense: No such file or directory"),
        (("deployment/web", "-c", "other", "--", "ls"), "container other is not valid"),
        (("absent", "--", "ls"), 'pods "absent" not found'),
        (("deployment/web", "--as=carol", "--", "ls"), 'User "carol" cannot'),
    ):
        refused = await cluster.try_kubectl("exec", *arguments)
        assert refused.code == 1
        assert sentence in refused.stderr


async def test_a_command_ends_with_the_client_that_asked_for_it(cluster: Cluster) -> None:
    command = ("exec", "deployment/web", "--", "sh", "-c", "echo begun; exec sleep 987")
    asking = await asyncio.create_subprocess_exec(
        *(KUBECTL, "--context", "local", "-n", "play", *command),
        stdout=asyncio.subprocess.PIPE,
        env=cluster.platform.environment,
    )
    assert asking.stdout is not None
    async with asyncio.timeout(20):
        assert await asking.stdout.readline() == b"begun\n"
    asking.kill()
    await asking.wait()

    async def is_gone() -> bool:
        there = await cluster.kubectl("exec", "deployment/web", "--", "sh", "-c", PROCESSES)
        return "sleep 987" not in there

    await eventually(is_gone, deadline_s=20)
    log = cluster.platform.data_dir / "logs" / "towpath.log"
    assert "request failed" not in log.read_text()


async def test_who_executed_what_is_on_record(cluster: Cluster) -> None:
    await cluster.kubectl("exec", "deployment/web", "--", "echo", "recorded")
    token = await cluster.platform.run(KUBECTL, "config", "view", "--raw", "-o", TOKEN)
    address = f"http://127.0.0.1:{cluster.platform.port}/api/v1/audit"
    asked = {"cluster": "local", "namespace": "play", "verb": "create", "resource": "pods"}
    headers = {
        "host": f"localhost:{cluster.platform.port}",
        "authorization": f"Bearer {token.stdout}",
    }
    async with httpx2.AsyncClient(trust_env=False, headers=headers) as http:
        entries = (await http.get(address, params=asked)).json()["entries"]
    commands = [one["detail"]["command"] for one in entries if one["subresource"] == "exec"]
    assert commands[0] == "echo recorded"


async def test_a_deleted_namespace_takes_everything_with_it(cluster: Cluster) -> None:
    await cluster.kubectl("create", "namespace", "gone")
    pod = ("run", "one", "-n", "gone", f"--image={cluster.image}", "--", "python", "-c", SERVE)
    await cluster.kubectl(*pod)
    await cluster.kubectl("wait", "-n", "gone", "--for=jsonpath={.status.phase}=Running", "pod/one")
    await cluster.kubectl("delete", "namespace", "gone", "--timeout=20s")
    assert "NotFound" in (await cluster.try_kubectl("get", "namespace", "gone")).stderr
