"""Which files of a folder belong into an image: .dockerignore decides, else .gitignore.

Version control, caches, environments and `.env` files never do.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NEVER = frozenset(
    {
        ".git",
        ".github",
        ".env",
        ".venv",
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".tox",
        ".coverage",
        "node_modules",
        ".DS_Store",
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    pattern: re.Pattern[str]
    negated: bool
    folders_only: bool

    def matches(self, path: str, *, is_folder: bool) -> bool:
        if self.folders_only and not is_folder:
            return False
        return self.pattern.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class Rules:
    """The last rule that matches decides."""

    rules: tuple[Rule, ...] = ()
    reaches_into_ignored: bool = False
    """.dockerignore can except a file below an ignored folder; .gitignore cannot."""

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        for rule in reversed(self.rules):
            if rule.matches(path, is_folder=is_folder):
                return not rule.negated
        return False

    @property
    def prunes(self) -> bool:
        return not (self.reaches_into_ignored and any(rule.negated for rule in self.rules))

    def with_gitignore(self, folder: Path, base: str) -> "Rules":
        """These and those of the folder's own .gitignore."""
        file = folder / ".gitignore"
        if self.reaches_into_ignored or not file.is_file():
            return self
        lines = file.read_text(errors="replace").splitlines()
        added = tuple(rule for line in lines if (rule := _gitignore_rule(line, base)))
        return Rules((*self.rules, *added))


def included_files(folder: Path) -> Iterator[str]:
    """Paths relative to the folder, in order; symbolic links count as files."""
    docker = folder / ".dockerignore"
    rules = Rules()
    if docker.is_file():
        lines = docker.read_text(errors="replace").splitlines()
        found = tuple(rule for line in lines if (rule := _dockerignore_rule(line)))
        rules = Rules(found, reaches_into_ignored=True)
    yield from _walk(folder, "", rules)


def _walk(folder: Path, base: str, rules: Rules) -> Iterator[str]:
    rules = rules.with_gitignore(folder, base)
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = base + entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name in NEVER or entry.name.endswith(".pyc"):
            continue
        ignored = rules.ignores(path, is_folder=is_folder)
        if is_folder:
            if not (ignored and rules.prunes):
                yield from _walk(Path(entry.path), f"{path}/", rules)
        elif not ignored and (entry.is_file() or entry.is_symlink()):
            yield path


def _gitignore_rule(line: str, base: str) -> Rule | None:
    text = re.sub(r"(?<!\\)\s+$", "", line)
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text.removeprefix("!")
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    text = text.removeprefix("/")
    prefix = re.escape(base) if anchored else f"{re.escape(base)}(?:.*/)?"
    return Rule(re.compile(prefix + _translate(text)), negated, folders_only)


def _dockerignore_rule(line: str) -> Rule | None:
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text.removeprefix("!").strip().strip("/")
    if not text or text == ".":
        return None
    pattern = f"{_translate(text.removeprefix('./'))}(?:/.*)?"
    return Rule(re.compile(pattern), negated, folders_only=False)


_PIECE = re.compile(r"^\*\*/|/\*\*/|/\*\*$|\*+|\?|\[!?\]?[^\]]*\]|\\.|.", re.DOTALL)


def _translate(glob: str) -> str:
    """A git or docker glob as a regular expression of the whole path."""
    if glob == "**":
        return ".*"
    parts: list[str] = []
    for piece in _PIECE.findall(glob):
        if piece == "**/":
            parts.append("(?:.*/)?")
        elif piece == "/**/":
            parts.append("/(?:.*/)?")
        elif piece == "/**":
            parts.append("/.*")
        elif piece.startswith("*"):
            parts.append("[^/]*")
        elif piece == "?":
            parts.append("[^/]")
        elif piece.startswith("[") and len(piece) > 2:
            inner = piece[1:-1].replace("\\", r"\\")
            parts.append(f"[^/{inner[1:]}]" if inner.startswith("!") else f"[{inner}]")
        else:
            parts.append(re.escape(piece.removeprefix("\\") if len(piece) == 2 else piece))
    return "".join(parts)
