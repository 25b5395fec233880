"""The data directory: one platform at a time, a known format, and ports that stay.

Raises StartRefused with a sentence that names what is in the way and what to do.
"""

import contextlib
import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from towpath.app.occupants import occupant
from towpath.files import write_private

FORMAT = 1
HTTP_PORT = 8080
API_PORT = 8443
POSTGRES_PORT = 15432


_SETTINGS_REMEDY = "correct it, or delete it to have the ports chosen again"


class StartRefused(Exception):
    """The platform cannot start here; `str()` is for the person who typed `up`."""


@dataclass(frozen=True, slots=True)
class Ports:
    http: int
    api: int
    postgres: int


def default_data_dir() -> Path:
    """`TOWPATH_DATA_DIR`, else the user's data folder (XDG)."""
    if configured := os.environ.get("TOWPATH_DATA_DIR"):
        return Path(configured)
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "towpath"


def default_cache_dir() -> Path:
    """`TOWPATH_CACHE`, else the user's cache folder (XDG). May be deleted at any time."""
    if configured := os.environ.get("TOWPATH_CACHE"):
        return Path(configured)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "towpath"


@dataclass(frozen=True, slots=True)
class DataDir:
    """An opened data directory; the lock is held as long as the process lives."""

    path: Path
    is_new: bool

    def ports(self, wanted_http: int | None) -> Ports:
        """The ports of this start: those of the last one where they are free.

        Two are never changed silently: the one that people type, and the database's, which running
        workloads have in their environment. The API's is in files that are written at each start.
        """
        known = _settings(self.path)
        http = known.get("http", HTTP_PORT) if wanted_http is None else wanted_http
        _require_free(http)
        if not self.is_new and (database := known.get("postgres")):
            _require_free_for_database(database, self.path)
        # Platforms on different ports keep apart in the others too, even when they start at once.
        shift = http - HTTP_PORT
        ports = Ports(
            http=http,
            api=_free_port(known.get("api", _port(API_PORT + shift)), {http}),
            postgres=_free_port(known.get("postgres", _port(POSTGRES_PORT + shift)), {http}),
        )
        write_private(self.path / "settings.json", json.dumps(asdict(ports), indent=2).encode())
        return ports

    def mark_complete(self) -> None:
        """The first start has come to its end; from now on this is an existing platform."""
        write_private(self.path / "version", f"{FORMAT}\n".encode())


def _settings(folder: Path) -> dict[str, int]:
    path = folder / "settings.json"
    try:
        settings = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StartRefused(f"{path} is not JSON: {error}; {_SETTINGS_REMEDY}") from error
    if not isinstance(settings, dict):
        raise StartRefused(f"{path} holds no object of ports; {_SETTINGS_REMEDY}")
    for name, port in settings.items():
        if not isinstance(port, int) or not 0 < port < 65536:
            raise StartRefused(
                f"{path}: {name} is {json.dumps(port)}, and a port is a number from 1 to "
                f"65535; {_SETTINGS_REMEDY}"
            )
    return settings


def ports_known(path: Path) -> tuple[int, int]:
    """The portal's and the API's, of the last start or the first to come. Raises StartRefused."""
    known = _settings(path)
    return known.get("http", HTTP_PORT), known.get("api", API_PORT)


def database_port_for(path: Path, *, free: bool = False) -> int:
    """The database server's of the last start, or one that is `free` now. Raises StartRefused."""
    port = _settings(path).get("postgres", POSTGRES_PORT)
    return _free_port(port, set()) if free else port


def require_known_format(found: object, what: str) -> None:
    """Raises StartRefused for another release's format; `what` has it."""
    if str(found) != str(FORMAT):
        raise StartRefused(
            f"{what} has format {found}, and this release knows format {FORMAT}; "
            "start it with the release that wrote it"
        )


def holder_of(path: Path) -> str | None:
    """Who runs a platform on the directory now, or None."""
    try:
        with (path / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _holder(lock.read())
    except OSError:
        pass
    return None


@contextlib.contextmanager
def open_data_dir(path: Path) -> Iterator[DataDir]:
    """Take the directory for this process. Raises StartRefused."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        _require_own(path)
        path.chmod(0o700)
        lock = (path / "lock").open("a+")
    except OSError as error:
        raise StartRefused(
            f"the data directory {path} cannot be used: {error.strerror}; "
            "choose another with --data-dir"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            lock.seek(0)
            raise StartRefused(_in_use(path, lock.read())) from error
        yield DataDir(path, is_new=not _check_format(path))


def _require_own(path: Path) -> None:
    """Nobody's home or project folder becomes a data directory by a slip of the keyboard."""
    names = {child.name for child in path.iterdir()}
    if names and not names & {"lock", "version"}:
        raise StartRefused(
            f"{path} is not empty and is no data directory of Towpath (it holds "
            f"{', '.join(sorted(names)[:3])}); give a new folder with --data-dir"
        )


def announce(data_dir: DataDir, ports: Ports) -> None:
    """Write into the lock who holds it, for the next one who tries."""
    _sign(data_dir.path / "lock", f"http://localhost:{ports.http}")


@contextlib.contextmanager
def kept_stopped(path: Path, purpose: str) -> Iterator[bool]:
    """Whether no platform runs on the directory; then none can be started meanwhile."""
    with (path / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            _sign(path / "lock", purpose)
            yield True


def _sign(lock: Path, portal: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    lock.write_text(json.dumps({"pid": os.getpid(), "portal": portal, "since": since}))


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} ({holder['portal']}, since {holder['since']})"
    except (ValueError, KeyError, TypeError):
        return "a platform that is just starting"


def _in_use(path: Path, holder_text: str) -> str:
    return (
        f"the data directory {path} is in use by {_holder(holder_text)}; stop that platform "
        "first (Ctrl-C there), or start this one with another --data-dir and --port"
    )


def _check_format(path: Path) -> bool:
    """Whether a platform has been here. Raises StartRefused for another release's format."""
    try:
        text = (path / "version").read_text().strip()
    except FileNotFoundError:
        return False
    require_known_format(text, f"the data directory {path}")
    return True


def _port(number: int) -> int:
    """A number that may have left the range of ports, brought back into it."""
    lowest = 1024
    return lowest + (number - lowest) % (65536 - lowest)


def _require_free(port: int) -> None:
    if not 0 < port < 65536:
        raise StartRefused(f"--port is {port}; a port is a number from 1 to 65535")
    if not _is_free(port):
        raise StartRefused(
            f"port {port} is in use by {occupant(port)}; stop it, or choose another with "
            f"--port, for example --port {_free_port(port + 1, set())}"
        )


def _require_free_for_database(port: int, path: Path) -> None:
    if not _is_free(port):
        raise StartRefused(
            f"port {port} is in use by {occupant(port)}, and the workloads of {path} know their "
            "database by it; stop that program and start again"
        )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port(first: int, taken: set[int]) -> int:
    for port in range(first, min(first + 1000, 65536)):
        if port not in taken and _is_free(port):
            return port
    raise StartRefused(f"no port from {first} on is free; stop something that listens there")
