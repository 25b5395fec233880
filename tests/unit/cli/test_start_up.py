"""Start-up time is everybody's: what is not needed to show the help is not imported for it."""

import subprocess
import sys

import pytest

SHOW_HELP = """
import sys
from towpath.cli.commands import all_commands
from towpath.cli.adapter import build
build(all_commands(), print, "")
print(" ".join(sys.modules))
"""


@pytest.fixture(scope="module")
def imported() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SHOW_HELP], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "apsw",
        "asyncpg",
        "cel_expr_python",
        "cryptography",
        "dulwich",
        "httpx2",
        "jinja2",
        "jsonschema_rs",
        "ruamel",
        "starlette",
        "towpath.apiserver",
        "towpath.app.platform",
        "towpath.localcluster",
        "towpath.store",
        "towpath.web",
        "uvicorn",
        "yaml",
    ],
)
def test_showing_the_commands_imports_no(module: str, imported: set[str]) -> None:
    assert "towpath.cli.commands" in imported
    assert module not in imported
