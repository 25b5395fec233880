"""One user number per project, for isolation `uid`; kept in a file so that folders stay owned."""

import json
from pathlib import Path

from towpath.engines.processes.port import ProcessError
from towpath.files import write_durably

FIRST_UID = 200_000


class Accounts:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._uids: dict[str, int] = _read(file) if file.exists() else {}

    def uid(self, project: str) -> int:
        """The project's user number; never given to another project later."""
        if project not in self._uids:
            self._uids[project] = max(self._uids.values(), default=FIRST_UID) + 1
            write_durably(self._file, json.dumps(self._uids, indent=1).encode())
        return self._uids[project]


def _read(file: Path) -> dict[str, int]:
    try:
        uids = json.loads(file.read_text())
    except ValueError:
        uids = None
    if not isinstance(uids, dict) or not all(isinstance(uid, int) for uid in uids.values()):
        raise ProcessError(
            f"{file} does not say which user number each project has; put it back from a copy, or "
            "write {} to it where no project has files of its own"
        )
    return uids
