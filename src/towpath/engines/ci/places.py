"""Where things of a run lie, and how files are put where a step's program has been before us.

    <runs>/<run uid>/<job id>/
        work/<repository>/   the workspace; writable for the steps
        temp/  home/         RUNNER_TEMP and HOME; writable
        said/<step>/         GITHUB_OUTPUT and its like; writable for that step
        control/             scripts and the event; readable for the steps
        logs/                what the programs print, unmasked; ours alone

Writable folders are the steps' own, and steps are somebody else's programs: what we do in there
later goes by descriptors and follows no link.
"""

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from towpath.engines.git.port import File


@dataclass(frozen=True, slots=True)
class JobPlace:
    root: Path
    repository: str

    @property
    def workspace(self) -> Path:
        return self.root / "work" / self.repository

    @property
    def temp(self) -> Path:
        return self.root / "temp"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def control(self) -> Path:
        return self.root / "control"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def said(self, step: int) -> Path:
        return self.root / "said" / str(step)

    def prepare(self) -> None:
        """Empty folders, also when an earlier attempt at the job has left some."""
        shutil.rmtree(self.root, ignore_errors=True)
        for folder in (self.workspace, self.temp, self.home, self.control, self.logs):
            folder.mkdir(parents=True)


def write_tree(root: Path, files: Mapping[str, File]) -> None:
    """Write files below `root`; whatever is in the way of one is replaced, links not followed."""
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    folders: dict[str, int] = {"": top}
    try:
        for path in sorted(files):
            parent, _, name = path.rpartition("/")
            _write_file(_folder(folders, parent), name, files[path])
    finally:
        for descriptor in folders.values():
            os.close(descriptor)


def _folder(folders: dict[str, int], path: str) -> int:
    """An open descriptor of a folder below the root, made if need be."""
    if path in folders:
        return folders[path]
    parent_path, _, name = path.rpartition("/")
    if name in ("", ".", ".."):
        raise ValueError(f"{path!r} is not a path inside a repository")
    parent = _folder(folders, parent_path)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=parent)
    try:
        descriptor = os.open(name, flags, dir_fd=parent)
    except NotADirectoryError:
        # A file or a link where the repository has a folder.
        os.unlink(name, dir_fd=parent)
        os.mkdir(name, 0o755, dir_fd=parent)
        descriptor = os.open(name, flags, dir_fd=parent)
    folders[path] = descriptor
    return descriptor


def _write_file(folder: int, name: str, file: File) -> None:
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not the name of a file")
    mode = 0o755 if file.executable else 0o644
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(name, flags, mode, dir_fd=folder)
    except FileExistsError:
        try:
            os.unlink(name, dir_fd=folder)
        except (IsADirectoryError, PermissionError):
            shutil.rmtree(name, dir_fd=folder)
        descriptor = os.open(name, flags, mode, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(file.content)


def empty(folder: Path) -> None:
    """Remove what is in a folder; links are removed, not followed."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            Path(entry.path).unlink()
