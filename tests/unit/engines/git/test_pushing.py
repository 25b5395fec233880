"""The first commit as one request: real Git reads what is made."""

import subprocess
from pathlib import Path

from towpath.engines.git.port import File, Signature
from towpath.engines.git.pushing import first_push, refusal_of

FILES = {
    "README.md": File(b"# Shop\n"),
    "bin/run": File(b"#!/bin/sh\n", executable=True),
    "\u00fc/a b.bin": File(bytes(range(256))),
}


def made(message: str = "First\n") -> tuple[str, bytes]:
    author = Signature("Ann", "ann@example.org")
    push = first_push(FILES, branch="main", message=message, author=author, time_s=1_700_000_000)
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
