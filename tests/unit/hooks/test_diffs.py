"""Differences of files as Git shows them."""

import pytest

from towpath.engines.git.port import Change
from towpath.hooks.diffs import LINES_MAX, changes_between, file_diffs

LONG = b"line\n" * (LINES_MAX + 1)


def test_only_what_differs_is_a_change() -> None:
    old = {"a": b"1", "b": b"2", "c": b"3"}
    assert changes_between(old, {"a": b"1", "b": b"x", "d": b"4"}) == [
        Change("b", b"2", b"x"),
        Change("c", b"3", None),
        Change("d", None, b"4"),
    ]


def test_a_changed_line_is_shown_with_what_is_around_it() -> None:
    (diff,) = file_diffs([Change("f.yaml", b"a\nb\nc\n", b"a\nB\nc\n")])
    assert diff.text.splitlines() == [
        "diff --git a/f.yaml b/f.yaml",
        "--- a/f.yaml",
        "+++ b/f.yaml",
        "@@ -1,3 +1,3 @@",
        " a",
        "-b",
        "+B",
        " c",
    ]
    assert diff.summary == "+1 -1"


@pytest.mark.parametrize(
    ("change", "says", "summary"),
    [
        pytest.param(Change("f", None, b"a\n-b\n"), "new file", "+2 -0", id="a new file"),
        pytest.param(Change("f", b"--a\n", None), "deleted file", "+0 -1", id="one that goes"),
        pytest.param(Change("f", b"\0", b"a"), "Binary files differ", "+0 -0", id="no text"),
        pytest.param(Change("f", b"", LONG), "too many to compare", "+0 -0", id="a long one"),
    ],
)
def test_other_changes(change: Change, says: str, summary: str) -> None:
    (diff,) = file_diffs([change])
    assert (says in diff.text, diff.summary) == (True, summary)


def test_very_many_files_are_counted() -> None:
    diffs = file_diffs(Change(f"{number:04}", b"a", b"b") for number in range(203))
    assert (len(diffs), diffs[-1].path) == (201, "3 more files")
