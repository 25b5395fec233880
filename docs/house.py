"""The map of folders: the tree as it is, each with the first sentence of its own docstring, and
which of them may import which.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

DEPTH = 3
PILLARS = "capabilities"


def folders(root: Path) -> str:
    """A Markdown table of the packages below `root`."""
    lines = ["| folder | what it is for |", "|---|---|"]
    for package in _packages(root, root):
        name = package.relative_to(root).as_posix()
        lines.append(f"| `{name}/` | {first_sentence(package)} |")
    return "\n".join(lines)


def _packages(root: Path, folder: Path) -> Iterator[Path]:
    for child in sorted(folder.iterdir()):
        if not (child / "__init__.py").exists():
            continue
        yield child
        if child.relative_to(root).parts[0] in (PILLARS, "engines") and _depth(root, child) < DEPTH:
            yield from _packages(root, child)


def _depth(root: Path, folder: Path) -> int:
    parts = folder.relative_to(root).parts
    # An engine's own folders are its affair; a capability lies one deeper, below its pillar.
    return len(parts) + (0 if parts[0] == PILLARS else 1)


def floors(settings: Path) -> str:
    """Which imports which, as import-linter holds it."""
    linter = tomllib.loads(settings.read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = (each["layers"] for each in linter["contracts"] if each["type"] == "layers")
    return " > ".join(f"`{layer}`" for layer in layers)


def first_sentence(package: Path) -> str:
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree) or ""
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph)[0].replace("|", "\\|")
