"""The key of the Secrets: made once, private, and refused when it is damaged."""

from pathlib import Path

import pytest

from towpath.app.datadir import StartRefused
from towpath.app.sealing import open_sealing


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    sealed = open_sealing(tmp_path).seal("core/secrets", "demo/one", b"secret")
    assert b"secret" not in sealed
    assert open_sealing(tmp_path).unseal("core/secrets", "demo/one", sealed) == b"secret"
    assert (tmp_path / "secrets.key").stat().st_mode & 0o777 == 0o600


def test_only_secrets_are_sealed(tmp_path: Path) -> None:
    assert open_sealing(tmp_path).seal("core/configmaps", "demo/one", b"plain") == b"plain"


def test_a_damaged_key_is_refused_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "secrets.key").write_bytes(b"short")
    with pytest.raises(StartRefused, match=r"secrets\.key holds 5 bytes"):
        open_sealing(tmp_path)
