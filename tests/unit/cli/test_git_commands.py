"""Git asks us for a password; we answer for our platform and for nobody else."""

import io
import shlex
from pathlib import Path
from typing import Any, cast

import pytest

from towpath.cli.git_commands import SignedIn, credential, helper


class Terminal:
    token = "twp_secret"
    kubeconfig = None

    async def portal(self) -> str:
        return "http://localhost:8080"


@pytest.mark.parametrize(
    ("action", "question", "answered"),
    [
        pytest.param("get", "protocol=http\nhost=localhost:8080\n", True, id="our platform"),
        pytest.param("get", "protocol=http\nhost=localhost:8081\n", False, id="another port"),
        pytest.param("get", "protocol=https\nhost=localhost:8080\n", False, id="another protocol"),
        pytest.param("get", "protocol=https\nhost=github.com\n", False, id="another host"),
        pytest.param("get", "", False, id="no question at all"),
        pytest.param("store", "protocol=http\nhost=localhost:8080\n", False, id="store"),
        pytest.param("erase", "protocol=http\nhost=localhost:8080\n", False, id="erase"),
    ],
)
async def test_the_token_is_for_our_platform_alone(
    action: str,
    question: str,
    answered: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(question))
    await credential(cast(SignedIn, cast(Any, Terminal())), action)
    expected = "username=towpath\npassword=twp_secret\n" if answered else ""
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("folder", ["plain", "with space", "with 'quote"])
def test_the_helper_is_bound_to_who_we_are(folder: str, tmp_path: Path) -> None:
    program = tmp_path / folder / "towpath"
    words = shlex.split(helper(shlex.quote(str(program)), tmp_path / folder / "kubeconfig")[1:])
    assert words == [
        f"TOWPATH_KUBECONFIG={tmp_path / folder / 'kubeconfig'}",
        str(program),
        "git",
        "credential",
    ]


def test_without_a_file_the_environment_says_who_we_are(tmp_path: Path) -> None:
    assert helper(str(tmp_path / "towpath"), None) == f"!{tmp_path / 'towpath'} git credential"
