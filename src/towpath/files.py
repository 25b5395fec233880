"""Small files that are there wholly or not at all, whenever the machine stops."""

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file by rename; it never exists with wider rights than `mode`. Blocks.

    What a crash cuts off is left as `.<name>.<random>.draft`.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_private(path: Path, content: bytes) -> None:
    """`write_durably`, readable by its owner only."""
    write_durably(path, content, mode=0o600)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_living(
    folder: Path, target: Path, *, skip: Callable[[str], bool] = lambda name: False
) -> None:
    """Another name for each file below a folder whose files come, go and are replaced by rename.

    What was linked before stays. Nothing is missed that is there all the time. `skip` is asked
    for each name. Copies where the file system knows no second name.
    """
    while not _linked(folder, target, skip):
        pass


def _linked(folder: Path, target: Path, skip: Callable[[str], bool]) -> bool:
    """False when something has gone that was there: what replaces it may have been overlooked."""
    gone: list[OSError] = []

    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error
        if error.filename != str(folder):
            gone.append(error)

    for path, folders, names in os.walk(str(folder), onerror=note):
        place = target / Path(path).relative_to(folder)
        place.mkdir(parents=True, exist_ok=True)
        folders[:] = [name for name in folders if not skip(name)]
        for name in names:
            if not skip(name):
                try:
                    _link(Path(path, name), place / name)
                except FileNotFoundError as error:
                    gone.append(error)
    return not gone


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(path, target)
