"""The world as it is: everything that a platform has made, read from outside, and compared.

    before = await look(platform)
    ...
    assert (await look(platform)).differences(before) == []

Read are: every object of every API, repositories with their history and the archive, images,
databases and roles, processes, folders of the data directory, memory groups, catalogue entries.
What differs between two runs of the same story is taken out of the names: uids, hashes of commits,
and what a controller has made up. What is said about things (events, records, logs) is not looked
at. All that is left is counted, so that a thing that is there twice is seen.
"""

import asyncio
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import asyncpg
import httpx2

from tests.platform import PlatformProcess
from towpath.client.kubeconfig import from_kubeconfig
from towpath.engines.processes.sweep import TOKEN_VARIABLE, token_of
from towpath.machinery.objects import RawObject

UNTOLD = ("events", "leases")
"""Kinds that say something about things, and are none themselves."""

BACKEND = "a process of PostgreSQL"
"""The role of what the database server starts by itself: connections come and go."""

LEAVING = "being deleted"

_HASHED = re.compile(r"(?<=[-/_@:])[0-9a-f]{8,64}(?=[-./@\s]|$)")
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CGROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory"))


@dataclass(frozen=True, slots=True)
class World:
    """What there is: for each sort of thing, how many of each name."""

    things: dict[str, Counter[str]] = field(default_factory=dict)

    def differences(self, expected: "World") -> list[str]:
        """One sentence for each thing that is too much or too little here."""
        found = []
        for sort in sorted(self.things.keys() | expected.things.keys()):
            have = self.things.get(sort, Counter())
            want = expected.things.get(sort, Counter())
            for name in sorted(have.keys() | want.keys()):
                if have[name] != want[name]:
                    found.append(f"{sort}: {name}: {have[name]} and not {want[name]}")
        return found

    @property
    def is_settled(self) -> bool:
        """Nothing is on its way out."""
        return not any(LEAVING in name for names in self.things.values() for name in names)


async def look(platform: PlatformProcess) -> World:
    """The world of a running platform. Raises what its APIs raise."""
    data = platform.data_dir
    return World(
        {
            "objects of platform": await _objects(platform, "platform"),
            "objects of local": await _objects(platform, "local"),
            "databases": await _databases(data),
            **await asyncio.to_thread(_on_disk, data),
            "processes": Counter(
                process.role for process in processes_of(data) if process.role != BACKEND
            ),
            "catalogue": await _catalogue(platform),
        }
    )


def plain(name: str) -> str:
    """A name without what another run of the same story would not have."""
    return _HASHED.sub("#", _UID.sub("<uid>", name))


# -- objects ---------------------------------------------------------------------------------


async def _objects(platform: PlatformProcess, context: str) -> Counter[str]:
    found: Counter[str] = Counter()
    async with platform.client(context) as client:
        for resource in await client.resources():
            if resource.plural in UNTOLD:
                continue
            for obj in (await client.list(resource)).items:
                where = obj["metadata"].get("namespace", "-")
                state = _state(obj)
                kind = f"{resource.kind}.{resource.group}".rstrip(".")
                found[f"{kind} {where}/{_own_name(obj)}{state and ': ' + state}"] += 1
    return found


def _own_name(obj: RawObject) -> str:
    """A name that a controller has made of its owner's and something made up loses the latter."""
    name: str = obj["metadata"]["name"]
    for owner in obj["metadata"].get("ownerReferences") or ():
        if name.startswith(f"{owner['name']}-"):
            made_up = {"ReplicaSet": 1, "Pod": 2 if owner["kind"] == "ReplicaSet" else 1}
            return plain(name.rsplit("-", made_up.get(obj["kind"], 0))[0])
    return plain(name)


def _state(obj: RawObject) -> str:
    """How far it has come."""
    status = obj.get("status") or {}
    if not isinstance(status, dict):
        return ""
    going = [LEAVING] if obj["metadata"].get("deletionTimestamp") else []
    phase = status.get("phase")
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or ()}
    ready = [f"{name} {conditions[name]}" for name in ("Ready", "Available") if name in conditions]
    synced = [
        str((status.get(name) or {}).get("status", ""))
        for name in ("sync", "health")
        if isinstance(status.get(name), dict)
    ]
    return ", ".join([*going, *([str(phase)] if phase else []), *ready, *synced])


# -- databases -------------------------------------------------------------------------------


