"""kubectl inside of pods that run: exec, attach, run, cp, logs and port-forward."""

import asyncio
import os
import re
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from fcntl import ioctl
from pathlib import Path

import pytest
from tests.conformance.conftest import Kubectl, kubectl_binary
from tests.conformance.processes import IMAGE, wired_cluster

FOREVER = "while :; do sleep 0.05; done"
LARGE = 8 << 20
ECHO = (
    "import os, socketserver\n"
    "class Echo(socketserver.StreamRequestHandler):\n"
    "    def handle(self):\n"
    "        while piece := self.rfile.read1(65536): self.wfile.write(piece)\n"
    "address = os.environ['HOST'], int(os.environ['PORT'])\n"
    "socketserver.ThreadingTCPServer(address, Echo).serve_forever()\n"
)
BOTH_SINCES = "sinceSeconds=1&sinceTime=2020-01-01T00:00:00Z"
REFUSED_LOGS = {
    "tailLines=-1": "tailLines: Invalid value: -1: must be greater than or equal to 0",
    "limitBytes=0": "limitBytes: Invalid value: 0: must be greater than 0",
    "sinceSeconds=0": "sinceSeconds: Invalid value: 0: must be greater than 0",
    BOTH_SINCES: "at most one of `sinceTime` or `sinceSeconds` may be specified",
    "sinceTime=x": 'parsing time "x"',
    "stream=Stdout": "stream: Forbidden: may not be specified",
}
"""What kubectl would not send, in a kube-apiserver's words."""
RUN = ("run", f"--image={IMAGE}", "--restart=Never")


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    async with wired_cluster(tmp_path) as wired:
        yield Kubectl(kubectl_binary(), tmp_path, wired)


async def started(kubectl: Kubectl, name: str, script: str, *options: str) -> None:
    await kubectl(*RUN, name, *options, "--command", "--", "sh", "-c", script)
    await kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=20s")


async def test_exec_tells_both_outputs_and_the_exit_code(kubectl: Kubectl) -> None:
    await started(kubectl, "p", FOREVER)
    answer = await kubectl.run("exec", "p", "--", "sh", "-c", "echo out; echo err >&2; exit 42")
    assert (answer.code, answer.out) == (42, "out\n")
    assert answer.err == "err\ncommand terminated with exit code 42\n"
    missing = await kubectl.run("exec", "p", "--", "no-such-program")
    assert missing.code != 0
    assert "no-such-program" in missing.err
    nowhere = await kubectl.run("exec", "p", "-c", "other", "--", "true")
    assert "container other is not valid for pod p" in nowhere.err
    unknown = await kubectl.run("exec", "absent", "--", "true")
    assert 'pods "absent" not found' in unknown.err


