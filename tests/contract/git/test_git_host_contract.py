"""What every Git host must do, whichever product it is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.port import (
    MAIN,
    Change,
    File,
    GitError,
    GitHost,
    GitUnavailable,
    PathNotFound,
    Push,
    RepositoryName,
    RepositoryNotFound,
    RepositoryTaken,
    Signature,
    StaleCommit,
)
from towpath.machinery.objects import CommitSHA
from towpath.machinery.users import AccessRequest, UserInfo

APP = RepositoryName("demo", "order-service")
ALICE = Signature("Alice", "alice@example.com")


async def nobody(token: str) -> UserInfo | None:
    return None


async def never(user: UserInfo, question: AccessRequest) -> bool:
    return False


@pytest.fixture(params=["embedded"])
async def host(tmp_path: Path) -> AsyncIterator[GitHost]:
    async with EmbeddedGitHost(
        tmp_path / "git", lambda: "http://localhost:8080", nobody, never
    ) as host:
        yield host


async def commit(
    host: GitHost, expected: CommitSHA | None = None, **files: str | None
) -> CommitSHA:
    changes = {
        name.replace("__", "/"): None if text is None else File(text.encode())
        for name, text in files.items()
    }
    return await host.write(APP, changes, message="Change", author=ALICE, expected=expected)


async def test_a_new_repository_is_empty_and_listed(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    assert await host.head(APP) is None
    assert await host.heads(APP) == {}
    assert await host.repositories() == [APP]
    assert host.clone_url(APP) == "http://localhost:8080/git/demo/order-service.git"


async def test_what_is_written_can_be_read(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    changes = {
        "README.md": File(b"hello"),
        "bin/run": File(b"#!/bin/sh\n", executable=True),
        "a/b/c.txt": File(b"\x00\xff"),
    }
    sha = await host.write(APP, changes, message="First\n\nbody", author=ALICE, expected=None)
    assert await host.head(APP) == sha
    assert await host.heads(APP) == {"refs/heads/main": sha}
    assert await host.files(APP, sha) == changes
    assert await host.files(APP, sha, "a/b") == {"c.txt": File(b"\x00\xff")}
    found = await host.commit(APP, sha)
    assert (found.sha, found.author, found.message) == (sha, ALICE, "First\n\nbody\n")


async def test_a_write_changes_only_what_it_names(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first = await commit(host, a__one="1", a__two="2", b="3")
    second = await commit(host, first, a__one=None, a__three="3")
    files = await host.files(APP, second)
    assert {path: file.content for path, file in files.items()} == {
        "a/two": b"2",
        "a/three": b"3",
        "b": b"3",
    }
    assert set(await host.files(APP, first)) == {"a/one", "a/two", "b"}


async def test_the_last_file_of_a_folder_takes_the_folder_with_it(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first = await commit(host, a__one="1", b="2")
    second = await commit(host, first, a__one=None)
    with pytest.raises(PathNotFound):
        await host.files(APP, second, "a")


async def test_a_repository_can_become_empty_and_that_is_not_an_error(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first = await commit(host, a="1")
    second = await commit(host, first, a=None)
    assert await host.files(APP, second) == {}


async def test_a_write_without_difference_answers_the_expected_commit(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first = await commit(host, a="1")
    assert await commit(host, first, a="1", gone=None) == first


async def test_many_files_are_one_commit(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    files = {f"d{n % 7}/f{n}": File(str(n).encode()) for n in range(200)}
    sha = await host.write(APP, files, message="Many", author=ALICE, expected=None)
    assert await host.files(APP, sha) == files


async def test_what_is_packed_here_can_be_unpacked_elsewhere(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    other = RepositoryName("demo", "copy")
    await host.create(other, owner_uid="uid-2")
    first = await commit(host, a="1", d__b="2")
    second = await commit(host, first, a="3")
    await host.unpack(other, await host.pack(APP, first, []))
    await host.unpack(other, await host.pack(APP, second, [first]))
    await host.move(other, MAIN, expected=None, new=second, author=ALICE)
    assert await host.files(other, second) == await host.files(APP, second)
    assert [one.sha for one in await host.history(other, second)] == [second, first]


async def test_what_is_no_pack_is_not_taken(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    for content in (b"", b"PACK", b"PACK" + bytes(100)):
        with pytest.raises(GitUnavailable):
            await host.unpack(APP, content)


async def test_a_stale_writer_is_refused(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first = await commit(host, a="1")
    second = await commit(host, first, a="2")
    with pytest.raises(StaleCommit):
        await commit(host, first, a="3")
    with pytest.raises(StaleCommit):
        await commit(host, None, a="3")
    assert await host.head(APP) == second


async def test_of_two_writers_one_wins(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first = await commit(host, a="0")
    results = await asyncio.gather(
        *(commit(host, first, a=str(n)) for n in range(1, 6)), return_exceptions=True
    )
    won = [result for result in results if isinstance(result, str)]
    assert len(won) == 1
    assert sum(isinstance(result, StaleCommit) for result in results) == 4
    assert await host.head(APP) == won[0]


async def test_another_branch_starts_empty(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    sha = await host.write(
        APP, {"a": File(b"1")}, message="x", author=ALICE, expected=None, ref="refs/heads/f/x"
    )
    assert await host.head(APP) is None
    assert await host.heads(APP) == {"refs/heads/f/x": sha}


async def test_the_same_owner_adopts_and_another_is_refused(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    sha = await commit(host, a="1")
    await host.create(APP, owner_uid="uid-1")
    assert await host.head(APP) == sha
    with pytest.raises(RepositoryTaken):
        await host.create(APP, owner_uid="uid-2")


async def test_an_archived_repository_frees_its_name(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    await commit(host, a="1")
    await host.archive(APP, owner_uid="uid-1")
    await host.archive(APP, owner_uid="uid-1")
    assert await host.repositories() == []
    await host.create(APP, owner_uid="uid-2")
    assert await host.head(APP) is None
    await host.archive(APP, owner_uid="uid-1")
    assert await host.repositories() == [APP]


async def test_a_deleted_repository_is_gone_and_deleting_again_is_fine(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    await host.delete(APP, owner_uid="uid-2")
    assert await host.repositories() == [APP]
    await host.delete(APP, owner_uid="uid-1")
    await host.delete(APP, owner_uid="uid-1")
    with pytest.raises(RepositoryNotFound):
        await host.head(APP)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(RepositoryName("demo", "missing"), id="a name that nobody made"),
        pytest.param(RepositoryName("..", "etc"), id="a project that leaves the root"),
        pytest.param(RepositoryName("demo", "../x"), id="a name that leaves the project"),
    ],
)
async def test_reading_what_is_not_there_says_so(host: GitHost, name: RepositoryName) -> None:
    with pytest.raises(RepositoryNotFound):
        await host.head(name)
    with pytest.raises(RepositoryNotFound):
        await host.files(name, CommitSHA("0" * 40))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(RepositoryName("demo", "../up"), id="traversal"),
        pytest.param(RepositoryName(".archive", "x"), id="the archive"),
        pytest.param(RepositoryName("demo", "Big"), id="upper case"),
        pytest.param(RepositoryName("demo", ""), id="nothing"),
        pytest.param(RepositoryName("demo", "x.git"), id="a double suffix"),
    ],
)
async def test_an_unsafe_name_is_never_made(host: GitHost, name: RepositoryName) -> None:
    with pytest.raises(GitError):
        await host.create(name, owner_uid="uid-1")


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", ".git/config", "a/.GIT/x", "", "a/../b"])
async def test_an_unsafe_path_is_never_written(host: GitHost, path: str) -> None:
    await host.create(APP, owner_uid="uid-1")
    with pytest.raises(GitError):
        await host.write(APP, {path: File(b"")}, message="x", author=ALICE, expected=None)


async def test_an_unknown_commit_is_unavailable_and_not_empty(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    await commit(host, a="1")
    with pytest.raises(GitUnavailable):
        await host.files(APP, CommitSHA("1" * 40))


async def test_a_write_is_heard_by_everyone_who_listens(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first_listener, second_listener = host.pushes(), host.pushes()
    first = await commit(host, a="1")
    second = await commit(host, first, a="2")
    expected = [
        Push(APP, "refs/heads/main", None, first, "Alice"),
        Push(APP, "refs/heads/main", first, second, "Alice"),
    ]
    async with asyncio.timeout(5):
        for listener in (first_listener, second_listener):
            assert [await anext(listener), await anext(listener)] == expected


async def test_that_a_repository_went_is_heard_too(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    head = await commit(host, a="1")
    listener = host.pushes()
    await host.archive(APP, owner_uid="somebody-else")
    await host.archive(APP, owner_uid="uid-1")
    async with asyncio.timeout(5):
        assert await anext(listener) == Push(APP, "refs/heads/main", head, None, "")


async def test_history_goes_back_from_a_commit_and_stops_at_what_is_known(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first = await commit(host, a="1")
    second = await commit(host, first, a="2")
    third = await commit(host, second, b="3")
    assert [one.sha for one in await host.history(APP, third)] == [third, second, first]
    assert [one.sha for one in await host.history(APP, third, without=first)] == [third, second]
    assert [one.sha for one in await host.history(APP, third, limit=1)] == [third]
    assert await host.history(APP, first, without=third) == []
    assert [one.parents for one in await host.history(APP, second)] == [(first,), ()]


async def test_changes_are_the_files_that_differ_between_two_commits(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first = await commit(host, a__kept="0", a__gone="1", a__other="2", b="3")
    second = await commit(host, first, a__gone=None, a__new="4", a__other="5", b="6")
    assert await host.changes(APP, first, second, "a") == [
        Change("gone", b"1", None),
        Change("new", None, b"4"),
        Change("other", b"2", b"5"),
    ]
    assert await host.changes(APP, None, first, "a/b") == []
    assert [one.path for one in await host.changes(APP, None, first)] == [
        "a/gone",
        "a/kept",
        "a/other",
        "b",
    ]
    assert await host.changes(APP, first, first) == []


NAMES = ("main", "python-service@0123456789")


async def test_what_both_sides_changed_apart_is_merged_without_a_branch(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    lines = [f"line {number}\n" for number in range(20)]
    ours = ["mine\n", *lines[1:]]
    theirs = [*lines[:-1], "theirs\n"]
    trees = [
        await host.snapshot(APP, {"a/text": File("".join(side).encode()), "same": File(b"s")})
        for side in (lines, ours, theirs)
    ]
    merge = await host.merge(APP, base=trees[0], ours=trees[1], theirs=trees[2], names=NAMES)
    assert merge.conflicts == ()
    made = await host.commit_tree(APP, merge.tree, [], message="Merged", author=ALICE)
    merged = b"".join(line.encode() for line in ["mine\n", *lines[1:-1], "theirs\n"])
    assert await host.files(APP, made) == {"a/text": File(merged), "same": File(b"s")}
    assert await host.heads(APP) == {}


async def test_what_cannot_be_merged_is_told_and_marked(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    base = await host.snapshot(APP, {"text": File(b"old\n"), "gone": File(b"1\n2\n3\n4\n")})
    ours = await host.snapshot(APP, {"text": File(b"mine\n"), "gone": File(b"1\n2\n3\n5\n")})
    theirs = await host.snapshot(APP, {"text": File(b"theirs\n")})
    merge = await host.merge(APP, base=base, ours=ours, theirs=theirs, names=NAMES)
    assert {(one.path, one.kind) for one in merge.conflicts} == {
        ("text", "contents"),
        ("gone", "modify/delete"),
    }
    made = await host.commit_tree(APP, merge.tree, [], message="Merged", author=ALICE)
    text = (await host.files(APP, made))["text"].content
    assert text == b"<<<<<<< main\nmine\n=======\ntheirs\n>>>>>>> python-service@0123456789\n"


async def test_a_renamed_file_takes_the_other_sides_change_along(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    lines = [f"line {number}\n".encode() for number in range(20)]
    base = await host.snapshot(APP, {"old": File(b"".join(lines))})
    ours = await host.snapshot(APP, {"old": File(b"".join([b"mine\n", *lines[1:]]))})
    theirs = await host.snapshot(APP, {"new": File(b"".join(lines), executable=True)})
    merge = await host.merge(APP, base=base, ours=ours, theirs=theirs, names=NAMES)
    assert merge.conflicts == ()
    made = await host.commit_tree(APP, merge.tree, [], message="Merged", author=ALICE)
    assert await host.files(APP, made) == {
        "new": File(b"".join([b"mine\n", *lines[1:]]), executable=True)
    }


async def test_a_branch_is_moved_only_from_where_it_was_expected(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first = await commit(host, text="1")
    second = await commit(host, first, text="2")
    proposed = "refs/heads/towpath/upgrade"
    pushes = host.pushes()
    await host.move(APP, proposed, expected=None, new=second, author=ALICE)
    assert await anext(pushes) == Push(APP, proposed, None, second, "Alice")
    with pytest.raises(StaleCommit):
        await host.move(APP, proposed, expected=None, new=first, author=ALICE)
    await host.move(APP, proposed, expected=second, new=first, author=ALICE)
    assert await host.head(APP, proposed) == first
    with pytest.raises(StaleCommit):
        await host.move(APP, proposed, expected=second, new=None, author=ALICE)
    await host.move(APP, proposed, expected=first, new=None, author=ALICE)
    assert await host.head(APP, proposed) is None
    assert await host.head(APP) == second


async def test_a_commit_may_have_several_parents(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    first = await commit(host, text="1")
    tree = (await host.commit(APP, first)).tree
    aside = await host.commit_tree(APP, tree, [], message="Aside", author=ALICE)
    both = await host.commit_tree(APP, tree, [first, aside], message="Both", author=ALICE)
    told = await host.commit(APP, both)
    assert told.parents == (first, aside)
    assert told.tree == tree
    assert told.message.strip() == "Both"


async def test_one_file_is_read_without_the_others(host: GitHost) -> None:
    await host.create(APP, owner_uid="uid-1")
    head = await commit(host, a__b="1", c="2")
    assert await host.file(APP, head, "a/b") == File(b"1")
    assert await host.file(APP, head, "c") == File(b"2")
    assert await host.file(APP, head, "a") is None
    assert await host.file(APP, head, "a/x") is None
    assert await host.file(APP, head, "x/y/z") is None
