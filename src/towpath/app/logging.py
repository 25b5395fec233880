"""The operators' log: one line an event, constant text and key=value pairs, rotated."""

import logging
import logging.handlers
from pathlib import Path

BYTES_MAX = 10 * 1024 * 1024
KEPT = 3
_ORDINARY = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _KeyValues(logging.Formatter):
    """Appends whatever was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        pairs = " ".join(
            f"{key}={value!r}" for key, value in vars(record).items() if key not in _ORDINARY
        )
        head, newline, rest = line.partition("\n")
        return f"{head} {pairs}{newline}{rest}" if pairs else line


def log_to_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=BYTES_MAX, backupCount=KEPT)
    handler.setFormatter(_KeyValues("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
