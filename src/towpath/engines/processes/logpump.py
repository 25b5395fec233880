# The supervisor stays small: no pathlib.
# ruff: noqa: PTH103
"""Copies a program's output to its log file, each line with the time it came.

Memory is bounded by one line (a longer one becomes several), the disk by two files of LOG_SIZE_MAX:
`<log>` and `<log>.1`. A full disk loses lines and never stops the program. Standard library only.
"""

import os
import time

LINE_SIZE_MAX = 16 * 1024
LOG_SIZE_MAX = 16 * 1024 * 1024
_READ_SIZE = 64 * 1024
_READS_AT_END_MAX = 64


class LogPump:
    """Works by a descriptor of the log's folder, for the folder itself may be out of sight."""

    def __init__(self, path: str) -> None:
        folder, self._name = os.path.split(path)
        os.makedirs(folder, exist_ok=True)
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._partial = b""
        self._open()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(self._name, flags, 0o600, dir_fd=self._folder)
        self._size = os.fstat(self._file).st_size

    @property
    def descriptors(self) -> tuple[int, int]:
        return self._folder, self._file

    def pump(self, source: int) -> bool:
        """Take what is there now; False when there is nothing and will be nothing."""
        try:
            data = os.read(source, _READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            return False
        self.take(data)
        return True

    def take(self, data: bytes) -> None:
        *lines, rest = (self._partial + data).split(b"\n")
        whole = len(rest) // LINE_SIZE_MAX * LINE_SIZE_MAX
        self._partial = rest[whole:]
        self._write([piece for line in lines for piece in _pieces(line)])
        if whole:
            self._write(_pieces(rest[:whole]))

    def finish(self, source: int) -> None:
        """Take what is left without waiting: a grandchild may hold the other end for ever."""
        os.set_blocking(source, False)
        for _ in range(_READS_AT_END_MAX):
            if not self.pump(source):
                break
        self.end_line()

    def end_line(self) -> None:
        if self._partial:
            self._write([self._partial])
            self._partial = b""

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        stamp = _stamp()
        block = b"".join(b"%b %b\n" % (stamp, line) for line in lines)
        try:
            while block:
                written = os.write(self._file, block)
                self._size += written
                block = block[written:]
            if self._size > LOG_SIZE_MAX:
                self._rotate()
        except OSError:
            # No room, or no right any more: the program matters more than its lines.
            return

    def _rotate(self) -> None:
        os.rename(self._name, self._name + ".1", src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.close(self._file)
        self._open()


def _pieces(line: bytes) -> list[bytes]:
    if len(line) <= LINE_SIZE_MAX:
        return [line]
    return [line[at : at + LINE_SIZE_MAX] for at in range(0, len(line), LINE_SIZE_MAX)]


def _stamp() -> bytes:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    day = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{day}.{nanoseconds:09d}Z".encode()