async def test_exec_takes_large_input_and_hears_its_end(kubectl: Kubectl) -> None:
    await started(kubectl, "p", FOREVER)
    text = "0123456789abcde\n" * (LARGE // 16)
    assert await kubectl("exec", "-i", "p", "--", "cat", stdin=text) == text
    assert (await kubectl("exec", "-i", "p", "--", "wc", "-c", stdin=text)).strip() == str(LARGE)
    # Output that nobody reads any more does not keep the command, nor who asked for it.
    first = await kubectl.run("exec", "p", "--", "sh", "-c", "yes | head -n 3")
    assert first.out == "y\ny\ny\n"


async def test_many_execute_at_once(kubectl: Kubectl) -> None:
    await started(kubectl, "p", FOREVER)
    numbers = [str(number) for number in range(8)]
    said = await asyncio.gather(
        *(kubectl("exec", "-i", "p", "--", "cat", stdin=number) for number in numbers)
    )
    assert said == numbers


async def test_cp_in_and_out(kubectl: Kubectl, tmp_path: Path) -> None:
    await started(kubectl, "p", FOREVER)
    there, back = tmp_path / "there", tmp_path / "back"
    there.mkdir()
    (there / "a").write_bytes(os.urandom(300_000))
    (there / "b c").write_text("spaces")
    await kubectl("cp", str(there), "p:/tmp/there")
    assert (await kubectl("exec", "p", "--", "cat", "/tmp/there/b c")) == "spaces"
    await kubectl("cp", "p:/tmp/there", str(back))
    assert (back / "a").read_bytes() == (there / "a").read_bytes()


async def test_run_attached_talks_with_the_pod_and_removes_it(kubectl: Kubectl) -> None:
    attached = (*RUN, "--rm", "--stdin", "--quiet")
    said = await kubectl(*attached, "once", "--command", "--", "cat", stdin="all of it\n")
    assert "all of it\n" in said
    assert await kubectl("get", "pods", "-o", "name") == ""
    script = "cat >/dev/null; exit 3"
    ended = await kubectl.run(*attached, "fails", "--command", "--", "sh", "-c", script, stdin="x")
    assert ended.code == 3


async def test_attach_hears_what_a_pod_says_and_leaves_it_running(kubectl: Kubectl) -> None:
    count = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done"
    await started(kubectl, "p", count)
    attached = await kubectl.start("attach", "p")
    assert attached.stdout is not None
    async with asyncio.timeout(20):
        lines = [(await attached.stdout.readline()).decode() for _ in range(3)]
    attached.terminate()
    await attached.communicate()
    numbers = [int(line.split()[1]) for line in lines]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert await kubectl("get", "pod", "p", "-o", "jsonpath={.status.phase}") == "Running"


async def test_a_container_that_listens_hears_all_who_attach(kubectl: Kubectl) -> None:
    spec = f'{{"spec":{{"containers":[{{"name":"p","image":"{IMAGE}","stdin":true,'
    spec += '"command":["sh","-c","while read line; do echo heard $line; done"]}]}}'
    await kubectl(*RUN, "p", f"--overrides={spec}")
    await kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=20s")
    for word in ("one", "two"):
        attached = await kubectl.start("attach", "-i", "p")
        assert attached.stdin is not None and attached.stdout is not None
        attached.stdin.write(f"{word}\n".encode())
        async with asyncio.timeout(20):
            assert await attached.stdout.readline() == f"heard {word}\n".encode()
        attached.terminate()
        await attached.communicate()
    assert await kubectl("logs", "p") == "heard one\nheard two\n"


@asynccontextmanager
async def at_a_terminal(kubectl: Kubectl, *arguments: str) -> AsyncIterator["Terminal"]:
    """kubectl with a terminal of 100 by 40 as its own."""
    ours, theirs = os.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *(kubectl.binary, f"--kubeconfig={kubectl.api.kubeconfig}", *arguments),
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
        env={"PATH": os.environ["PATH"], "HOME": str(kubectl.home)},
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    terminal = Terminal(ours)
    asyncio.get_running_loop().add_reader(ours, terminal.read)
    try:
        yield terminal
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)
        if process.returncode is None:
            process.kill()
        await process.wait()


class Terminal:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._said = ""
        self._more = asyncio.Event()

    def read(self) -> None:
        try:
            self._said += os.read(self._descriptor, 65536).decode("utf-8", "replace")
        except OSError:
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self._more.set()

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    async def shows(self, pattern: str) -> None:
        async with asyncio.timeout(20):
            while not re.search(pattern, self._said):
                self._more.clear()
                await self._more.wait()


@pytest.mark.parametrize("verb", ["exec", "attach"])
async def test_a_terminal_has_a_size_and_passes_keys(kubectl: Kubectl, verb: str) -> None:
    spec = f'{{"spec":{{"containers":[{{"name":"p","image":"{IMAGE}","stdin":true,"tty":true,'
    spec += '"command":["sh"]}]}}'
    await kubectl(*RUN, "p", f"--overrides={spec}")
    await kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=20s")
    command = ("--", "sh") if verb == "exec" else ()
    async with at_a_terminal(kubectl, verb, "-it", "p", *command) as terminal:
        terminal.type("test -t 0 && echo is a $((1+1))-way terminal\n")
        await terminal.shows("is a 2-way terminal")
        # The size comes after the first prompt may have been shown.
        terminal.type("until [ \"$(stty size)\" = '40 100' ]; do sleep 0.05; done; echo si''zed\n")
        await terminal.shows("sized")
        terminal.type("echo sleep''ing; sleep 600\n")
        await terminal.shows("sleeping")
        terminal.type("\x03")
        await terminal.shows(r"\^C")
        terminal.type("echo inter''rupted\n")
        await terminal.shows("interrupted")


