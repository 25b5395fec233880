"""Where bare repositories lie on disk, and whose they are.

    root/<project>/<name>.git            served
    root/.archive/<project>/<name>-<owner uid>.git
    root/.tmp/                           repositories in the making, request bodies

A repository appears and disappears by one rename, so a crash leaves either all of it or nothing
under its name. Who owns it is in its own git config (`towpath.owner`). Everything here blocks:
call it in a thread.
"""

import os
import re
import shutil
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from towpath.engines.git.port import (
    GitError,
    GitUnavailable,
    RepositoryName,
    RepositoryNotFound,
    RepositoryTaken,
)
from towpath.files import sync_folder, write_durably

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")

_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[towpath]
\towner = {owner}
\tprotected = {protected}
"""


@dataclass(frozen=True, slots=True)
class Ownership:
    owner_uid: str
    protected: bool


def is_name(text: str) -> bool:
    """Whether a project or repository may be called that: one harmless path component."""
    return (
        _NAME.fullmatch(text) is not None
        and ".." not in text
        and not text.endswith((".git", ".lock", "."))
    )


class Folders:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary = root / ".tmp"
        self.archive = root / ".archive"

    def prepare(self) -> None:
        """Make the top folders and remove what a crash left unfinished."""
        self.root.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir(exist_ok=True)
        self.archive.mkdir(exist_ok=True)

    def place_of(self, repository: RepositoryName) -> Path:
        """The folder where the repository is or would be. Raises GitError for an unsafe name."""
        for part in (repository.project, repository.name):
            if not is_name(part):
                raise GitError(
                    f"{part!r} cannot be the name of a project or repository: use lower-case "
                    "letters, digits, '.', '_' and '-', beginning with a letter or digit"
                )
        return self.root / repository.project / f"{repository.name}.git"

    def existing(self, repository: RepositoryName) -> Path:
        """Raises RepositoryNotFound."""
        try:
            place = self.place_of(repository)
        except GitError as error:
            raise RepositoryNotFound(f"There is no repository {repository}: {error}") from error
        try:
            place.stat()
        except FileNotFoundError as error:
            raise RepositoryNotFound(f"There is no repository {repository}") from error
        except OSError as error:
            raise GitUnavailable(f"Repository {repository} could not be opened: {error}") from error
        return place

    def names(self, of: str = "") -> list[RepositoryName]:
        """All, or those of one project."""
        if of and not is_name(of):
            return []
        try:
            projects = [self.root / of] if of else self.root.iterdir()
            return sorted(
                RepositoryName(project.name, place.name.removesuffix(".git"))
                for project in projects
                if is_name(project.name) and project.is_dir()
                for place in project.iterdir()
                if place.name.endswith(".git")
            )
        except OSError as error:
            raise GitUnavailable(f"The repositories could not be listed: {error}") from error

    def create(self, repository: RepositoryName, ownership: Ownership) -> bool:
        """Make it, or adopt what this owner made before: then False. Raises RepositoryTaken."""
        place = self.place_of(repository)
        if place.exists():
            self._adopt(repository, place, ownership)
            return False
        self.temporary.mkdir(parents=True, exist_ok=True)
        draft = self.temporary / f"{uuid.uuid4().hex}.git"
        _write_empty_repository(draft, ownership)
        place.parent.mkdir(exist_ok=True)
        try:
            draft.rename(place)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            if not place.exists():
                raise
            self._adopt(repository, place, ownership)
            return False
        sync_folder(place.parent)
        sync_folder(self.root)
        return True

    def ownership(self, place: Path) -> Ownership:
        values: dict[str, str] = {}
        section = ""
        for line in (place / "config").read_text().splitlines():
            text = line.strip()
            if text.startswith("["):
                section = text
            elif section == "[towpath]":
                key, _, value = text.partition("=")
                values[key.strip()] = value.strip()
        return Ownership(values.get("owner", ""), values.get("protected") == "true")

    def put_aside(self, repository: RepositoryName, place: Path, owner_uid: str) -> None:
        """Move it to the archive and make it read-only there."""
        folder = self.archive / repository.project
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{repository.name}-{owner_uid}.git"
        if target.exists():  # the same owner made the name again after an earlier archive
            target = folder / f"{repository.name}-{owner_uid}-{uuid.uuid4().hex[:8]}.git"
        place.rename(target)
        sync_folder(folder)
        sync_folder(place.parent)
        for path, _, files in os.walk(target):
            for name in files:
                Path(path, name).chmod(0o444)

    def remove(self, place: Path) -> None:
        self.temporary.mkdir(parents=True, exist_ok=True)
        doomed = self.temporary / f"{uuid.uuid4().hex}.deleted"
        place.rename(doomed)
        sync_folder(place.parent)
        with suppress(OSError):  # the project's folder goes with its last repository
            place.parent.rmdir()
        shutil.rmtree(doomed)

    def _adopt(self, repository: RepositoryName, place: Path, ownership: Ownership) -> None:
        found = self.ownership(place)
        if found.owner_uid != ownership.owner_uid:
            raise RepositoryTaken(
                f"Repository {repository} exists and belongs to something else; choose another name"
            )
        if found.protected != ownership.protected:
            write_durably(place / "config", _config_text(ownership).encode())


def sweep_locks(place: Path) -> None:
    """Remove lock files and half-received objects of writers that were killed.

    Only while nobody writes to the repository.
    """
    for name in ("HEAD.lock", "packed-refs.lock", "config.lock", "gc.pid", "shallow.lock"):
        (place / name).unlink(missing_ok=True)
    for draft in place.glob(".*.draft"):
        draft.unlink(missing_ok=True)
    for folder in (place / "refs", place / "objects"):
        for path, folders, files in os.walk(folder):
            for name in [name for name in folders if name.startswith(("tmp_objdir", "incoming"))]:
                shutil.rmtree(Path(path, name))
                folders.remove(name)
            for name in files:
                if name.endswith(".lock") or name.startswith(("tmp_", ".tmp")):
                    Path(path, name).unlink(missing_ok=True)


def _config_text(ownership: Ownership) -> str:
    owner_uid = ownership.owner_uid
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", owner_uid):
        raise GitError(f"{owner_uid!r} cannot own a repository: it is not the uid of an object")
    return _CONFIG.format(owner=owner_uid, protected=str(ownership.protected).lower())


def _write_empty_repository(draft: Path, ownership: Ownership) -> None:
    text = _config_text(ownership)
    for folder in ("objects/pack", "objects/info", "refs/heads", "refs/tags"):
        (draft / folder).mkdir(parents=True)
    write_durably(draft / "HEAD", b"ref: refs/heads/main\n")
    write_durably(draft / "config", text.encode())
