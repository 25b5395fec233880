"""Repositories copied while people push and git tidies up: every ref leads somewhere."""

import subprocess
import threading
from pathlib import Path

import pytest

from towpath.engines.git.copying import link_repositories

COPIES = 15
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.org")


def git(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["git", *AUTHOR, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "git"
    git("init", "-q", "--bare", "-b", "main", root / "demo" / "one.git")
    git("init", "-q", "--bare", "-b", "main", root / ".archive" / "demo" / "old-uid.git")
    return root


def test_a_copy_taken_between_pushes_and_gc_is_whole(root: Path, tmp_path: Path) -> None:
    place, clone = root / "demo" / "one.git", tmp_path / "clone"
    git("clone", "-q", place, clone)
    stop = threading.Event()

    def push_and_tidy() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            (clone / "file").write_text(str(number))
            git("-C", clone, "add", "-A")
            git("-C", clone, "commit", "-q", "-m", str(number))
            git("-C", clone, "push", "-q", "origin", "HEAD:main", f"HEAD:refs/heads/b{number}")
            if number % 2 == 0:
                git("-C", place, "gc", "--quiet", "--prune=now")

    writer = threading.Thread(target=push_and_tidy)
    writer.start()
    try:
        for round_ in range(COPIES):
            target = tmp_path / f"copy-{round_}"
            link_repositories(root, target)
            copied = target / "demo" / "one.git"
            git("-C", copied, "fsck", "--full", "--strict")
            assert not list(copied.rglob("*.lock"))
    finally:
        stop.set()
        writer.join()
    assert (target / ".archive" / "demo" / "old-uid.git" / "HEAD").is_file()
    assert int(git("-C", copied, "rev-list", "--count", "main")) > 0


def test_what_is_deleted_afterwards_stays_in_the_copy(root: Path, tmp_path: Path) -> None:
    place, clone = root / "demo" / "one.git", tmp_path / "clone"
    git("clone", "-q", place, clone)
    git("-C", clone, "commit", "-q", "--allow-empty", "-m", "first")
    git("-C", clone, "push", "-q", "origin", "HEAD:main")
    link_repositories(root, tmp_path / "copy")
    subprocess.run(["rm", "-rf", place], check=True)
    assert git("-C", tmp_path / "copy" / "demo" / "one.git", "log", "--format=%s") == "first"
