"""Folders of the machine that the platform runs on, below one that was allowed when it started."""

import asyncio
import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from towpath.capabilities.portal.catalog.sources.place import (
    Missing,
    Refused,
    Unread,
    is_pattern,
    target_of,
)
from towpath.machinery.globs import Globs

TYPE = "file"
FILE_BYTES_MAX = 4 * 2**20
ENTRIES_MAX = 500_000


@dataclass(frozen=True, slots=True)
class Folder:
    root: Path
    """Without symbolic links; nothing outside of it is read."""

    @classmethod
    def of(cls, path: str, allowed: Sequence[str], *, of_platform: bool) -> "Folder":
        """Raises Refused."""
        if not of_platform:
            raise Refused(
                "a folder of this machine may only be read by a source in the namespace "
                "towpath-system"
            )
        root = Path(path).resolve()
        if not any(root.is_relative_to(Path(one).resolve()) for one in allowed):
            raise Refused(f"{path} is not allowed; start the platform with --catalog-root {path}")
        return cls(root)

    @property
    def address(self) -> str:
        return f"{TYPE}:{self.root}"

    def holds(self, address: str) -> bool:
        return address.startswith(f"{self.address}/")

    async def files(self, patterns: Sequence[str]) -> list[str]:
        """The addresses of the files that the patterns mean. Raises Unread."""
        return await asyncio.to_thread(self._files, Globs(patterns))

    async def read(self, address: str) -> bytes:
        return await asyncio.to_thread(self._content, address)

    async def expand(self, address: str) -> list[str]:
        path = self._path(address)
        if not is_pattern(str(path)):
            return [address]
        return await self.files([str(path.relative_to(self.root))])

    def resolve(self, base: str, target: str, kind: str = "") -> str:
        del kind
        if target.startswith("/"):
            joined = posixpath.normpath(target)
        else:
            joined = posixpath.normpath(posixpath.join(posixpath.dirname(target_of(base)), target))
        return f"{TYPE}:{self._path(f'{TYPE}:{joined}')}"

    def _path(self, address: str) -> Path:
        path = Path(posixpath.normpath(target_of(address)))
        if not path.is_relative_to(self.root):
            raise Refused(f"{path} is outside of {self.root}")
        return path

    def _content(self, address: str) -> bytes:
        path = self._path(address)
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self.root):
                raise Refused(f"{path} is a link that leads out of {self.root}")
            if real.stat().st_size > FILE_BYTES_MAX:
                raise Refused(f"{path} is larger than {FILE_BYTES_MAX} bytes")
            return real.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise Missing(f"there is no {path}") from None
        except (OSError, RuntimeError) as error:
            raise Unread(f"{path}: {error}") from error

    def _files(self, chosen: Globs) -> list[str]:
        def failed(error: OSError) -> None:
            raise Unread(f"{self.root}: {error}") from error

        if not self.root.is_dir():
            raise Unread(f"there is no folder {self.root} now")
        found, seen = [], 0
        for folder, folders, names in os.walk(self.root, onerror=failed):
            folders[:] = sorted(name for name in folders if name != ".git")
            seen += len(names)
            if seen > ENTRIES_MAX:
                raise Unread(f"{self.root} holds more than {ENTRIES_MAX} files")
            below = Path(folder).relative_to(self.root)
            paths = (posixpath.normpath(posixpath.join(str(below), name)) for name in names)
            found += [f"{TYPE}:{self.root}/{path}" for path in paths if chosen.match(path)]
        return sorted(found)
