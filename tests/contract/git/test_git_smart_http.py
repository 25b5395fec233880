"""A real git client against the embedded host over a real socket."""

import asyncio
import errno
import gzip
import os
from pathlib import Path
from typing import Any

import httpx2
import pytest

from towpath.engines.git import http
from towpath.engines.git.port import MAIN, PUSHED, File, Push, RepositoryName, Signature

APP = RepositoryName("demo", "order-service")
ALICE = Signature("Alice", "alice@example.com")


async def working_copy(world: Any, repository: RepositoryName = APP) -> Path:
    """A clone with one commit that is not pushed yet."""
    await world.host.create(repository, owner_uid="uid-1")
    await world.must("clone", "-q", world.address(str(repository)), "copy")
    copy: Path = world.work / "copy"
    (copy / "README.md").write_text("hello\n")
    await world.must("checkout", "-q", "-B", "main", cwd=copy)
    await world.must("add", "-A", cwd=copy)
    await world.must("commit", "-q", "-m", "First", cwd=copy)
    return copy


async def test_push_and_clone_round_trip(git_world: Any) -> None:
    copy = await working_copy(git_world)
    listener = git_world.host.pushes()
    await git_world.must("push", "-q", "origin", "main", cwd=copy)
    sha = (await git_world.must("rev-parse", "HEAD", cwd=copy)).strip()
    assert await git_world.host.head(APP) == sha
    async with asyncio.timeout(5):
        assert await anext(listener) == Push(APP, MAIN, None, sha, "alice")
    await git_world.must("clone", "-q", git_world.address("demo/order-service"), "second")
    assert (git_world.work / "second/README.md").read_text() == "hello\n"
    await git_world.must("fsck", "--strict", cwd=git_world.work / "second")


async def test_what_the_host_writes_can_be_pulled(git_world: Any) -> None:
    copy = await working_copy(git_world)
    await git_world.must("push", "-q", "origin", "main", cwd=copy)
    head = await git_world.host.head(APP)
    changes = {"deep/er/file": File(b"x", executable=True)}
    await git_world.host.write(APP, changes, message="By us", author=ALICE, expected=head)
    await git_world.must("pull", "-q", "origin", "main", cwd=copy)
    assert (copy / "deep/er/file").stat().st_mode & 0o100
    await git_world.must("fsck", "--strict", cwd=copy)


async def test_shallow_and_old_protocol_clones_work(git_world: Any) -> None:
    copy = await working_copy(git_world)
    await git_world.must("push", "-q", "origin", "main", cwd=copy)
    address = git_world.address("demo/order-service")
    await git_world.must("-c", "protocol.version=0", "clone", "-q", address, "old")
    await git_world.must("clone", "-q", "--depth", "1", address, "shallow")
    sha = (await git_world.must("rev-parse", "HEAD", cwd=copy)).strip()
    await git_world.must("init", "-q", "by-sha")
    await git_world.must("fetch", "-q", "--depth", "1", address, sha, cwd=git_world.work / "by-sha")


async def test_a_large_push_is_probed_chunked_and_taken(git_world: Any) -> None:
    copy = await working_copy(git_world)
    noise = b"".join(gzip.compress(str(n).encode()) for n in range(60_000))
    (copy / "noise").write_bytes(noise)
    await git_world.must("add", "-A", cwd=copy)
    await git_world.must("commit", "-q", "-m", "Noise", cwd=copy)
    await git_world.must("-c", "http.postBuffer=65536", "push", "-q", "origin", "main", cwd=copy)
    head = await git_world.host.head(APP)
    assert (await git_world.host.files(APP, head))["noise"].content == noise


async def test_tags_and_branches_are_pushes_too(git_world: Any) -> None:
    copy = await working_copy(git_world)
    await git_world.must("tag", "v1", cwd=copy)
    listener = git_world.host.pushes()
    await git_world.must("push", "-q", "origin", "main", "main:side", "v1", cwd=copy)
    async with asyncio.timeout(5):
        refs = [(await anext(listener)).ref for _ in range(3)]
    assert refs == [MAIN, "refs/heads/side", "refs/tags/v1"]
    await git_world.must("push", "-q", "origin", ":side", cwd=copy)
    async with asyncio.timeout(5):
        assert (await anext(listener)).new is None


@pytest.mark.parametrize(
    ("token", "text"),
    [
        pytest.param("", "Authentication failed", id="nobody"),
        pytest.param("wrong", "not valid any more", id="a wrong token"),
        pytest.param("token-mallory", "not found", id="somebody without rights"),
    ],
)
async def test_who_may_not_read_is_told_so(git_world: Any, token: str, text: str) -> None:
    await git_world.host.create(APP, owner_uid="uid-1")
    address = git_world.address("demo/order-service", token)
    code, output = await git_world.git("clone", "-q", address, "x")
    assert code != 0
    if token:
        assert text in output


