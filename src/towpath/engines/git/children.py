"""Git as a child process: real git does the packs, in an environment that holds nothing but ours.

No configuration of the machine or of a user is read, no hook runs, nothing is prompted for. All
policy is in one file under our root, given both as GIT_CONFIG_GLOBAL and as $HOME/.gitconfig, since
`safe.directory` (root serving somebody else's folder) is only believed from there.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

from towpath.engines.git.port import GitUnavailable

_POLICY = """\
[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tfsync = objects,reference
\tfsyncMethod = batch
\tlogAllRefUpdates = false
[gc]
\tauto = 0
[receive]
\tautogc = false
\tfsckObjects = true
\tunpackLimit = 1
\tmaxInputSize = {push_bytes_max}
\tdenyDeleteCurrent = refuse
[uploadpack]
\tallowFilter = true
\tallowReachableSHA1InWant = true
"""

_OWNER_MARK = "TOWPATH_GIT_ROOT"
_COMPLAINTS_MAX = 8192
_TERMINATE_S = 2.0
_UNPACK_TIMEOUT_S = 300.0


class GitChildren:
    """Starts git in repositories below one root."""

    def __init__(self, root: Path, push_bytes_max: int, executable: str = "git") -> None:
        self._root = root
        self._push_bytes_max = push_bytes_max
        self._executable = executable

    def prepare(self) -> None:
        """Write the policy file, and end children that outlived a killed platform."""
        home = self._home
        home.mkdir(parents=True, exist_ok=True)
        (home / ".gitconfig").write_text(_POLICY.format(push_bytes_max=self._push_bytes_max))
        end_orphans(self._root)

    @property
    def _home(self) -> Path:
        return self._root / ".home"

    @asynccontextmanager
    async def start(
        self,
        arguments: Sequence[str],
        *,
        stdin: int,
        protocol: str = "",
    ) -> AsyncIterator["GitChild"]:
        """Run git; it is ended, with its own children, when the block is left.

        Raises GitUnavailable when git is not installed.
        """
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._home),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self._home / ".gitconfig"),
            "GIT_TERMINAL_PROMPT": "0",
            _OWNER_MARK: str(self._root),
        }
        if protocol:
            env["GIT_PROTOCOL"] = protocol
        with tempfile.TemporaryFile(dir=self._home) as complaints:
            try:
                process = await asyncio.create_subprocess_exec(
                    self._executable,
                    *arguments,
                    stdin=stdin,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=complaints,
                    env=env,
                    cwd=self._root,
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise GitUnavailable(
                    "git is not installed where Towpath runs: install git there and try again"
                ) from error
            except OSError as error:
                raise GitUnavailable(f"git could not be started: {error}") from error
            try:
                yield GitChild(process, complaints)
            finally:
                await _end(process)


class GitChild:
    """A running git: its output as chunks, its complaints as text."""

    def __init__(self, process: asyncio.subprocess.Process, complaints: IO[bytes]) -> None:
        self._process = process
        self._complaints = complaints

    async def chunks(self, size: int = 64 * 1024) -> AsyncIterator[bytes]:
        assert self._process.stdout is not None
        while chunk := await self._process.stdout.read(size):
            yield chunk

    async def wait(self) -> int:
        return await self._process.wait()

    def complaints(self) -> str:
        """What git said on standard error, the beginning of it; for the log."""
        self._complaints.seek(0)
        return self._complaints.read(_COMPLAINTS_MAX).decode("utf-8", "replace").strip()


async def unpack(children: GitChildren, place: Path, drafts: Path, pack: bytes) -> None:
    """Git looks at each object of a pack before it counts. Raises GitUnavailable."""
    with tempfile.TemporaryFile(dir=drafts) as file:
        await asyncio.to_thread(file.write, pack)
        file.seek(0)
        words = ["-C", str(place), "index-pack", "--stdin", "--strict"]
        async with (
            asyncio.timeout(_UNPACK_TIMEOUT_S),
            children.start(words, stdin=file.fileno()) as child,
        ):
            async for _ in child.chunks():
                pass
            if await child.wait() != 0:
                raise GitUnavailable(f"Git does not take what came: {child.complaints()}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask first, so that git removes its lock files; then insist."""
    if process.returncode is not None:
        return
    _signal_group(process.pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(_drained(process), _TERMINATE_S)
    except TimeoutError:
        _signal_group(process.pid, signal.SIGKILL)
        await _drained(process)


async def _drained(process: asyncio.subprocess.Process) -> None:
    """Wait for the end while emptying its output: a full pipe would keep it from ending."""
    assert process.stdout is not None
    while await process.stdout.read(64 * 1024):
        pass
    await process.wait()


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def end_orphans(root: Path) -> None:
    """Kill git children of an earlier process of ours on this root (where /proc tells them)."""
    mark = f"{_OWNER_MARK}={root}".encode()
    own = os.getpid()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue  # not ours to read, or gone
        pid = int(folder.name)
        if pid != own and mark in environment.split(b"\0") and os.getppid() != pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
