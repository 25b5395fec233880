"""Commands of plug-ins: found by their first word, imported when they are meant, named when bad."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.plugins import install

SITE_NAME = "site"
ROTA = """
async def who(terminal, week: int = 1, *, loud: bool = False) -> None:
    '''Show who is on call.

    Parameters
    ----------
    week
        Which week.
    loud
        Shout.
    '''
    print(("ALICE" if loud else "alice"), week)

def breaks(terminal) -> None:
    '''Break.'''
    raise KeyError("rota")

PLUGIN = Plugin(name="rota", api="1.0", summary="x", commands=[
    Command("who", who), Command("breaks", breaks)])
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp(SITE_NAME)
    install(folder, "rota", ROTA)
    install(folder, "hangs", "print('imported', file=sys.stderr)\nwhile True: pass\n")
    install(folder, "raises", "raise RuntimeError('no rota today')\n")
    yield folder


def towpath(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(site),
        # Nothing is asked: it need not be there.
        "TOWPATH_SERVER": "https://127.0.0.1:1",
        "TOWPATH_TOKEN": "none",
    }
    command = [sys.executable, "-m", "towpath", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def test_its_signature_is_the_command_line(site: Path) -> None:
    done = towpath(site, "rota", "who", "7", "--loud")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ALICE 7\n", "")
    told = towpath(site, "rota", "who", "--help").stdout
    assert "Show who is on call." in told and "--loud" in told and "Which week." not in told[:20]


def test_help_lists_plugins_and_imports_none(site: Path) -> None:
    done = towpath(site, "--help")
    assert done.returncode == 0
    listed = [line.split() for line in done.stdout.splitlines()]
    assert ["rota", "Of", "a", "test"] in listed
    assert ["hangs", "Of", "a", "test"] in listed
    assert "imported" not in done.stderr


def test_a_plugin_that_cannot_be_imported_is_named(site: Path) -> None:
    done = towpath(site, "raises", "anything")
    assert done.returncode == 1
    assert "error: the plug-in raises cannot be used: RuntimeError" in done.stderr
    assert "hint: no rota today" in done.stderr


def test_a_command_that_raises_is_named_with_its_place(site: Path) -> None:
    done = towpath(site, "rota", "breaks")
    assert done.returncode == 1
    assert "error: the plug-in rota raised KeyError at" in done.stderr
    assert "in breaks: 'rota'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_word_that_nobody_knows_is_said_to_be_none(site: Path) -> None:
    done = towpath(site, "nobody")
    assert done.returncode == 2
    assert "No such command 'nobody'" in done.stderr


def test_a_built_in_word_looks_for_no_plugin(site: Path) -> None:
    code = (
        "import sys; from towpath.cli.main import command_line\n"
        "command_line()(['completion', 'bash'], standalone_mode=False)\n"
        "print('towpath.plugin' in sys.modules, 'towpath.plugin.discovery' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
    assert done.stdout.splitlines()[-1] == "False False"