async def test_an_anonymous_request_is_challenged(git_world: Any) -> None:
    async with httpx2.AsyncClient(verify=False, trust_env=False) as client:
        address = git_world.address("demo/order-service", "") + "/info/refs"
        answer = await client.get(address, params={"service": "git-upload-pack"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="towpath"'


async def test_a_reader_may_clone_but_not_push(git_world: Any) -> None:
    copy = await working_copy(git_world)
    carol = git_world.address("demo/order-service", "token-carol")
    await git_world.must("ls-remote", carol, cwd=copy)
    code, output = await git_world.git("push", carol, "main", cwd=copy)
    assert code != 0
    assert "may read demo/order-service but not push" in output
    assert await git_world.host.head(APP) is None


async def test_a_protected_repository_names_the_way_in(git_world: Any) -> None:
    deployments = RepositoryName("demo", "deployments")
    await git_world.host.create(deployments, owner_uid="uid-1", protected=True)
    copy = await working_copy(git_world)
    code, output = await git_world.git("ls-remote", git_world.address("demo/deployments"))
    assert "not found" in output
    git_world.people.rights.add(("alice", "get", "protectedrepositories"))
    await git_world.must("ls-remote", git_world.address("demo/deployments"))
    code, output = await git_world.git(
        "push", git_world.address("demo/deployments"), "main", cwd=copy
    )
    assert code != 0
    assert "towpath promote" in output
    git_world.people.rights.add(("alice", "update", "protectedrepositories"))
    await git_world.must("push", git_world.address("demo/deployments"), "main", cwd=copy)


async def test_main_is_never_rewritten_but_branches_may_be(git_world: Any) -> None:
    copy = await working_copy(git_world)
    await git_world.must("push", "-q", "origin", "main", "main:side", cwd=copy)
    await git_world.must("commit", "-q", "--amend", "-m", "Rewritten", cwd=copy)
    code, output = await git_world.git("push", "--force", "origin", "main", cwd=copy)
    assert code != 0
    assert "non-fast-forward" in output
    await git_world.must("push", "-q", "--force", "origin", "main:side", cwd=copy)
    code, output = await git_world.git("push", "origin", ":main", cwd=copy)
    assert code != 0


async def test_a_stale_push_is_rejected_and_the_other_is_kept(git_world: Any) -> None:
    copy = await working_copy(git_world)
    await git_world.host.write(
        APP, {"a": File(b"1")}, message="Faster", author=ALICE, expected=None
    )
    head = await git_world.host.head(APP)
    code, _ = await git_world.git("push", "-q", "origin", "main", cwd=copy)
    assert code != 0
    assert await git_world.host.head(APP) == head


async def test_a_hook_in_the_repository_never_runs(git_world: Any) -> None:
    copy = await working_copy(git_world)
    marker = git_world.work / "hook-ran"
    hooks = git_world.host.folders.existing(APP) / "hooks"
    hooks.mkdir()
    for name in ("pre-receive", "update", "post-receive", "post-update"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (hooks / name).chmod(0o755)
    await git_world.must("push", "-q", "origin", "main", cwd=copy)
    assert not marker.exists()


async def push_by_hand(world: Any, body: bytes, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(verify=False, trust_env=False, timeout=30) as client:
        return await client.post(
            world.address("demo/order-service") + "/git-receive-pack",
            content=body,
            headers={"Content-Type": "application/x-git-receive-pack-request", **headers},
        )


def push_body(new: str, pack: bytes) -> bytes:
    command = f"{'0' * 40} {new} refs/heads/main\0 report-status".encode()
    return f"{len(command) + 4:04x}".encode() + command + b"0000" + pack


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b"", {}, 400, id="an empty push"),
        pytest.param(b"rubbish that is no packet", {}, 400, id="rubbish"),
        pytest.param(b"00ff123", {}, 400, id="a command that ends too early"),
        pytest.param(b"\x1f\x8bnot gzip", {"Content-Encoding": "gzip"}, 400, id="broken gzip"),
        pytest.param(
            gzip.compress(b"0000")[:-6], {"Content-Encoding": "gzip"}, 400, id="truncated gzip"
        ),
        pytest.param(b"0000", {}, 200, id="the probe before a big push"),
        pytest.param(push_body("1" * 40, b"PACK\0\0\0\2\0\0\0\5x"), {}, 200, id="a cut pack"),
        pytest.param(push_body("1" * 40, b""), {}, 200, id="no pack at all"),
    ],
)
async def test_a_broken_push_changes_nothing(
    git_world: Any, body: bytes, headers: dict[str, str], status: int
) -> None:
    copy = await working_copy(git_world)
    answer = await push_by_hand(git_world, body, **headers)
    assert answer.status_code == status
    assert b"unpack ok" not in answer.content
    assert await git_world.host.head(APP) is None
    await git_world.must("push", "-q", "origin", "main", cwd=copy)


async def test_a_client_that_leaves_in_the_middle_changes_nothing(git_world: Any) -> None:
    copy = await working_copy(git_world)
    host, port = git_world.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /git/demo/order-service.git/git-receive-pack HTTP/1.1\r\nHost: x\r\n"
        b"Authorization: Bearer token-alice\r\nContent-Length: 100000\r\n\r\n"
        + push_body("1" * 40, b"PACK")
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await git_world.must("push", "-q", "origin", "main", cwd=copy)
    assert await git_world.host.head(APP) is not None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/git/demo/nope.git/HEAD", 404, id="the dumb protocol"),
        pytest.param("GET", "/git/demo/x.git/info/refs", 403, id="no service"),
        pytest.param("POST", "/git/demo/x.git/info/refs", 405, id="the wrong method"),
        pytest.param("GET", "/git/../x.git/info/refs?service=git-upload-pack", 404, id="traversal"),
    ],
)
async def test_other_requests_are_refused(
    git_world: Any, method: str, path: str, status: int
) -> None:
    async with httpx2.AsyncClient(verify=False, trust_env=False) as client:
        answer = await client.request(method, git_world.url + path, auth=("x", "token-alice"))
    assert answer.status_code == status


