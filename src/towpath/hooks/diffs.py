"""What differs between two states of files, as `git diff` shows it; for pages. Pure."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from towpath.engines.git.port import Change

LINES_MAX = 5000
"""Of one file; a longer one is named, not compared: comparing costs the square of it."""
FILES_MAX = 200
OPEN_LINES_MAX = 60
OPEN_WHOLE_LINES_MAX = 12
CONTEXT_LINES = 3


@dataclass(frozen=True, slots=True)
class FileDiff:
    path: str
    text: str
    """The hunks, with the lines that name the file above them."""
    added: int = 0
    removed: int = 0
    whole: bool = False
    """The file is new, or goes."""

    @property
    def is_long(self) -> bool:
        """Too long to stand open beside others; a file that comes or goes whole says little."""
        lines_max = OPEN_WHOLE_LINES_MAX if self.whole else OPEN_LINES_MAX
        return self.added + self.removed > lines_max

    @property
    def summary(self) -> str:
        """`+3 -1`"""
        return f"+{self.added} -{self.removed}"


def changes_between(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[Change]:
    """The files that differ, by path."""
    return [
        Change(path, old.get(path), new.get(path))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    ]


def file_diffs(changes: Iterable[Change]) -> list[FileDiff]:
    found = list(changes)
    diffs = [_diff(change) for change in found[:FILES_MAX]]
    if len(found) > FILES_MAX:
        left = len(found) - FILES_MAX
        diffs.append(FileDiff(f"{left} more files", "They are too many to show here."))
    return diffs


def _diff(change: Change) -> FileDiff:
    head = [f"diff --git a/{change.path} b/{change.path}"]
    if change.old is None:
        head.append("new file")
    if change.new is None:
        head.append("deleted file")
    old, new = _lines(change.old), _lines(change.new)
    if old is None or new is None:
        return FileDiff(change.path, "\n".join([*head, "Binary files differ"]))
    if max(len(old), len(new)) > LINES_MAX:
        told = f"{len(old)} lines became {len(new)}: too many to compare here"
        return FileDiff(change.path, "\n".join([*head, told]))
    before = "/dev/null" if change.old is None else f"a/{change.path}"
    after = "/dev/null" if change.new is None else f"b/{change.path}"
    lines = list(difflib.unified_diff(old, new, before, after, n=CONTEXT_LINES, lineterm=""))
    hunks = lines[2:]
    return FileDiff(
        change.path,
        "\n".join([*head, *lines]),
        added=_count(hunks, "+"),
        removed=_count(hunks, "-"),
        whole=change.old is None or change.new is None,
    )


def _lines(content: bytes | None) -> list[str] | None:
    """None for what is no text."""
    if content is None:
        return []
    if b"\0" in content:
        return None
    return content.decode("utf-8", "replace").splitlines()


def _count(lines: Sequence[str], sign: str) -> int:
    return sum(1 for line in lines if line.startswith(sign))
