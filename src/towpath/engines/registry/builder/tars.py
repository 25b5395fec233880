"""Layers as deterministic archives: sorted names, one time, no owner, gzip without a date.

The digest then depends on the content alone (and on zlib: another version of it may compress
differently, which changes a layer's digest but not its diff id).
"""

import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

_LEVEL = 6
_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a layer: its path inside the image without a leading slash."""

    path: str
    content: bytes | Path
    executable: bool = False
    link: str = ""
    """Not empty: a symbolic link to this."""


@dataclass(frozen=True, slots=True)
class LayerFacts:
    digest: str
    diff_id: str
    size: int


class _HashingGzip:
    """Compresses what is written to it and counts both sides."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._plain = hashlib.sha256()
        self._packed = hashlib.sha256()
        self._size = 0
        # 31: a gzip header, with no name and the time 0.
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)

    def write(self, data: bytes) -> int:
        self._plain.update(data)
        self._put(self._compressor.compress(data))
        return len(data)

    def finish(self) -> LayerFacts:
        self._put(self._compressor.flush())
        return LayerFacts(
            f"sha256:{self._packed.hexdigest()}", f"sha256:{self._plain.hexdigest()}", self._size
        )

    def _put(self, data: bytes) -> None:
        self._packed.update(data)
        self._size += len(data)
        self._target.write(data)


def write_layer(entries: Iterable[Entry], target: IO[bytes], time_s: int) -> LayerFacts:
    """Entries in any order; the folders above them are added."""
    packer = _HashingGzip(target)
    sink = cast(IO[bytes], packer)  # a stream archive only ever calls write()
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_BLOCK) as tar:
        folders: set[str] = set()
        for entry in sorted(entries, key=lambda entry: entry.path):
            for folder in _folders_above(entry.path):
                if folder not in folders:
                    folders.add(folder)
                    tar.addfile(_info(folder, time_s, tarfile.DIRTYPE, 0o755))
            _add(tar, entry, time_s)
    return packer.finish()


def layer_bytes(entries: Iterable[Entry], time_s: int) -> tuple[bytes, LayerFacts]:
    buffer = io.BytesIO()
    facts = write_layer(entries, buffer, time_s)
    return buffer.getvalue(), facts


def _add(tar: tarfile.TarFile, entry: Entry, time_s: int) -> None:
    if entry.link:
        info = _info(entry.path, time_s, tarfile.SYMTYPE, 0o777)
        info.linkname = entry.link
        tar.addfile(info)
        return
    content = entry.content if isinstance(entry.content, bytes) else entry.content.read_bytes()
    info = _info(entry.path, time_s, tarfile.REGTYPE, 0o755 if entry.executable else 0o644)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _info(path: str, time_s: int, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.mtime = kind, mode, time_s
    return info


def _folders_above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
