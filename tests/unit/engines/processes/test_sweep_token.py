"""The token by which a data directory knows its processes."""

from pathlib import Path

import pytest

from towpath.engines.processes.sweep import token_of


def test_a_token_stays_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = token_of(tmp_path)
    assert token_of(tmp_path) == first
    assert (tmp_path / "sweep-token").stat().st_mode & 0o777 == 0o600


def test_a_copied_directory_has_another_token(tmp_path: Path) -> None:
    for name in ("original", "copy"):
        (tmp_path / name).mkdir()
    first = token_of(tmp_path / "original")
    (tmp_path / "copy" / "sweep-token").write_bytes(
        (tmp_path / "original" / "sweep-token").read_bytes()
    )
    assert token_of(tmp_path / "copy") != first


def test_a_crash_while_it_is_written_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            token_of(tmp_path)
    assert not (tmp_path / "sweep-token").exists()
    token_of(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["sweep-token"]
