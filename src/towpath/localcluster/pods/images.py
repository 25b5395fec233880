"""Images, unpacked once per reference, and how their folders come before a process's eyes."""

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from towpath.engines.processes.host import base_python
from towpath.engines.processes.view import SYSTEM_FOLDERS
from towpath.engines.registry.port import ImageUnpacker
from towpath.engines.registry.references import DOCKER_HUB, parse_reference
from towpath.localcluster.pods.commands import ImageConfig, ImageRefused, Relocation

UNPACKS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Image:
    config: ImageConfig
    folder: Path
    top_folders: tuple[str, ...]
    """`/app` and what else the image has at its root."""

    def mounts(self) -> dict[str, Path]:
        return {name: self.folder / name.lstrip("/") for name in self.top_folders}

    def relocation(self) -> Relocation:
        return Relocation({name: str(path) for name, path in self.mounts().items()})


class Images:
    """`cache` may be deleted at any time; what is gone is unpacked again."""

    def __init__(self, unpacker: ImageUnpacker, cache: Path) -> None:
        self._unpacker = unpacker
        self._cache = cache
        self._at_once = asyncio.Semaphore(UNPACKS_AT_ONCE)
        self._locks: dict[str, asyncio.Lock] = {}

    async def image(self, reference: str, project: str) -> Image:
        """For a pod of `project`.

        Raises ImageError when there is no such image, ImageRefused when it cannot run here.
        """
        refuse_foreign(reference, project)
        name = hashlib.sha256(reference.encode()).hexdigest()[:32]
        folder = self._cache / "images" / name
        async with self._locks.setdefault(reference, asyncio.Lock()), self._at_once:
            folder.parent.mkdir(parents=True, exist_ok=True)
            config = await self._unpacker.unpack(reference, folder)
        parsed = ImageConfig.parse(reference, config)
        top_folders = await asyncio.to_thread(_top_folders, reference, folder)
        return Image(parsed, folder, top_folders)

    def programs(self) -> Path:
        """A folder with `python` and `python3`: the host's interpreter without our packages."""
        target = base_python()
        folder = self._cache / "programs" / hashlib.sha256(target.encode()).hexdigest()[:12]
        if not (folder / "python3").exists():
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("python", "python3"):
                link = folder / name
                link.unlink(missing_ok=True)
                link.symlink_to(target)
        return folder


def refuse_foreign(reference: str, project: str) -> None:
    """A pod reads all that is in its image, so it runs its own project's. Raises ImageRefused.

    Namespaces without a project (`<cluster>/<namespace>`) are the administrators'.
    """
    parsed = parse_reference(reference)
    owner = parsed.name.partition("/")[0]
    if parsed.host != DOCKER_HUB and "/" not in project and owner != project:
        raise ImageRefused(
            f"image {reference} belongs to project {owner}, and this pod to project {project}, "
            f"which runs images of {project} only; push the image to {project} too"
        )


def _top_folders(reference: str, folder: Path) -> tuple[str, ...]:
    # A link at an image's root could lead anywhere on this machine.
    real = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    names = sorted(f"/{entry.name}" for entry in real)
    taken = {"/" + path.split("/")[1] for path in SYSTEM_FOLDERS} | {"/proc", "/dev", "/tmp"}  # noqa: S108
    for name in names:
        if name in taken:
            raise ImageRefused(
                f"image {reference} has files in {name}, which is the host's on a local cluster; "
                "keep them in folders of their own such as /app"
            )
    return tuple(names)
