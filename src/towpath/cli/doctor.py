"""What this machine can do: each finding says what works, or what is missing and how to get it."""

import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from towpath.app.datadir import StartRefused, default_data_dir, holder_of, ports_known
from towpath.app.occupants import occupant
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
    for finding in _ports(default_data_dir()):
        yield finding


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


def _ports(folder: Path) -> Iterator[Finding]:
    """Those that the platform has, or takes at its next start."""
    try:
        portal, api = ports_known(folder)
    except StartRefused as error:
        yield Finding("ports", False, str(error), needed=False)
        return
    holder = holder_of(folder)
    for port, subject in ((portal, "portal port"), (api, "API port")):
        if not _is_taken(port):
            yield Finding(subject, True, f"{port} is free", needed=False)
        elif holder:
            sentence = f"{port} is used by this Towpath, {holder}"
            yield Finding(subject, True, sentence, needed=False)
        else:
            # The API's moves to the next free one by itself.
            remedy = "; choose another with `towpath up --port N`" if port == portal else ""
            sentence = f"{port} is in use by {occupant(port)}{remedy}"
            yield Finding(subject, False, sentence, needed=False)


def _is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