async def test_a_browser_is_told_what_the_address_is_for(git_world: Any) -> None:
    for name in ("demo/shop", "demo/nope"):
        async with httpx2.AsyncClient(verify=False, trust_env=False) as client:
            answer = await client.get(f"{git_world.url}/git/{name}.git")
        assert answer.status_code == 404
        assert "`git clone` takes it" in answer.text


async def test_garbage_is_collected_under_readers(git_world: Any) -> None:
    await git_world.host.create(APP, owner_uid="uid-1")
    sha = None
    for n in range(5):
        sha = await git_world.host.write(
            APP, {"n": File(str(n).encode())}, message="n", author=ALICE, expected=sha
        )
    await git_world.host.files(APP, sha)
    await git_world.host.collect_garbage(APP)
    assert await git_world.host.head(APP) == sha
    new = await git_world.host.write(
        APP, {"n": File(b"after")}, message="n", author=ALICE, expected=sha
    )
    assert (await git_world.host.files(APP, new))["n"].content == b"after"
    await git_world.must("clone", "-q", git_world.address("demo/order-service"), "after")


async def test_a_push_that_is_too_large_is_told_so(small_git_world: Any) -> None:
    copy = await working_copy(small_git_world)
    (copy / "noise").write_bytes(os.urandom(2 * 2**20))
    await small_git_world.must("add", "-A", cwd=copy)
    await small_git_world.must("commit", "-q", "--amend", "-m", "Noise", cwd=copy)
    code, output = await small_git_world.git("push", "origin", "main", cwd=copy)
    assert code != 0
    assert "more than the 1 MiB allowed" in output
    assert await small_git_world.host.head(APP) is None


async def test_a_full_disk_is_told_to_who_pushes(
    git_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = await working_copy(git_world)

    def full(file: object, chunk: bytes) -> None:
        write_all(file, chunk)  # type: ignore[arg-type]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_all = http._write_all
    monkeypatch.setattr(http, "_write_all", full)
    code, output = await git_world.git("push", "origin", "main", cwd=copy)
    assert code != 0
    assert "No space left on device" in output
    monkeypatch.undo()
    await git_world.must("push", "-q", "origin", "main", cwd=copy)


async def test_pushing_what_is_not_there_makes_it_for_who_may(git_world: Any) -> None:
    copy = await working_copy(git_world)
    address = git_world.address("demo/brought-along")
    code, output = await git_world.git("push", address, "main", cwd=copy)
    assert (code != 0, "not found" in output) == (True, True)
    git_world.people.rights.add(("alice", "create", "repositories"))
    # Reading makes nothing, and nor does a name that is none.
    assert "not found" in (await git_world.git("ls-remote", address))[1]
    assert (await git_world.git("push", git_world.address("demo/..x"), "main", cwd=copy))[0] != 0
    await git_world.must("push", "-q", address, "main", cwd=copy)
    await git_world.must("push", "-q", address, "main:side", cwd=copy)
    names = [one.name for one in await git_world.host.repositories("demo")]
    assert names == ["brought-along", "order-service"]
    assert await git_world.host.repositories("other") == []
    await git_world.host.archive(RepositoryName("demo", "brought-along"), owner_uid=PUSHED)
    assert [one.name for one in await git_world.host.repositories("demo")] == ["order-service"]


async def test_names_that_the_platform_gives_are_not_made_by_pushing(git_world: Any) -> None:
    copy = await working_copy(git_world)
    git_world.people.rights.add(("alice", "create", "repositories"))
    git_world.host.reserved = frozenset({"deployments"})
    code, output = await git_world.git(
        "push", git_world.address("demo/deployments"), "main", cwd=copy
    )
    assert (code != 0, "not found" in output) == (True, True)
