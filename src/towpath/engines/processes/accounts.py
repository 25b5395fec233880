"""One user number per project, for isolation `uid`; kept in a file so that folders stay owned."""

import json
from pathlib import Path

FIRST_UID = 200_000


class Accounts:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._uids: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def uid(self, project: str) -> int:
        """The project's user number; never given to another project later."""
        if project not in self._uids:
            self._uids[project] = max(self._uids.values(), default=FIRST_UID) + 1
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps(self._uids, indent=1))
            fresh.replace(self._file)
        return self._uids[project]
