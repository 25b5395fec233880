"""The two servers that are compared: the real kube-apiserver over etcd, and ours, one process each.

Both write durably, speak TLS and ask RBAC. Keys and certificates lie ready for both, and etcd runs
before the clock of its API server starts.
"""

import ctypes
import functools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.engines.kube import BINARIES, api_server
from tests.platform import free_port

from bench.apiserver.client import Connection, Refused, Server
from bench.apiserver.requests import (
    DEFINITIONS,
    TOKEN_PATH,
    Requests,
    collection_path,
    definition,
    rights,
)
from towpath.apiserver.authn.pki import Pki, open_pki

START_S_MAX = 60.0
STOP_S_MAX = 20.0
LOOK_EVERY_S = 0.005
PR_SET_PDEATHSIG = 1

Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Side:
    """One running server, ready after so many seconds."""

    name: str
    server: Server
    admin: Requests
    ready_s: float

    def prepared(self) -> Requests:
        """The kind and the rights are there; requests of the user who has them."""
        connection = self.server.connect()
        for path, obj in rights():
            connection.ask(self.admin.write("POST", path, obj))
        self.define(connection)
        body = {"spec": {"expirationSeconds": 86400}}
        answer = connection.ask(self.admin.write("POST", TOKEN_PATH, body))
        connection.close()
        return Requests(json.loads(answer)["status"]["token"])

    def define(
        self, connection: Connection, number: int | None = None, *, wait: bool = True
    ) -> None:
        connection.ask(self.admin.write("POST", DEFINITIONS, definition(number)))
        if wait:
            eventually(lambda: is_served(connection, self.admin, collection_path(number)))


def is_served(connection: Connection, admin: Requests, path: str) -> bool:
    try:
        connection.ask(admin.read(f"{path}?limit=1"))
    except Refused:
        return False
    return True


@contextmanager
def ours(folder: Path) -> Iterator[Side]:
    folder.mkdir(parents=True, exist_ok=True)
    pki = open_pki(folder / "pki")
    port = free_port()
    command = [sys.executable, "-m", "tests.durability.serve", str(folder), str(port)]
    began = time.perf_counter()
    with running(command, folder / "towpath.log") as process:
        yield _ready("towpath", port, pki, [process], began)


@contextmanager
def kube(folder: Path) -> Iterator[Side]:
    pki = open_pki(folder / "pki")
    with _etcd(folder) as (address, etcd):
        port = free_port()
        began = time.perf_counter()
        command = [str(BINARIES["kube-apiserver"]), *api_server(folder, pki, address, port)]
        with running(command, folder / "kube-apiserver.log") as process:
            yield _ready("kube-apiserver + etcd", port, pki, [process, etcd], began)


def _ready(name: str, port: int, pki: Pki, processes: list[Process], began: float) -> Side:
    pids = tuple(process.pid for process in processes)
    server = Server(f"https://127.0.0.1:{port}", pki.ca_pem.decode(), pids)
    admin = Requests(pki.admin_token)

    def answers() -> bool:
        if any(process.poll() is not None for process in processes):
            raise TimeoutError(f"{name} has ended")
        try:
            connection = server.connect()
            connection.ask(admin.read("/readyz"))
            connection.close()
        except (OSError, Refused):
            return False
        return True

    eventually(answers)
    return Side(name, server, admin, time.perf_counter() - began)


@contextmanager
def _etcd(folder: Path) -> Iterator[tuple[str, Process]]:
    address, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    command = [
        str(BINARIES["etcd"]),
        "--name=bench",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=bench={peers}",
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    ]
    with running(command, folder / "etcd.log") as process:
        from urllib.request import urlopen

        def answers() -> bool:
            with suppress(OSError), urlopen(f"{address}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
            return False

        eventually(answers)
        yield address, process


@contextmanager
def running(command: list[str], log: Path) -> Iterator[Process]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    try:
        yield process
    except TimeoutError as error:
        raise RuntimeError(f"{command[0]} did not start: {log.read_text()[-3000:]}") from error
    finally:
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def eventually(condition: Callable[[], bool], deadline_s: float = START_S_MAX) -> None:
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {deadline_s:.0f} s")
        time.sleep(LOOK_EVERY_S)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _die_with_parent() -> None:
    """A killed bench leaves no server behind."""
    _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
