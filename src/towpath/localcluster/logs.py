"""What `kubectl logs` reads: the log files of a pod's containers, from any point, as they grow.

The files hold `<RFC 3339 nanoseconds> <line>`, one file per start of a container
(`<pod uid>/logs/<container>/<restart>.log`), and what was rotated away in `<file>.1`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Protocol

from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import Key, RawObject, key_of, uid_of

CHUNK_SIZE = 64 * 1024
LOOK_AGAIN_S = 0.05
"""While somebody follows: often enough to look live, seldom enough to cost nothing."""


class LogOptions(Protocol):
    """The query of `pods/<name>/log`; None and "" mean that nothing was said."""

    @property
    def container(self) -> str: ...
    @property
    def follow(self) -> bool: ...
    @property
    def previous(self) -> bool: ...
    @property
    def timestamps(self) -> bool: ...
    @property
    def tail_lines(self) -> int | None: ...
    @property
    def since_s(self) -> int | None: ...
    @property
    def since_time(self) -> str: ...


@dataclass(frozen=True, slots=True)
class FromNow:
    """LogOptions of what a container will say, and nothing that it has said."""

    container: str
    follow: bool = True
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = 0
    since_s: int | None = None
    since_time: str = ""


class PodLogs:
    """`current` gives the pod as it is now, None when it is gone: then following ends."""

    def __init__(self, pods_dir: Path, current: Callable[[Key], RawObject | None]) -> None:
        self._pods_dir = pods_dir
        self._current = current

    async def __call__(self, pod: RawObject, options: LogOptions) -> AsyncIterator[bytes]:
        """Raises BadRequest, in Kubernetes' words, when there is no such log."""
        container = chosen_container(pod, options.container)
        status = _status(pod, container)
        restart = int(status.get("restartCount", 0)) - (1 if options.previous else 0)
        if restart < 0:
            raise BadRequest(
                f'previous terminated container "{container}" in pod "{key_of(pod).name}" not found'
            )
        path = self._pods_dir / uid_of(pod) / "logs" / container / f"{restart}.log"
        waiting = (status.get("state") or {}).get("waiting")
        if waiting and restart == 0 and not path.exists():
            raise BadRequest(
                f'container "{container}" in pod "{key_of(pod).name}" is waiting to start: '
                f"{waiting.get('reason', 'ContainerCreating')}"
            )
        return self._read(pod, container, restart, path, options)

    async def _read(
        self, pod: RawObject, container: str, restart: int, path: Path, options: LogOptions
    ) -> AsyncIterator[bytes]:
        since = _since(options)
        old = path.with_name(path.name + ".1")
        skip = await asyncio.to_thread(_lines_to_skip, (old, path), options.tail_lines)
        log = _GrowingFile(path)
        try:
            if old.exists():
                for chunk in await asyncio.to_thread(_all_chunks, old):
                    skip, text = _cut(chunk, skip, since, options.timestamps)
                    if text:
                        yield text
            while True:
                ended = not options.follow or self._has_ended(pod, container, restart)
                while chunk := await asyncio.to_thread(log.read):
                    skip, text = _cut(chunk, skip, since, options.timestamps)
                    if text:
                        yield text
                if ended:
                    return
                await asyncio.sleep(LOOK_AGAIN_S)
        finally:
            log.close()

    def _has_ended(self, pod: RawObject, container: str, restart: int) -> bool:
        current = self._current(key_of(pod))
        if current is None or uid_of(current) != uid_of(pod):
            return True
        status = _status(current, container)
        state = status.get("state") or {}
        return int(status.get("restartCount", 0)) > restart or bool(
            state.get("terminated")
            or (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff"
        )


class _GrowingFile:
    """Whole lines of a file that grows and is rotated away under us."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._partial = b""

    def read(self) -> bytes:
        """What has come since the last call, whole lines only; b"" when nothing."""
        if self._file is None:
            if not self._path.exists():
                return b""
            self._file = self._path.open("rb")
        data = self._file.read(CHUNK_SIZE)
        if not data and self._is_rotated():
            self.close()
            return self.read()
        whole, newline, rest = (self._partial + data).rpartition(b"\n")
        self._partial = rest
        return whole + newline

    def _is_rotated(self) -> bool:
        assert self._file is not None
        try:
            return (
                self._path.stat().st_ino
                != Path(f"/proc/self/fd/{self._file.fileno()}").stat().st_ino
            )
        except FileNotFoundError:
            return False

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def chosen_container(pod: RawObject, wanted: str) -> str:
    spec = pod["spec"]
    names = [one["name"] for one in [*spec["containers"], *(spec.get("initContainers") or ())]]
    name = key_of(pod).name
    if wanted:
        if wanted not in names:
            raise BadRequest(f"container {wanted} is not valid for pod {name}")
        return wanted
    main = [one["name"] for one in spec["containers"]]
    if len(main) > 1:
        raise BadRequest(
            f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
        )
    return str(main[0])


def _status(pod: RawObject, container: str) -> RawObject:
    status = pod.get("status") or {}
    for field in ("containerStatuses", "initContainerStatuses"):
        for one in status.get(field) or ():
            if one["name"] == container:
                return dict(one)
    return {"state": {"waiting": {"reason": "ContainerCreating"}}}


def _since(options: LogOptions) -> bytes:
    """The first time stamp wanted, in the files' own form, which sorts as text."""
    if options.since_s is not None:
        moment = datetime.now(UTC) - timedelta(seconds=options.since_s)
    elif options.since_time:
        moment = datetime.fromisoformat(options.since_time).astimezone(UTC)
    else:
        return b""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").encode()


def _chunks(path: Path) -> Iterator[bytes]:
    file = _GrowingFile(path)
    try:
        while chunk := file.read():
            yield chunk
    finally:
        file.close()


def _all_chunks(path: Path) -> list[bytes]:
    return list(_chunks(path))


def _lines_to_skip(paths: tuple[Path, ...], tail_lines: int | None) -> int:
    """How many lines from the start are not among the last `tail_lines`."""
    if tail_lines is None:
        return 0
    total = sum(chunk.count(b"\n") for path in paths if path.exists() for chunk in _chunks(path))
    return max(0, total - tail_lines)


def _cut(chunk: bytes, skip: int, since: bytes, timestamps: bool) -> tuple[int, bytes]:
    """Drop the first `skip` lines, older lines, and the stamps; what is left to skip, the text."""
    lines = chunk.splitlines(keepends=True)
    kept = lines[skip:]
    if since:
        kept = [line for line in kept if line >= since]
    if not timestamps:
        kept = [line.partition(b" ")[2] for line in kept]
    return max(0, skip - len(lines)), b"".join(kept)
