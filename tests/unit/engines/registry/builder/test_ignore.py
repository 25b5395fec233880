"""Which files get into an image. Git itself is the oracle for .gitignore."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from towpath.engines.registry.builder.ignore import included_files

FILES = (
    "a.txt", "b.log", "keep.log", "dist/x", "src/dist/y", "src/a.py", "src/b.log", "docs/a/b/c.md",
    "docs/c.md", "build.txt", "logs/one/two.txt", "x[1].txt", "#odd", "sub/.hidden",
    "sub/deep/z.tmp",
)  # fmt: skip


def make(folder: Path, files: Sequence[str] = FILES) -> None:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize(
    "patterns",
    [
        pytest.param(["*.log"], id="any depth"),
        pytest.param(["*.log", "!keep.log"], id="an exception"),
        pytest.param(["dist/"], id="folders of that name"),
        pytest.param(["/dist"], id="anchored"),
        pytest.param(["dist/*", "!dist/x"], id="an exception below a kept folder"),
        pytest.param(["dist/", "!dist/x"], id="no exception below an ignored folder"),
        pytest.param(["docs/*.md"], id="one level"),
        pytest.param(["docs/**/*.md"], id="any level"),
        pytest.param(["**/deep"], id="leading stars"),
        pytest.param(["logs/**"], id="trailing stars"),
        pytest.param(["?.txt", "[b-c].*"], id="classes"),
        pytest.param(["# comment", "", "\\#odd", "x\\[1\\].txt", "a.txt   "], id="escapes"),
        pytest.param(["*", "!*.txt", "!*/"], id="all but"),
        pytest.param([".*"], id="hidden"),
    ],
)
def test_gitignore_means_what_git_means(tmp_path: Path, patterns: list[str]) -> None:
    make(tmp_path)
    (tmp_path / ".gitignore").write_text("\n".join(patterns))
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    listed = subprocess.run(
        ["git", "-C", tmp_path, "ls-files", "-co", "--exclude-standard", "-z"],
        capture_output=True,
        check=True,
    )
    expected = sorted(listed.stdout.decode().split("\0")[:-1])
    assert sorted(included_files(tmp_path)) == expected


def test_a_nested_gitignore_speaks_for_its_folder(tmp_path: Path) -> None:
    make(tmp_path, ["a.tmp", "sub/a.tmp", "sub/b.txt", "sub/deep/c.tmp"])
    (tmp_path / "sub/.gitignore").write_text("*.tmp\n")
    assert list(included_files(tmp_path)) == ["a.tmp", "sub/.gitignore", "sub/b.txt"]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        pytest.param(["*.log"], ["a.txt", "sub/b.log", "sub/c"], id="the root only"),
        pytest.param(["**/*.log"], ["a.txt", "sub/c"], id="everywhere"),
        pytest.param(["sub"], ["a.txt", "b.log"], id="a folder"),
        pytest.param(["sub", "!sub/c"], ["a.txt", "b.log", "sub/c"], id="back from a folder"),
        pytest.param(["*", "!a.txt"], ["a.txt"], id="all but one"),
    ],
)
def test_dockerignore_wins_and_means_what_docker_means(
    tmp_path: Path, patterns: list[str], expected: list[str]
) -> None:
    make(tmp_path, ["a.txt", "b.log", "sub/b.log", "sub/c"])
    (tmp_path / ".gitignore").write_text("a.txt\n")
    (tmp_path / ".dockerignore").write_text("\n".join([*patterns, ".dockerignore", ".gitignore"]))
    assert list(included_files(tmp_path)) == expected


def test_environments_caches_and_secrets_never_get_in(tmp_path: Path) -> None:
    make(
        tmp_path, [".git/HEAD", ".venv/x", "a/__pycache__/m.pyc", "m.pyc", ".env", "node_modules/x"]
    )
    make(tmp_path, ["kept"])
    (tmp_path / ".dockerignore").write_text("!.env\n.dockerignore\n")
    assert list(included_files(tmp_path)) == ["kept"]
