"""The embedded host when things break: killed writers, missing git, unreadable and full disks."""

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.people import People

from towpath.engines.git import objects
from towpath.engines.git.children import end_orphans
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.port import (
    MAIN,
    File,
    GitUnavailable,
    RepositoryName,
    RepositoryNotFound,
    Signature,
)

APP = RepositoryName("demo", "app")
ALICE = Signature("Alice", "alice@example.com")


def new_host(root: Path, git: str = "git") -> EmbeddedGitHost:
    people = People()
    return EmbeddedGitHost(
        root, lambda: "http://localhost", people.authenticate, people.authorize, git=git
    )


def git(place: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", place, *arguments], capture_output=True, check=True)
    return done.stdout.decode()


WRITER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.unit.engines.git.test_embedded import ALICE, APP, File, new_host

async def main():
    host = new_host(Path({root!r}))
    await host.create(APP, owner_uid="uid")
    sha = await host.head(APP)
    number = 0
    while True:
        number += 1
        files = {{f"f{{n}}": File(f"{{number}} {{n}}".encode()) for n in range(number % 40)}}
        sha = await host.write(APP, files, message=str(number), author=ALICE, expected=sha)
        print(sha, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 7, 23])
async def test_a_killed_writer_leaves_what_was_acknowledged(
    tmp_path: Path, acknowledged: int
) -> None:
    code = WRITER.format(tests=str(Path(__file__).parents[4]), root=str(tmp_path / "git"))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    async with asyncio.timeout(60):
        lines = [await child.stdout.readline() for _ in range(acknowledged)]
        child.kill()
        rest = (await child.stdout.read()).split()
        await child.wait()
    last = (rest or [lines[-1].strip()])[-1].decode()
    async with new_host(tmp_path / "git") as host:
        head = await host.head(APP)
        assert head is not None
        place = host.folders.existing(APP)
        history = git(place, "log", "--format=%H", MAIN).split()
        assert last in history[:2]
        git(place, "fsck", "--strict")
        await host.write(APP, {"after": File(b"")}, message="x", author=ALICE, expected=head)


async def test_a_half_made_repository_is_not_there_after_a_restart(tmp_path: Path) -> None:
    root = tmp_path / "git"
    draft = root / ".tmp" / "0123.git"
    draft.mkdir(parents=True)
    (draft / "HEAD").write_text("ref: refs/heads/main\n")
    host = new_host(root)
    assert not draft.exists()
    assert await host.repositories() == []


async def test_a_repository_that_cannot_be_read_is_never_empty(tmp_path: Path) -> None:
    host = new_host(tmp_path / "git")
    await host.create(APP, owner_uid="uid")
    sha = await host.write(APP, {"a": File(b"1")}, message="x", author=ALICE, expected=None)
    shutil.rmtree(host.folders.existing(APP) / "objects")
    async with new_host(tmp_path / "git") as again:
        with pytest.raises(GitUnavailable):
            await again.files(APP, sha)
        with pytest.raises(GitUnavailable):
            await again.commit(APP, sha)


async def test_damaged_objects_are_unavailable(tmp_path: Path) -> None:
    host = new_host(tmp_path / "git")
    await host.create(APP, owner_uid="uid")
    sha = await host.write(APP, {"a": File(b"1")}, message="x", author=ALICE, expected=None)
    for path in (host.folders.existing(APP) / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"damaged")
    async with new_host(tmp_path / "git") as again:
        with pytest.raises(GitUnavailable):
            await again.files(APP, sha)


async def test_a_full_disk_is_said_in_words_and_leaves_the_branch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with new_host(tmp_path / "git") as host:
        await host.create(APP, owner_uid="uid")
        sha = await host.write(APP, {"a": File(b"1")}, message="x", author=ALICE, expected=None)

        def full(folder: Path) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(objects, "sync_folder", full)
        with pytest.raises(GitUnavailable, match="No space left"):
            await host.write(APP, {"a": File(b"2")}, message="x", author=ALICE, expected=sha)
        monkeypatch.undo()
        assert await host.head(APP) == sha
        await host.write(APP, {"a": File(b"2")}, message="x", author=ALICE, expected=sha)


async def test_a_missing_git_is_named(tmp_path: Path) -> None:
    async with new_host(tmp_path / "git", git="git-that-is-not-here") as host:
        await host.create(APP, owner_uid="uid")
        with pytest.raises(GitUnavailable, match="not installed"):
            await host.collect_garbage(APP)


async def test_the_archive_is_read_only_and_named_by_its_owner(tmp_path: Path) -> None:
    async with new_host(tmp_path / "git") as host:
        await host.create(APP, owner_uid="uid-1")
        await host.write(APP, {"a": File(b"1")}, message="x", author=ALICE, expected=None)
        await host.archive(APP, owner_uid="uid-1")
        place = tmp_path / "git/.archive/demo/app-uid-1.git"
        assert (place / "HEAD").stat().st_mode & 0o777 == 0o444
        with pytest.raises(RepositoryNotFound):
            await host.head(APP)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
def test_children_of_a_killed_platform_are_ended(tmp_path: Path) -> None:
    environment = {**os.environ, "TOWPATH_GIT_ROOT": str(tmp_path)}
    ours = subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=environment)
    other = subprocess.Popen(
        ["cat"], stdin=subprocess.PIPE, env={**environment, "TOWPATH_GIT_ROOT": f"{tmp_path}x"}
    )
    try:
        # The environment is visible once the child has become its program.
        while b"TOWPATH_GIT_ROOT" not in Path(f"/proc/{ours.pid}/environ").read_bytes():
            pass
        end_orphans(tmp_path)
        assert ours.wait(10) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        for child in (ours, other):
            child.kill()
            child.communicate()
