"""kubectl on a real kube-apiserver and on ours: each command says the same on both."""

import asyncio
import difflib
import os
import re
import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conformance import commands, flows
from tests.conformance.conftest import COMMAND_S_MAX, Answer, kubectl_binary
from tests.conformance.manifests import MANIFESTS
from tests.conformance.sides import ADDRESS, TIME, TOKEN, UID
from tests.engines.kube import Kube
from tests.wire import WiredApi

SCENARIOS = commands.SCENARIOS | flows.SCENARIOS
NOISE = (
    (re.compile(r"/tmp/[\w./-]+|tmp\w{8}"), "<folder>"),
    (re.compile(r"0x[0-9a-f]+|goroutine \d+"), "<place>"),
    (UID, "<uid>"),
    (TIME, "<time>"),
    (ADDRESS, "<server>"),
    (TOKEN, "<token>"),
    (re.compile(r"(localhost|127\.0\.0\.1):\d+"), "<server>"),
    (re.compile(r"\b[EWI]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ "), "<log> "),
    (re.compile(r'(resourceVersion"?: ?"?)\d+'), r"\1<version>"),
    (re.compile(r"\b10\.\d+\.\d+\.\d+\b"), "<address>"),
    (re.compile(r"\b3[0-2]\d{3}\b"), "<port>"),
    (re.compile(r"(?<= )(\d+m)?\d+s(?= |$)", re.MULTILINE), "<age>"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r" $", re.MULTILINE), ""),
)
MAY_DIFFER = (
    # Diffs of Go's structs that follow a refusal, by the names of Go's fields.
    re.compile(r"^ ?@@ .*|^ *[-+]?[ \t]*(\"\w+\": .*|[\]}{],?)$"),
    # Controllers are at work beside one of the two.
    re.compile(r"kube-root-ca\.crt"),
    # Roles that other tests have left on the real server.
    re.compile(r"^\S+\.(towpath\.dev|crossplane\.io) "),
)


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody who types commands on one server."""

    kubeconfig: Path
    home: Path
    namespace: str

    async def run(self, line: str) -> Answer:
        line = line.replace("{ns}", self.namespace)
        kubectl = [
            str(kubectl_binary()),
            f"--kubeconfig={self.kubeconfig}",
            f"--cache-dir={self.home / 'cache'}",
            f"--namespace={self.namespace}",
        ]
        if line.startswith("$ "):
            command, text = ["bash", "-c", f'k() {{ {shlex.join(kubectl)} "$@"; }}; {line[2:]}'], ""
        else:
            typed, _, manifest = line.partition(" < ")
            command = [*kubectl, *shlex.split(typed)]
            text = MANIFESTS[manifest].replace("{ns}", self.namespace) if manifest else ""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.home,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home)},
        )
        async with asyncio.timeout(COMMAND_S_MAX):
            out, err = await process.communicate(text.encode())
        assert process.returncode is not None
        return Answer(process.returncode, out.decode(), err.decode())


@pytest.fixture
def both(real_kube: Kube, api: WiredApi, tmp_path: Path) -> tuple[Typing, Typing]:
    """On the real server, and on ours."""
    namespace = f"typed-{secrets.token_hex(4)}"
    homes = [tmp_path / name for name in ("theirs", "ours")]
    for home in homes:
        home.mkdir()
    theirs = Typing(real_kube.folder / "kubeconfig", homes[0], namespace)
    return theirs, Typing(api.kubeconfig, homes[1], namespace)


def said(text: str) -> list[str]:
    for pattern, replacement in NOISE:
        text = pattern.sub(replacement, text)
    return [line for line in text.splitlines() if not any(one.search(line) for one in MAY_DIFFER)]


def differing(theirs: Answer, ours: Answer) -> list[str]:
    found = [] if theirs.code == ours.code else [f"exit code {theirs.code}, ours {ours.code}"]
    for name, left, right in (("out", theirs.out, ours.out), ("err", theirs.err, ours.err)):
        lines = difflib.unified_diff(said(left), said(right), lineterm="", n=0)
        found += [f"{name} {line}" for line in lines if not line.startswith(("---", "+++", "@@"))]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_kubectl_says_the_same(both: tuple[Typing, Typing], scenario: str) -> None:
    await compare(both, SCENARIOS[scenario].strip().splitlines())


async def test_kubectl_says_the_same_of_some(both: tuple[Typing, Typing]) -> None:
    """A tenth of it, where all of it takes too long."""
    lines = [line for text in SCENARIOS.values() for line in text.strip().splitlines()[:3]]
    await compare(both, lines)


async def compare(both: tuple[Typing, Typing], lines: list[str]) -> None:
    wrong: list[str] = []
    for line in ("create namespace {ns}", *lines):
        answers = await asyncio.gather(*(side.run(line) for side in both))
        if found := differing(*answers):
            wrong += [f"kubectl {line}", *(f"    {each}" for each in found)]
    await asyncio.gather(*(side.run("delete namespace {ns} --wait=false") for side in both))
    assert not wrong, "\n".join(wrong)
