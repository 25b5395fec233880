"""The programs that every step finds on its PATH: towpath and uv, the host's Python, the system's.

towpath and uv are led to from a folder of their own, so that the platform's own environment (its
pytest, its mypy) does not get into anybody's way. Python is named where it really is: what uv makes
of it must stay valid for another data directory with the same cache.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

# A step cannot write beside the platform's modules: without a place of its own for what Python
# makes of them, every call would compile them again, which takes most of a second.
_LAUNCHER = """#!/bin/sh
exec '{python}' -X pycache_prefix="${{TOWPATH_CACHE:-$HOME}}/pycache" '{script}' "$@"
"""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Tools:
    folder: Path

    @property
    def _python(self) -> Path:
        return Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()

    @property
    def _fallbacks(self) -> Path:
        return self.folder / "python"

    def path(self, system: str = "") -> str:
        """The PATH of a step that adds nothing of its own."""
        places = (self.folder, self._python.parent, system or SYSTEM_PATH, self._fallbacks)
        return ":".join(map(str, places))

    @property
    def python(self) -> Path:
        return self._python

    @property
    def uv(self) -> Path:
        return self.folder / "uv"

    def prepare(self) -> None:
        """Make the folder anew, for the environment it leads to may be another one now."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._fallbacks.mkdir(parents=True)
        beside = Path(sys.executable).parent
        if (beside / "towpath").exists():
            script = self.folder / "towpath"
            script.write_text(_LAUNCHER.format(python=sys.executable, script=beside / "towpath"))
            script.chmod(0o755)
        for name in ("uv", "uvx"):
            if (target := _found(name, beside)) is not None:
                (self.folder / name).symlink_to(target)
        for name in ("python", "python3"):
            # Last on the path: for a host that knows its Python only as python3.12.
            (self._fallbacks / name).symlink_to(self._python)


def _found(name: str, beside: Path) -> Path | None:
    if (beside / name).exists():
        return beside / name
    elsewhere = shutil.which(name)
    return Path(elsewhere) if elsewhere else None
