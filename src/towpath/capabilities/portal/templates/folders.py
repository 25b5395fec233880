"""Files on disk, in folders that nothing may leave: a run's workspace and its template.

Every function here blocks; call them in a thread. Files are written in a scratch folder and moved
to their place, so that a crash leaves the old file or the new one, and nothing else beside it.
"""

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from towpath.engines.git.port import File

DEPTH_MAX = 50


class OutsideFolder(Exception):
    """A path leaves the folder that it must stay in; `str()` is one sentence for the author."""


class InTheWay(OutsideFolder):
    """A file is where a folder would have to be."""


def inside(root: Path, relative: str) -> Path:
    """The path below root. Raises OutsideFolder, also when a symbolic link leads out."""
    place = Path(os.path.normpath(root / relative.strip()))
    resolved, base = place.resolve(), root.resolve()
    if resolved != base and base not in resolved.parents:
        raise OutsideFolder(f"the path {relative!r} leaves the workspace; use one inside it")
    return place


def read_files(root: Path) -> dict[str, File]:
    """Every regular file below root by its path; symbolic links and .git are left out."""
    return {
        path.relative_to(root).as_posix(): read_file(path) for path in sorted(_regular_files(root))
    }


def read_file(place: Path) -> File:
    return File(place.read_bytes(), os.access(place, os.X_OK))


def _regular_files(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name != ".git")
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                yield path


def write_files(
    root: Path, files: Mapping[str, File], *, scratch: Path, replace: bool = True
) -> list[str]:
    """The paths that were written; without `replace`, files that exist stay as they are.

    `scratch` is a folder of the same file system outside of root.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    written = []
    for relative, file in files.items():
        place = inside(root, relative)
        if place.exists() and not replace:
            continue
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise InTheWay(
                f"{relative!r} cannot be written: a file of the name of one of its folders is there"
            ) from error
        draft = scratch / uuid.uuid4().hex
        draft.write_bytes(file.content)
        draft.chmod(0o755 if file.executable else 0o644)
        draft.replace(place)
        written.append(relative)
    return written


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
