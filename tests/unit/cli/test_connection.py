"""Which of several platforms a command means."""

from pathlib import Path

import pytest

from towpath.cli.account_commands import logout
from towpath.cli.connection import find_platform
from towpath.client.kubeconfig import write_kubeconfig
from towpath.hooks.commands import CommandError


def _platform(folder: Path, name: str, *, token: str = "t", ca: bytes = b"") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "kubeconfig"
    write_kubeconfig(file, server=f"https://{name}:8443", clusters=[], token=token, ca_pem=ca)
    return file


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, "signed-in", id="whoever signed in means that platform"),
        pytest.param({"TOWPATH_DATA_DIR": "own"}, "own", id="who names a data directory means it"),
        pytest.param({"TOWPATH_KUBECONFIG": "named"}, "named", id="a named file beats all"),
    ],
)
def test_the_platform_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for variable in ("TOWPATH_SERVER", "TOWPATH_KUBECONFIG", "TOWPATH_DATA_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    _platform(tmp_path / "config" / "towpath", "signed-in")
    _platform(tmp_path / "own", "own")
    named = _platform(tmp_path / "elsewhere", "named")
    for variable in environment:
        monkeypatch.setenv(variable, str(named if "KUBECONFIG" in variable else tmp_path / "own"))
    reach = find_platform(tmp_path / "own")
    assert reach.platform.server == f"https://{expected}:8443"


def test_a_sign_in_to_the_platform_of_the_data_directory_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make up` says to export TOWPATH_DATA_DIR; `towpath login` after that is the newer word."""
    monkeypatch.delenv("TOWPATH_SERVER", raising=False)
    monkeypatch.delenv("TOWPATH_KUBECONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TOWPATH_DATA_DIR", str(tmp_path / "own"))
    _platform(tmp_path / "own", "here", token="admin", ca=b"one")
    signed_in = _platform(tmp_path / "config" / "towpath", "here", token="bob", ca=b"one")
    assert find_platform(tmp_path / "own").platform.token == "bob"
    _platform(tmp_path / "config" / "towpath", "here", token="bob", ca=b"another")
    assert find_platform(tmp_path / "own").platform.token == "admin"
    signed_in.write_text("neither YAML: nor: kubeconfig")
    assert find_platform(tmp_path / "own").platform.token == "admin"


async def test_logout_makes_one_the_administrator_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TOWPATH_SERVER", raising=False)
    monkeypatch.delenv("TOWPATH_KUBECONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TOWPATH_DATA_DIR", str(tmp_path / "own"))
    _platform(tmp_path / "own", "here", token="admin", ca=b"one")
    signed_in = _platform(tmp_path / "config" / "towpath", "here", token="bob", ca=b"one")
    await logout(None)
    assert not signed_in.exists()
    assert find_platform(tmp_path / "own").platform.token == "admin"
    said = capsys.readouterr()
    assert "Signed out" in said.out
    assert "the administrator's" in said.err
    await logout(None)
    assert "You were not signed in" in capsys.readouterr().out


async def test_logout_leaves_a_file_alone_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _platform(tmp_path / "own", "here")
    monkeypatch.setenv("TOWPATH_KUBECONFIG", str(own))
    with pytest.raises(CommandError, match="TOWPATH_KUBECONFIG says who you are"):
        await logout(None)
    assert own.exists()


def test_no_platform_at_all_says_where_was_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("TOWPATH_SERVER", "TOWPATH_KUBECONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(CommandError) as raised:
        find_platform(tmp_path / "nothing")
    assert raised.value.exit_code == 3
