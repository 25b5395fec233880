"""The folder of programs that every step finds first on its PATH: towpath, uv and Python.

Links only, so that the platform's own environment (with its pytest and its mypy) does not get into
anybody's way.
"""

import shutil
import sys
from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def make_tools(folder: Path) -> Path:
    """Make the folder of links, replacing an earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(sys.executable).parent
    base = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
    targets = {
        "towpath": _found("towpath", beside),
        "uv": _found("uv", beside),
        "uvx": _found("uvx", beside),
        "python": base,
        "python3": base,
        f"python3.{sys.version_info.minor}": base,
    }
    for name, target in targets.items():
        link = folder / name
        link.unlink(missing_ok=True)
        if target is not None:
            link.symlink_to(target)
    return folder


def _found(name: str, beside: Path) -> Path | None:
    if (beside / name).exists():
        return beside / name
    elsewhere = shutil.which(name)
    return Path(elsewhere) if elsewhere else None
