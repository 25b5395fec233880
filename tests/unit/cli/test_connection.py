"""Which of several platforms a command means."""

from pathlib import Path

import pytest

from towpath.cli.connection import find_platform
from towpath.client.kubeconfig import write_kubeconfig
from towpath.hooks.commands import CommandError


def _platform(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "kubeconfig"
    write_kubeconfig(file, server=f"https://{name}:8443", clusters=[], token="t", ca_pem=b"")
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


def test_no_platform_at_all_says_where_was_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("TOWPATH_SERVER", "TOWPATH_KUBECONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(CommandError) as raised:
        find_platform(tmp_path / "nothing")
    assert raised.value.exit_code == 3
