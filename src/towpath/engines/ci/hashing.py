"""`hashFiles`: one SHA-256 over the files of the workspace that match patterns."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from towpath.engines.ci.expressions import ExpressionError, Value, to_text

FILES_MAX = 20_000
CHUNK_BYTES = 1024 * 1024


def hash_files(workspace: Path, patterns: Sequence[Value]) -> str:
    """Hex digest over the digests of all matching files in order; "" when none matches."""
    rules = [rule for pattern in patterns for rule in _rules(to_text(pattern))]
    outer = hashlib.sha256()
    found = False
    for path in sorted(_files(workspace)):
        if _matches(rules, path):
            outer.update(_digest(workspace / path))
            found = True
    return outer.hexdigest() if found else ""


def _rules(text: str) -> list[tuple[bool, re.Pattern[str]]]:
    """The patterns of one argument: a line each; a line that begins with `!` takes files out."""
    lines = [line.strip() for line in text.splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#")]
    return [(not line.startswith("!"), _glob(line.removeprefix("!"))) for line in wanted]


def _glob(pattern: str) -> re.Pattern[str]:
    pattern = pattern.removeprefix("./").strip("/")
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            parts.append("(?:.*/)?")
            position += 3
        elif pattern.startswith("**", position):
            parts.append(".*")
            position += 2
        else:
            character = pattern[position]
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character)))
            position += 1
    return re.compile("".join(parts) + r"(?:/.*)?\Z")


def _matches(rules: Sequence[tuple[bool, re.Pattern[str]]], path: str) -> bool:
    matched = False
    for wanted, pattern in rules:
        if pattern.match(path):
            matched = wanted
    return matched


def _files(workspace: Path) -> Iterator[str]:
    count = 0
    for folder, folders, names in os.walk(workspace):
        folders[:] = [name for name in folders if name != ".git"]
        relative = os.path.relpath(folder, workspace)
        for name in names:
            count += 1
            if count > FILES_MAX:
                raise ExpressionError(f"hashFiles: the workspace has more than {FILES_MAX} files")
            yield name if relative == "." else f"{relative}/{name}"


def _digest(path: Path) -> bytes:
    inner = hashlib.sha256()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""  # a link, or gone meanwhile
    with os.fdopen(descriptor, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            inner.update(chunk)
    return inner.digest()