async def connect(data: Path, database: str = "postgres") -> "asyncpg.Connection":
    """To the embedded server, as its administrator."""
    lines = (data / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    return await asyncpg.connect(
        host="127.0.0.1",
        port=int(lines[3]),
        user="towpath",
        password=(data / "postgres" / "password").read_text(),
        database=database,
        timeout=5,
    )


async def _databases(data: Path) -> Counter[str]:
    connection = await connect(data)
    try:
        rows = await connection.fetch(
            "SELECT 'database ' || datname || ' of ' || pg_get_userbyid(datdba) AS thing "
            "FROM pg_database UNION ALL "
            "SELECT 'role ' || rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%'"
        )
    finally:
        await connection.close()
    return Counter(plain(row["thing"]) for row in rows)


async def _catalogue(platform: PlatformProcess) -> Counter[str]:
    token = from_kubeconfig(platform.kubeconfig).token
    async with httpx2.AsyncClient(trust_env=False, timeout=10, verify=False) as http:
        answer = await http.get(
            f"http://127.0.0.1:{platform.port}/api/v1/catalog/entities?limit=1000",
            headers={"authorization": f"Bearer {token}"},
        )
    answer.raise_for_status()
    return Counter(
        f"{one['kind']} {one['metadata']['namespace']}/{plain(one['metadata']['name'])}"
        for one in answer.json()["items"]
    )


# -- processes -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    role: str
    """What it is for the platform: a server, the supervisor, a program."""


def processes_of(data: Path) -> list[Process]:
    """Every process of the platform of a data directory, the platform itself among them."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            role = _role(entry, data)
        except OSError:
            continue  # gone meanwhile
        if role:
            found.append(Process(int(entry.name), role))
    return found


def _belongs(entry: Path, data: Path) -> bool:
    """By the token or the root in its environment, by its folder, or by what it was told to use."""
    environment = (entry / "environ").read_bytes().split(b"\0")
    marks = [f"TOWPATH_GIT_ROOT={data}/git".encode()]
    if (data / "run" / "sweep-token").exists():
        marks.append(f"{TOKEN_VARIABLE}={token_of(data / 'run')}".encode())
    if any(mark in environment for mark in marks):
        return True
    words = (entry / "cmdline").read_bytes().split(b"\0")
    told = {b"--data-dir": bytes(data), b"-D": bytes(data / "postgres" / "data")}
    if any(told.get(option) == value for option, value in pairwise(words)):
        return True
    return (entry / "cwd").readlink().is_relative_to(data)


def _role(entry: Path, data: Path) -> str:
    if not _belongs(entry, data):
        return ""
    command = (entry / "cmdline").read_bytes()
    if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
        return ""
    words = command.decode(errors="replace").rstrip("\0").split("\0")
    if words[0].startswith("postgres: "):
        return BACKEND if _parent(entry) != "1" else "orphan of PostgreSQL"
    shown = " ".join(Path(word).name if word.startswith("/") else word for word in words)
    if "processes.supervisor" in shown:
        # The supervisor's children that hold a program each look as it does.
        parent = (Path("/proc") / _parent(entry) / "cmdline").read_bytes()
        return "sitter" if b"processes.supervisor" in parent else "supervisor"
    if shown.startswith("postgres -D"):
        return "PostgreSQL"
    return plain(re.sub(r"--port \d+", "--port N", shown.replace(str(data), "DATA")))


def _parent(entry: Path) -> str:
    return (entry / "stat").read_text().rpartition(")")[2].split()[1]


def end_processes_of(data: Path) -> list[str]:
    """Kill what is left of a platform; the roles of what was there."""
    left = processes_of(data)
    for process in left:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return [process.role for process in left]


# -- files -----------------------------------------------------------------------------------


def _on_disk(data: Path) -> dict[str, Counter[str]]:
    return {
        "repositories": Counter(_repositories(data / "git")),
        "images": Counter(_images(data / "registry")),
        "folders": Counter(_folders(data)),
        "memory groups": Counter(_memory_groups(data)),
    }


def _repositories(root: Path) -> Iterator[str]:
    """Every commit of every branch, the oldest first, numbered."""
    for place in sorted(root.glob("*/*.git")):
        name = plain(place.relative_to(root).as_posix())
        yield f"{name}"
        refs = _git(place, "for-each-ref", "--format=%(refname)").split()
        for ref in refs:
            subjects = _git(place, "log", "--format=%s", "--reverse", ref).splitlines()
            for number, subject in enumerate(subjects, 1):
                yield f"{name} {ref} {number}. {_subject(subject)}"
        for lock in place.rglob("*.lock"):
            yield f"{name} {lock.relative_to(place)}"


def _subject(text: str) -> str:
    return re.sub(r"-[0-9a-f]{8}\b", "-#", text)


def _git(place: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(place), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _images(root: Path) -> Iterator[str]:
    """Names with the number of what each has; and blobs that no image has."""
    linked = set()
    for image in sorted((root / "images").glob("*")):
        for sort in ("manifests", "tags", "layers"):
            files = (image / sort).rglob("*")
            entries = [path for path in files if path.is_file() and not _is_draft(path)]
            yield from (f"{image.name} {sort}" for _ in entries)
            linked |= {path.name.rpartition(":")[2] for path in entries}
    for blob in (root / "blobs").rglob("*"):
        if blob.is_file() and not _is_draft(blob):
            yield "blob" if blob.name in linked else "blob that no image has"
    yield from (f"upload {path.name}" for path in (root / "uploads").glob("*"))


def _folders(data: Path) -> Iterator[str]:
    """What is in the folders where things come and go."""
    for name in ("runs", "ci", "pods", "run", "git/.tmp", "clusters", "postgres"):
        yield from (
            f"{name}/{plain(path.name)}" for path in (data / name).glob("*") if not _is_draft(path)
        )
    yield from (
        plain(path.name)
        for path in data.glob("*")
        if not path.name.endswith(("-wal", "-shm")) and not _is_draft(path)
    )


def _is_draft(path: Path) -> bool:
    """What a crash cut off of a small file: nobody reads it (towpath.files.write_durably)."""
    return path.name.startswith(".") and path.name.endswith(".draft")


def _memory_groups(data: Path) -> Iterable[str]:
    name = f"towpath-{token_of(data / 'run')[:12]}"
    for root in _CGROUPS:
        for group in (root / name).glob("*"):
            if group.is_dir():
                yield plain(group.name)