async def test_logs_in_every_way(kubectl: Kubectl) -> None:
    two = f'{{"spec":{{"containers":[{{"name":"p","image":"{IMAGE}","command":["sh","-c",'
    two += f'"echo 1; echo 2; echo 3; {FOREVER}"]}},{{"name":"side","image":"{IMAGE}",'
    two += f'"command":["sh","-c","echo aside; {FOREVER}"]}}]}}}}'
    await kubectl(*RUN, "p", "--labels=app=logs", f"--overrides={two}")
    await kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=20s")
    undecided = await kubectl("logs", "p")
    assert undecided == "1\n2\n3\n"
    assert await kubectl("logs", "p", "-c", "side") == "aside\n"
    every = await kubectl("logs", "p", "--all-containers", "--prefix")
    assert "[pod/p/p] 3\n" in every
    assert "[pod/p/side] aside\n" in every
    assert await kubectl("logs", "p", "-c", "p", "--tail=1") == "3\n"
    assert await kubectl("logs", "p", "-c", "p", "--tail=0") == ""
    assert await kubectl("logs", "p", "-c", "p", "--limit-bytes=3") == "1\n2"
    assert await kubectl("logs", "p", "-c", "p", "--since=1h") == "1\n2\n3\n"
    stamped = await kubectl("logs", "p", "-c", "p", "--timestamps", "--tail=1")
    moment, _, text = stamped.partition(" ")
    assert (datetime.fromisoformat(moment).tzinfo, text) == (UTC, "3\n")
    assert await kubectl("logs", "p", "-c", "p", f"--since-time={moment}") == "1\n2\n3\n"
    assert await kubectl("logs", "p", "-c", "p", "--since-time=2100-01-01T00:00:00Z") == ""
    assert await kubectl("logs", "-l", "app=logs", "-c", "side") == "aside\n"
    wrong = await kubectl.run("logs", "p", "-c", "nowhere")
    assert "container nowhere is not valid for pod p" in wrong.err
    for options, words in REFUSED_LOGS.items():
        refused = await kubectl.run(
            "get", "--raw", f"/api/v1/namespaces/default/pods/p/log?{options}"
        )
        assert words in refused.err


async def test_logs_of_the_run_before_and_as_they_come(kubectl: Kubectl) -> None:
    script = "if [ -e $HOME/ran ]; then echo again; else touch $HOME/ran; echo first; exit 1; fi; "
    script += "until [ -e $HOME/go ]; do sleep 0.05; done; echo end"
    restarting = ("run", f"--image={IMAGE}", "--restart=OnFailure", "p", "--command", "--", "sh")
    await kubectl(*restarting, "-c", script)
    restarts = "--for=jsonpath={.status.containerStatuses[0].restartCount}=1"
    await kubectl("wait", restarts, "pod/p", "--timeout=20s")
    await kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=20s")
    assert await kubectl("logs", "p", "--previous") == "first\n"
    following = await kubectl.start("logs", "-f", "p")
    assert following.stdout is not None
    async with asyncio.timeout(20):
        assert await following.stdout.readline() == b"again\n"
        await kubectl("exec", "p", "--", "sh", "-c", "touch $HOME/go")
        assert await following.stdout.read() == b"end\n"
        assert await following.wait() == 0


async def test_port_forward_serves_many_and_tells_of_a_closed_port(kubectl: Kubectl) -> None:
    await kubectl(*RUN, "p", "--port=7000", "--command", "--", "python", "-c", ECHO)
    await kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=20s")
    forwarding = await kubectl.start("port-forward", "pod/p", ":7000", ":7001")
    assert forwarding.stdout is not None and forwarding.stderr is not None
    ports: dict[str, int] = {}
    async with asyncio.timeout(20):
        while len(ports) < 2:
            line = (await forwarding.stdout.readline()).decode()
            if found := re.match(r"Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)", line):
                ports[found[2]] = int(found[1])
    try:
        await asyncio.gather(*(echoed(ports["7000"], number) for number in range(6)))
        reader, writer = await asyncio.open_connection("127.0.0.1", ports["7001"])
        async with asyncio.timeout(20):
            assert await reader.read() == b""
            writer.close()
            trouble = await forwarding.stderr.readline()
        assert b"7001" in trouble
    finally:
        if forwarding.returncode is None:
            forwarding.terminate()
        await forwarding.communicate()


async def echoed(port: int, number: int) -> None:
    """A megabyte there and back, and the end of it heard."""
    sent = bytes([number]) * (1 << 20)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(20):

        async def send() -> None:
            writer.write(sent)
            await writer.drain()
            writer.write_eof()

        sending = asyncio.ensure_future(send())
        assert await reader.read(-1) == sent
        await sending
    writer.close()


async def test_a_debugger_is_kept_and_told_not_to_run(kubectl: Kubectl) -> None:
    await started(kubectl, "p", FOREVER)
    debug = ("debug", "p", f"--image={IMAGE}", "--attach=false")
    await kubectl(*debug, "-c", "one")
    await kubectl(*debug, "-c", "two")
    names = "jsonpath={.spec.ephemeralContainers[*].name}"
    assert await kubectl("get", "pod", "p", "-o", names) == "one two"
    events = await kubectl.start("events", "--for=pod/p", "--watch", "--types=Warning")
    assert events.stdout is not None
    async with asyncio.timeout(20):
        while b"use kubectl exec" not in await events.stdout.readline():
            assert events.returncode is None
    events.terminate()
    await events.communicate()
    remove = '[{"op":"remove","path":"/spec/ephemeralContainers"}]'
    refused = await kubectl.run("patch", "pod", "p", "--type=json", "-p", remove)
    assert "may not change ephemeralContainers" in refused.err
