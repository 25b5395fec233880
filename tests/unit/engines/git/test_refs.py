"""Refs: what cannot be read is never taken for what is not there."""

from pathlib import Path

import pytest

from towpath.engines.git.folders import Folders, Ownership, sweep_locks
from towpath.engines.git.port import GitError, GitUnavailable, RepositoryName, StaleCommit
from towpath.engines.git.refs import check_ref, list_refs, read_ref, swap_ref
from towpath.machinery.objects import CommitSHA

A, B = CommitSHA("a" * 40), CommitSHA("b" * 40)
MAIN = "refs/heads/main"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folders = Folders(tmp_path)
    folders.create(RepositoryName("demo", "app"), Ownership("uid", protected=False))
    return folders.existing(RepositoryName("demo", "app"))


def test_loose_refs_win_over_packed_ones(place: Path) -> None:
    (place / "packed-refs").write_text(f"# pack-refs with: peeled\n{A} {MAIN}\n^{B}\n")
    assert read_ref(place, MAIN) == A
    swap_ref(place, MAIN, A, B)
    assert read_ref(place, MAIN) == B
    assert list_refs(place) == {MAIN: B}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        pytest.param(MAIN, "", id="an empty ref, as after a power cut"),
        pytest.param(MAIN, "rubbish", id="a ref that holds no commit"),
        pytest.param(MAIN, "\xff\xfe", id="a ref that is not text"),
        pytest.param("packed-refs", f"{A}\n", id="a cut packed-refs"),
        pytest.param("packed-refs", "zz refs/heads/x\n", id="a damaged packed-refs"),
    ],
)
def test_damage_is_unavailable(place: Path, file: str, content: str) -> None:
    (place / file).write_bytes(content.encode("latin-1"))
    with pytest.raises(GitUnavailable):
        read_ref(place, MAIN)
    with pytest.raises(GitUnavailable):
        list_refs(place)


def test_a_folder_that_is_no_repository_any_more_is_unavailable(place: Path) -> None:
    (place / "HEAD").unlink()
    with pytest.raises(GitUnavailable):
        read_ref(place, MAIN)
    with pytest.raises(GitUnavailable):
        list_refs(place)


def test_a_ref_moves_only_from_where_it_is_expected(place: Path) -> None:
    swap_ref(place, MAIN, None, A)
    with pytest.raises(StaleCommit):
        swap_ref(place, MAIN, None, B)
    with pytest.raises(StaleCommit):
        swap_ref(place, MAIN, B, A)
    assert read_ref(place, MAIN) == A
    assert not list(place.rglob("*.lock"))


def test_a_lock_of_a_killed_writer_is_swept(place: Path) -> None:
    lock = place / f"{MAIN}.lock"
    lock.write_text("")
    with pytest.raises(StaleCommit):
        swap_ref(place, MAIN, None, A)
    (place / "objects" / "tmp_objdir-incoming-x").mkdir()
    (place / "objects" / "pack" / "tmp_pack_x").write_text("")
    sweep_locks(place)
    swap_ref(place, MAIN, None, A)
    assert {path.name for path in (place / "objects").rglob("*")} == {"info", "pack"}


@pytest.mark.parametrize(
    "ref",
    [
        "main",
        "refs/x",
        "refs/heads/",
        "refs/heads/../../HEAD",
        "refs/heads/a b",
        "refs/heads/a.lock",
    ],
)
def test_unsafe_refs_are_refused(ref: str) -> None:
    with pytest.raises(GitError):
        check_ref(ref)
