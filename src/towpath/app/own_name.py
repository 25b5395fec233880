"""How this command is called, for what others shall type or run: `towpath`, a path, or a module."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def to_type() -> str:
    """What to type in another terminal, in the same folder."""
    if _is_module():
        return f"{os.path.relpath(sys.executable)} -m towpath"
    if found := shutil.which("towpath"):
        own = Path(sys.argv[0])
        if not own.exists() or Path(found).samefile(own):
            return "towpath"
    return os.path.relpath(sys.argv[0])


def to_run() -> str:
    """The same for a shell in any folder, with whatever PATH."""
    if _is_module():
        return f"{shlex.quote(sys.executable)} -m towpath"
    program = shutil.which(sys.argv[0]) or sys.argv[0]
    # Not resolved: a link in an environment's bin/ finds that environment.
    return shlex.quote(os.path.abspath(program))  # noqa: PTH100


def _is_module() -> bool:
    """`python -m towpath`: then argv names a file that nobody can execute."""
    return Path(sys.argv[0]).name == "__main__.py"
