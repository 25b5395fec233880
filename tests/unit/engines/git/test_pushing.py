"""The first commit as one request: real Git reads what is made."""

import subprocess
from pathlib import Path

import pytest

from towpath.engines.git.port import File, Signature
from towpath.engines.git.pushing import NewCommit, first_push, push_onto
from towpath.engines.git.wire import (
    RefOrder,
    WireError,
    fetch_request,
    pack_of,
    push_request,
    refs_of,
    refusal_of,
)
from towpath.machinery.objects import CommitSHA

FILES = {
    "README.md": File(b"# Shop\n"),
    "bin/run": File(b"#!/bin/sh\n", executable=True),
    "\u00fc/a b.bin": File(bytes(range(256))),
}


def made(message: str = "First\n") -> tuple[str, bytes]:
    author = Signature("Ann", "ann@example.org")
    push = first_push(FILES, "refs/heads/main", NewCommit(message, author, 1_700_000_000))
    return push.commit, push.body


def test_git_takes_it(tmp_path: Path) -> None:
    commit, body = made()

    def git(*words: str, given: bytes = b"") -> bytes:
        done = subprocess.run(["git", *words], cwd=tmp_path, input=given, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    git("init", "--bare", "--initial-branch=main", ".")
    answer = git("receive-pack", "--stateless-rpc", ".", given=body)
    assert refusal_of(answer) == ""
    assert git("rev-parse", "main").decode().strip() == commit
    listed = git("ls-tree", "-r", "-z", "main").decode().split("\0")
    assert {line.partition("\t")[2]: line[:6] for line in listed if line} == {
        "README.md": "100644",
        "bin/run": "100755",
        "\u00fc/a b.bin": "100644",
    }
    assert git("show", "main:\u00fc/a b.bin") == bytes(range(256))
    assert git("log", "-1", "--format=%an|%ae|%s|%ct").decode().strip() == (
        "Ann|ann@example.org|First|1700000000"
    )
    git("fsck", "--strict")


def test_the_same_makes_the_same_commit() -> None:
    assert made() == made()
    assert made("Another")[0] != made()[0]


def test_a_refusal_is_told() -> None:
    taken = b"000eunpack ok\n0028ng refs/heads/main hook declined, no\n0000"
    assert refusal_of(taken) == "unpack ok; ng refs/heads/main hook declined, no"
    assert refusal_of(b"<html>") == "it answered nothing that Git knows"


def test_one_commit_on_top_of_what_git_sends_and_taken_away_again(tmp_path: Path) -> None:
    def git(*words: str, given: bytes = b"") -> bytes:
        done = subprocess.run(["git", *words], cwd=tmp_path, input=given, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    git("init", "--bare", "--initial-branch=main", ".")
    first, body = made()
    git("receive-pack", "--stateless-rpc", ".", given=body)
    told = git("upload-pack", "--http-backend-info-refs", ".")
    refs = refs_of(b"001e# service=git-upload-pack\n0000" + told)
    assert refs == {"HEAD": first, "refs/heads/main": first}
    asked = fetch_request([refs["HEAD"]], [], depth=1)
    pack = pack_of(git("upload-pack", "--stateless-rpc", ".", given=asked))
    new = NewCommit("Second", Signature("Ann", "ann@example.org"), 1_700_000_001)
    order = RefOrder("refs/heads/next", None, None)
    changes = {"README.md": File(b"# Newer\n"), "bin/run": File(b"#!/bin/bash\n"), "gone": None}
    push = push_onto(pack, refs["HEAD"], changes, order, new)
    assert push is not None
    assert refusal_of(git("receive-pack", "--stateless-rpc", ".", given=push.body)) == ""
    assert git("show", "next:README.md") == b"# Newer\n"
    assert git("ls-tree", "next", "bin/run").startswith(b"100755"), "it keeps its mode"
    assert git("rev-parse", "next^").decode().strip() == first
    assert push_onto(pack, refs["HEAD"], {"README.md": FILES["README.md"]}, order, new) is None
    away = push_request([RefOrder("refs/heads/next", push.commit, None)], b"")
    assert refusal_of(git("receive-pack", "--stateless-rpc", ".", given=away)) == ""
    assert git("for-each-ref", "--format=%(refname)").split() == [b"refs/heads/main"]
    stale = push_request([RefOrder("refs/heads/main", CommitSHA("1" * 40), None)], b"")
    assert "ng refs/heads/main" in refusal_of(
        git("receive-pack", "--stateless-rpc", ".", given=stale)
    )
    git("fsck", "--strict")


@pytest.mark.parametrize("answer", [b"<html>", b"", b"0008NAK\n", b"000dERR no\n"])
def test_what_is_no_answer_of_git_is_said(answer: bytes) -> None:
    with pytest.raises(WireError):
        refs_of(answer)
    with pytest.raises(WireError):
        pack_of(answer)


def test_an_answer_in_a_side_band_is_put_together() -> None:
    report = b"000eunpack ok\n0016ok refs/heads/main\n0000"
    parts = (report[:7], report[7:])
    banded = b"".join(b"%04x\x01%b" % (len(part) + 5, part) for part in parts) + b"0000"
    assert refusal_of(banded) == ""


def test_an_answer_within_answers_is_no_answer() -> None:
    """However deep a host nests them, nobody follows it down."""
    answer = b""
    for _ in range(13_000):
        answer = b"%04x\x01%b" % (len(answer) + 5, answer)
    assert refusal_of(answer) == "it answered nothing that Git knows"
