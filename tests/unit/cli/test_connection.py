"""Which kubeconfig a command uses, and where a sign-in is written."""

from pathlib import Path

import pytest

from towpath.cli.connection import login_file


def test_a_sign_in_is_written_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("TOWPATH_KUBECONFIG", raising=False)
    assert login_file() == tmp_path / "towpath" / "kubeconfig"
    monkeypatch.setenv("TOWPATH_KUBECONFIG", str(tmp_path / "bob"))
    assert login_file() == tmp_path / "bob"
