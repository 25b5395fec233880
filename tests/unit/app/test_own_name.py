"""What we tell people to type, and Git to run."""

import sys
from pathlib import Path

import pytest

from towpath.app import own_name


def test_a_module_is_called_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/towpath/__main__.py", "git", "setup"])
    assert own_name.to_run() == f"{sys.executable} -m towpath"
    assert own_name.to_type().endswith("-m towpath")


def test_a_program_is_called_by_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "a b" / "towpath"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    assert own_name.to_run() == f"'{program}'"
    monkeypatch.setenv("PATH", str(program.parent))
    assert own_name.to_type() == "towpath"
