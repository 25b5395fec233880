"""The data directory in one file, and back: `towpath backup`, `towpath restore`."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from towpath.cli import output
from towpath.hooks.commands import FAILED, USAGE, Command, CommandError

STDIO = "-"
SHOWN_EVERY_S = 0.2


async def backup(
    _: None, file: str, *, data_dir: Path | None = None, passphrase_file: Path | None = None
) -> None:
    """Write everything that a platform has to one file, while it runs and people work.

    FILE must be new; - writes to standard output. It holds every secret and the keys to them: it
    is readable by you only, and encrypted with --passphrase-file. Run it as the user who runs the
    platform, on the same machine; a platform that is stopped can be backed up as well.

    Parameters
    ----------
    data_dir
        The platform's. Default: TOWPATH_DATA_DIR or ~/.local/share/towpath.
    passphrase_file
        Encrypt with the passphrase in this file (its first line).
    """
    from towpath.app.backup.passphrase import EncryptedWriter
    from towpath.app.backup.taking import Told, new_file, take
    from towpath.app.datadir import default_cache_dir, default_data_dir

    data = (data_dir or default_data_dir()).absolute()
    passphrase = _first_line(passphrase_file) if passphrase_file else ""
    began = time.monotonic()
    with _told_plainly(data), _interruptible(), _Counter("Backed up") as counter:
        told = Told(counter.part, counter.passed)
        target = _standard_output() if file == STDIO else new_file(Path(file).absolute())
        with target as out:
            if passphrase:
                encrypted = EncryptedWriter(out, passphrase)
                await take(data, default_cache_dir(), encrypted, told)  # type: ignore[arg-type]
                encrypted.close()
            else:
                await take(data, default_cache_dir(), out, told)
    size = "" if file == STDIO else f" to {file}: {_size(Path(file).stat().st_size)}"
    output.say(
        f"Backed up {data}{size}, {counter.total} before compression, "
        f"in {time.monotonic() - began:.1f} s"
    )


async def restore(
    _: None,
    file: str,
    *,
    data_dir: Path | None = None,
    passphrase_file: Path | None = None,
    list_: bool = False,
) -> None:
    """Make a data directory from a backup; `towpath up` then starts what it was.

    The data directory must be new, or an empty folder. The backup is checked to its end before
    anything is there. FILE may be - for standard input.

    Parameters
    ----------
    data_dir
        The new one. Default: TOWPATH_DATA_DIR or ~/.local/share/towpath.
    passphrase_file
        The passphrase of an encrypted backup (the file's first line); asked for if not given.
    list_
        Restore nothing; check the backup, and say what it holds.
    """
    from towpath.app.backup.restoring import contents, look_into
    from towpath.app.backup.restoring import restore as put_back
    from towpath.app.datadir import default_data_dir

    target = (data_dir or default_data_dir()).absolute()

    def passphrase() -> str:
        return _first_line(passphrase_file) if passphrase_file else _asked_for()

    began = time.monotonic()
    counter = _Counter("Checked" if list_ else "Restored")
    with _told_plainly(target), _interruptible(), counter, _opened(file) as source:
        if list_:
            archive = look_into(source, passphrase, counter.passed)
        else:
            archive = put_back(source, target, passphrase, counter.passed)
    made = f"made {archive.header['made']} by Towpath {archive.header['towpath']}"
    if list_:
        rows = [{**row, "bytes": _size(row["bytes"])} for row in contents(archive)]
        output.write_table(rows, words=[f"Whole and unharmed; {made}."])
        return
    output.say(f"Restored {target} in {time.monotonic() - began:.1f} s; {made}")
    chosen = f" --data-dir {target}" if target != default_data_dir().absolute() else ""
    output.say(f"Start it with `towpath up{chosen}`")


def _first_line(path: Path) -> str:
    try:
        line = path.read_text().partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--passphrase-file {path}: {error}", exit_code=USAGE) from error
    if not line:
        raise CommandError(f"--passphrase-file {path} has no passphrase in its first line")
    return line


def _asked_for() -> str:
    from getpass import getpass

    from towpath.app.backup import BackupError

    if not sys.stdin.isatty():
        raise BackupError("the backup is encrypted; give its passphrase with --passphrase-file")
    return getpass("Passphrase of the backup: ")


@contextlib.contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    if sys.stdout.isatty():
        raise CommandError(
            "a backup is nothing to read; send it to a file or to another program",
            exit_code=USAGE,
        )
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    if file == STDIO:
        yield sys.stdin.buffer
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115 - the next lines close it
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", exit_code=USAGE) from error
    with source:
        yield source


@contextlib.contextmanager
def _told_plainly(data: Path) -> Iterator[None]:
    """What can be expected to go wrong, as one sentence."""
    from towpath.app.backup import BackupError
    from towpath.app.datadir import StartRefused
    from towpath.engines.databases.port import DatabaseError
    from towpath.store.copying import CopyFailed

    try:
        yield
    except (BackupError, StartRefused, DatabaseError, CopyFailed) as error:
        raise CommandError(str(error)) from error
    except BrokenPipeError as error:
        raise CommandError("nobody reads the backup any more; it is incomplete") from error
    except OSError as error:
        place = error.filename or data
        raise CommandError(f"{place}: {error.strerror or error}", exit_code=FAILED) from error


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM end at once what blocks the loop, and let it tidy up."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Counter:
    """How far it is: a line that moves on a terminal, and one for each part that is done."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._bytes = 0
        self._shown = time.monotonic()
        self._moves = sys.stderr.isatty()

    def __enter__(self) -> "_Counter":
        return self

    def __exit__(self, *_: object) -> None:
        self._wipe()

    @property
    def total(self) -> str:
        return _size(self._bytes)

    def passed(self, count: int) -> None:
        self._bytes += count
        now = time.monotonic()
        if self._moves and now - self._shown > SHOWN_EVERY_S:
            self._shown = now
            sys.stderr.write(f"\r  {self._verb} {self.total}")
            sys.stderr.flush()

    def part(self, name: str, seconds: float) -> None:
        self._wipe()
        output.say(f"  {name:<60} {seconds:6.2f} s")

    def _wipe(self) -> None:
        if self._moves:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


BACKUP_COMMANDS = [
    Command(("backup",), backup, local=True),
    Command(("restore",), restore, local=True),
]
