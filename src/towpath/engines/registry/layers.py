"""Laying an image's layers into a folder, as somebody who trusts none of them.

Whiteouts delete what lower layers had. Owners are ignored and everything is made readable, because
the process that runs it is not the one that built it. No entry leaves the folder: names with `..`
are refused, and symbolic links in the way are resolved inside the folder, as a container would see
them. Devices, sockets and pipes are left out.
"""

import gzip
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from towpath.engines.registry.port import ImageError, ImageInvalid

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_LINKS_MAX = 40
_ENTRIES_MAX = 500_000
_COPY_BYTES = 256 * 1024


class LayerTree:
    """A folder that layers are laid into, lowest first."""

    def __init__(self, root: Path, bytes_max: int) -> None:
        self._root = root
        self._bytes_left = bytes_max
        self._entries_left = _ENTRIES_MAX
        self._folders: dict[tuple[str, ...], Path] = {}
        self._made: set[Path] = set()

    def lay(self, layer: Path) -> None:
        """Raises ImageInvalid for a broken or hostile layer."""
        self._made = set()
        try:
            with _opened(layer) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
                for entry in tar:
                    self._lay_entry(tar, entry)
        except (tarfile.TarError, gzip.BadGzipFile, EOFError) as error:
            raise ImageInvalid(f"Layer {layer.name[:12]} is broken: {error}") from error

    def _lay_entry(self, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        self._entries_left -= 1
        if self._entries_left < 0:
            raise ImageInvalid(f"The image has more than {_ENTRIES_MAX} files")
        parts = _parts(entry.name)
        if not parts:
            return
        folder, name = self._folder(parts[:-1]), parts[-1]
        path = folder / name
        if name == _OPAQUE:
            self._empty(folder)
        elif name.startswith(_WHITEOUT):
            self._remove(folder / _plain(name.removeprefix(_WHITEOUT)))
        elif entry.isdir():
            self._lay_folder(path, entry.mode)
        elif entry.isreg():
            self._lay_file(tar, entry, path)
        elif entry.issym():
            self._remove(path)
            path.symlink_to(entry.linkname)
            self._made.add(path)
        elif entry.islnk():
            self._lay_hard_link(path, entry.linkname)

    def _lay_folder(self, path: Path, mode: int) -> None:
        if path.is_symlink() or not path.is_dir():
            self._remove(path)
            path.mkdir()
        path.chmod(mode & 0o777 | 0o755)
        self._made.add(path)

    def _lay_file(self, tar: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
        self._bytes_left -= entry.size
        if self._bytes_left < 0:
            raise ImageInvalid("The image's files are larger than a local cluster takes")
        self._remove(path)
        source = tar.extractfile(entry)
        assert source is not None
        mode = entry.mode & 0o777 | 0o644
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as target:
            shutil.copyfileobj(source, target, _COPY_BYTES)
            if target.tell() != entry.size:
                raise ImageInvalid(f"The layer ends in the middle of {entry.name}")
            os.fchmod(target.fileno(), mode)
            os.utime(target.fileno(), (entry.mtime, entry.mtime))
        self._made.add(path)

    def _lay_hard_link(self, path: Path, target: str) -> None:
        parts = _parts(target)
        source = self._folder(parts[:-1]) / parts[-1] if parts else self._root
        if source.is_symlink() or not source.is_file():
            raise ImageInvalid(f"The layer links to {target}, which is no file of it")
        if source != path:
            self._remove(path)
            os.link(source, path)
        self._made.add(path)

    def _folder(self, parts: tuple[str, ...]) -> Path:
        """The real folder of a path inside the root, made where it is missing."""
        known = self._folders.get(parts)
        if known is not None:
            return known
        current, waiting, links = self._root, list(reversed(parts)), 0
        while waiting:
            part = waiting.pop()
            if part == "..":  # only from a link: names of entries have none
                current = current.parent if current != self._root else current
                continue
            path = current / part
            if path.is_symlink():
                links += 1
                if links > _LINKS_MAX:
                    raise ImageInvalid(f"{'/'.join(parts)} is a circle of links")
                target = path.readlink().as_posix()
                if target.startswith("/"):
                    current = self._root
                steps = [step for step in target.split("/") if step not in ("", ".")]
                waiting.extend(reversed(steps))
                continue
            if not path.is_dir():
                self._remove(path)
                path.mkdir(mode=0o755)
            current = path
        self._folders[parts] = current
        return current

    def _empty(self, folder: Path) -> None:
        """Delete what lower layers put there; what this layer brought stays."""
        for path in list(folder.iterdir()):
            if path.is_dir() and not path.is_symlink() and self._has_new(path):
                self._empty(path)
            elif path not in self._made:
                self._remove(path)

    def _has_new(self, folder: Path) -> bool:
        return any(path == folder or folder in path.parents for path in self._made)

    def _remove(self, path: Path) -> None:
        try:
            path.unlink()
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            shutil.rmtree(path)
        # What was known of folders may have gone through it.
        self._folders.clear()


def link_tree(source: Path, target: Path) -> None:
    """Make `target` a copy of the folder whose files are the same files, where that is possible."""
    for path, folders, files in os.walk(source):
        here = target / Path(path).relative_to(source)
        here.mkdir(exist_ok=True)
        here.chmod(Path(path).stat().st_mode & 0o777)
        links = [name for name in folders if Path(path, name).is_symlink()]
        for name in (*files, *links):
            try:
                os.link(Path(path, name), here / name, follow_symlinks=False)
            except OSError:
                shutil.copy2(Path(path, name), here / name, follow_symlinks=False)


def _parts(name: str) -> tuple[str, ...]:
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts or "\0" in name:
        raise ImageInvalid(f"The layer has a name that leaves the image: {name[:200]!r}")
    return parts


def _plain(name: str) -> str:
    """A whiteout names one thing in its own folder, nothing else."""
    if name in ("", ".", ".."):
        raise ImageInvalid("The layer deletes something outside the image")
    return name


@contextmanager
def _opened(layer: Path) -> Iterator[IO[bytes]]:
    """The layer's tar stream; how it is compressed is read from its first bytes."""
    with layer.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        if magic[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream  # type: ignore[misc]
        elif magic == b"\x28\xb5\x2f\xfd":
            with _zstd_reader(raw) as stream:
                yield stream
        else:
            yield raw


def _zstd_reader(raw: IO[bytes]) -> IO[bytes]:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise ImageError(
            "The layer is compressed with zstd, which needs Python 3.14; build it with gzip"
        ) from error
    reader: IO[bytes] = zstd.ZstdFile(raw)
    return reader
