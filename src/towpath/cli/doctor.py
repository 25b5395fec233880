"""What this machine can do: each finding says what works, or what is missing and how to get it."""

import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from towpath.app.datadir import API_PORT, HTTP_PORT, default_data_dir
from towpath.engines.databases.embedded import find_binaries
from towpath.engines.databases.port import DatabaseError

FREE_BYTES_MIN = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    subject: str
    ok: bool
    sentence: str
    needed: bool = True


async def examine() -> AsyncIterator[Finding]:
    yield _python()
    yield _program("git", "Debian: apt-get install git")
    yield _postgresql()
    yield _uv()
    yield await _isolation()
    yield _name("order-service.staging.demo.localhost")
    yield _disk()
    for port, subject in ((HTTP_PORT, "portal port"), (API_PORT, "API port")):
        yield _port(port, subject)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    ok = sys.version_info >= (3, 11)
    return Finding("Python", ok, version if ok else f"{version} is too old; 3.11 is needed")


def _program(name: str, remedy: str) -> Finding:
    found = shutil.which(name)
    return Finding(name, found is not None, found or f"not on the PATH; {remedy}")


def _postgresql() -> Finding:
    try:
        return Finding("PostgreSQL", True, str(find_binaries()))
    except DatabaseError as error:
        return Finding("PostgreSQL", False, str(error))


def _uv() -> Finding:
    try:
        from uv import find_uv_bin

        return Finding("uv", True, find_uv_bin())
    except (ImportError, FileNotFoundError):
        return Finding("uv", False, "not installed; install towpath[embedded]")


async def _isolation() -> Finding:
    """Found out the way the platform does: by starting a program."""
    from towpath.engines.processes.host import SupervisedProcesses

    with tempfile.TemporaryDirectory() as folder:
        async with SupervisedProcesses(Path(folder)) as processes:
            kind = processes.isolation
    if kind == "none":
        sentence = "projects cannot be kept apart; allow user namespaces, or start as root"
        return Finding("isolation", False, sentence, needed=False)
    return Finding("isolation", True, f"projects are kept apart by {kind}")


def _name(host: str) -> Finding:
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        sentence = (
            f"{host} does not resolve here; browsers and curl know it by themselves, for "
            "other programs use 127.0.0.1 with a Host header"
        )
        return Finding("service names", False, sentence, needed=False)
    ok = addresses <= {"127.0.0.1", "::1"}
    return Finding("service names", ok, f"{host} is {', '.join(map(str, addresses))}", needed=False)


def _disk() -> Finding:
    folder = default_data_dir()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    sentence = f"{free / 1024**3:.1f} GiB free at {folder}"
    return Finding("disk", free >= FREE_BYTES_MIN, sentence, needed=False)


def _port(port: int, subject: str) -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
    sentence = f"{port} is in use; a platform may be running" if taken else f"{port} is free"
    return Finding(subject, not taken, sentence, needed=False)
