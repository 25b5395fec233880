"""What a start can end with that is nobody's defect: a sentence for the person who typed `up`."""

import errno
import shutil
import sys
from pathlib import Path

from towpath.apiserver.auditing.policy import PolicyInvalid
from towpath.apiserver.authn.pki import PkiDamaged
from towpath.apiserver.authn.structured import ConfigurationInvalid
from towpath.app.datadir import StartRefused
from towpath.engines.databases.port import DatabaseError
from towpath.engines.processes.port import ProcessError
from towpath.machinery.errors import StorageFull
from towpath.records.contract import RecordsUnavailable
from towpath.store.contract import DamagedStore, UnsealError, UnsupportedFormat

_TOLD = (
    StartRefused,
    PkiDamaged,
    ConfigurationInvalid,
    PolicyInvalid,
    DatabaseError,
    ProcessError,
    RecordsUnavailable,
    UnsupportedFormat,
    DamagedStore,
)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def require_programs() -> None:
    """The programs that the platform starts and does not bring. Raises StartRefused."""
    if shutil.which("git") is None:
        raise StartRefused(
            "git is not on the PATH, and the platform's Git host needs it; install it "
            "(Debian: apt-get install git), then start again"
        )
    if not Path(sys.executable).with_name("uv").exists() and shutil.which("uv") is None:
        raise StartRefused(
            "uv is neither beside the platform's Python nor on the PATH, and pipelines need it; "
            "install towpath[embedded], or uv itself, then start again"
        )


def refusal_of(error: BaseException, data: Path) -> str | None:
    """The sentence; None for what is a defect of ours."""
    if isinstance(error, _TOLD):
        return str(error)
    if isinstance(error, UnsealError):
        return f"{error}; put {data / 'pki' / 'secrets.key'} back as it was when that was written"
    if isinstance(error, StorageFull) or (isinstance(error, OSError) and error.errno in _FULL):
        return f"the disk of {data} is full; free some space and start again"
    if isinstance(error, OSError) and error.errno in _FORBIDDEN:
        place = error.filename or data
        return (
            f"{place} cannot be used: {error.strerror}; start the platform as the user who owns "
            f"{data}, or choose another folder with --data-dir"
        )
    return None
