"""The files through which a step speaks: GITHUB_OUTPUT, GITHUB_ENV, GITHUB_PATH and the summary.

They lie in a folder of their own per step, whose parent the step cannot write to. What it left
there is still the work of somebody else's program: a link, a pipe or a giant is not read.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIZE_MAX = 1024 * 1024

NAMES = {
    "GITHUB_OUTPUT": "output",
    "GITHUB_ENV": "env",
    "GITHUB_PATH": "path",
    "GITHUB_STEP_SUMMARY": "summary",
    "GITHUB_STATE": "state",
}

_RESERVED = ("GITHUB_", "RUNNER_", "TOWPATH_")
_DANGEROUS = frozenset({"NODE_OPTIONS"})


class FileCommandError(Exception):
    """A file that a step wrote cannot be understood; `str()` is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Said:
    outputs: dict[str, str]
    env: dict[str, str]
    path: list[str]
    summary: str
    warnings: list[str]


def make_files(folder: Path) -> dict[str, str]:
    """Empty files in `folder`; the variables that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES.values():
        (folder / name).touch()
    return {variable: str(folder / name) for variable, name in NAMES.items()}


def read_files(folder: Path) -> Said:
    """What a step has said. Raises FileCommandError."""
    env = parse_pairs(_read(folder / "env"), "GITHUB_ENV")
    refused = [name for name in env if name.startswith(_RESERVED) or name in _DANGEROUS]
    return Said(
        outputs=parse_pairs(_read(folder / "output"), "GITHUB_OUTPUT"),
        env={name: value for name, value in env.items() if name not in refused},
        path=[line for line in _read(folder / "path").splitlines() if line.strip()],
        summary=_read(folder / "summary"),
        warnings=[f"{name} cannot be set through GITHUB_ENV" for name in refused],
    )


def _read(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise FileCommandError(f"the step's file `{path.name}` cannot be read: {error}") from error
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise FileCommandError(f"the step's file `{path.name}` is not a file any more")
        if facts.st_size > SIZE_MAX:
            raise FileCommandError(
                f"the step wrote {facts.st_size} bytes to `{path.name}`; {SIZE_MAX} are read"
            )
        return file.read(SIZE_MAX).decode("utf-8", "replace")


def parse_pairs(text: str, what: str) -> dict[str, str]:
    """`name=value` lines, and `name<<WORD`, lines, `WORD`. Raises FileCommandError."""
    pairs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip():
            continue
        equals, here = line.find("="), line.find("<<")
        if equals >= 0 and (here < 0 or equals < here):
            name, _, value = line.partition("=")
        elif here >= 0:
            name, _, word = line.partition("<<")
            if not word:
                raise FileCommandError(f"{what}: `{line}` lacks the word that ends the value")
            value = _until(lines, word, f"{what}: the value of `{name}` is not ended by `{word}`")
        else:
            raise FileCommandError(f"{what}: `{line[:80]}` is neither name=value nor name<<WORD")
        if not name:
            raise FileCommandError(f"{what}: `{line[:80]}` has no name")
        pairs[name] = value
    return pairs


def _until(lines: Iterator[str], word: str, otherwise: str) -> str:
    value: list[str] = []
    for line in lines:
        if line == word:
            return "\n".join(value)
        value.append(line)
    raise FileCommandError(otherwise)
