"""Commands that need no platform, typed as people type them."""

import subprocess
import sys
from pathlib import Path

import pytest

import towpath

TOWPATH = Path(sys.executable).with_name("towpath")
GOLDEN_PATH = (
    Path(towpath.__file__).parent / "capabilities/portal/templates/golden_paths/python-service"
)


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOWPATH, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
    )


def test_the_shipped_golden_path_passes_its_own_tests() -> None:
    finished = _run("template", "test", str(GOLDEN_PATH))
    assert finished.returncode == 0, finished.stderr
    assert "passed  default" in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["list"], 3, id="no platform to ask is 3"),
        pytest.param(["up", "--demo", "--empty"], 2, id="contradicting options are 2"),
        pytest.param(["login", "http://localhost/"], 2, id="a link that is none is 2"),
        pytest.param(["nonsense"], 2, id="an unknown command is 2"),
    ],
)
def test_exit_codes_and_sentences(arguments: list[str], code: int, tmp_path: Path) -> None:
    finished = _run(*arguments, TOWPATH_DATA_DIR=str(tmp_path))
    assert finished.returncode == code
    assert "Traceback" not in finished.stderr
    assert finished.stderr.strip()
