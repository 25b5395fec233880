"""Reading a program's log file while it grows: woken by inotify, not by a clock.

The process host appends `<RFC 3339 time> <line>` and moves the file aside when it is large; the
open file is read to its end before the new one is begun. Where there is no inotify (macOS) the
file is looked at ten times a second.
"""

import asyncio
import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path

CHUNK_BYTES = 256 * 1024
LOOK_EVERY_S = 0.1

_IN_MODIFY, _IN_CREATE, _IN_MOVED = 0x2, 0x100, 0xC0
_EVENT = struct.Struct("iIII")


class FolderWatch:
    """Tells, by an asyncio Event per folder, that something in it has changed."""

    def __init__(self) -> None:
        self._events: dict[int, asyncio.Event] = {}
        self._descriptor = -1
        self._libc: ctypes.CDLL | None = None

    def open(self) -> None:
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (AttributeError, OSError):
            return  # not Linux
        if self._descriptor >= 0:
            asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def close(self) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    @contextlib.contextmanager
    def watching(self, folder: Path) -> Iterator[tuple[asyncio.Event, float | None]]:
        """The event of the folder, and after how long to look without one; None: never."""
        event = asyncio.Event()
        watch = -1
        if self._descriptor >= 0 and self._libc is not None:
            watch = self._libc.inotify_add_watch(
                self._descriptor, os.fsencode(folder), _IN_MODIFY | _IN_CREATE | _IN_MOVED
            )
        if watch < 0:
            yield event, LOOK_EVERY_S
            return
        self._events[watch] = event
        try:
            yield event, None
        finally:
            del self._events[watch]
            if self._descriptor >= 0:
                self._libc.inotify_rm_watch(self._descriptor, watch)  # type: ignore[union-attr]

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._descriptor, 64 * 1024)
            position = 0
            while position < len(data):
                watch, _, _, length = _EVENT.unpack_from(data, position)
                position += _EVENT.size + length
                if (event := self._events.get(watch)) is not None:
                    event.set()


class Tail:
    """The lines of one log file, without their times."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._partial = b""

    def read(self) -> list[str]:
        """Whole lines that have come since; at most about CHUNK_BYTES of them."""
        if self._file is None and not self._open():
            return []
        assert self._file is not None
        data = os.read(self._file, CHUNK_BYTES)
        if not data and self._has_moved():
            self.close()
            return self.read()
        *lines, self._partial = (self._partial + data).split(b"\n")
        return [_text_of(line) for line in lines]

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> bool:
        try:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        return True

    def _has_moved(self) -> bool:
        assert self._file is not None
        try:
            return self._path.stat().st_ino != os.fstat(self._file).st_ino
        except FileNotFoundError:
            return False


def _text_of(line: bytes) -> str:
    _, _, text = line.partition(b" ")
    return text.rstrip(b"\r").decode("utf-8", "replace")
