"""Writes the generated parts of the pages: `make docs`, or `python -m docs.generate`.

A part stands between `<!-- generated: KIND ARGUMENT -->` and `<!-- end of generated -->`; the rest
of a page is written by hand. A test generates the parts again and compares.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from docs import commands, hooks, house, pages, plugin, reads, schemas

ROOT = Path(__file__).parent.parent
PART = re.compile(
    r"(?P<begin><!-- generated: (?P<kind>[a-z]+)(?: (?P<argument>[^>]+?))? -->\n)"
    r".*?(?P<end><!-- end of generated -->)",
    re.DOTALL,
)

WRITERS: dict[str, Callable[[str], str]] = {
    "commands": lambda _: commands.reference(),
    "floors": lambda _: house.floors(ROOT / "pyproject.toml"),
    "hooks": lambda _: hooks.sections(),
    "house": lambda _: house.folders(ROOT / "src" / "towpath"),
    "pages": lambda _: pages.table(),
    "plugin": plugin.table,
    "reads": lambda _: reads.table(),
    "rules": schemas.rules,
    "spec": lambda kind: schemas.fields(kind, "spec"),
    "status": lambda kind: schemas.fields(kind, "status"),
}


def files() -> list[Path]:
    """Every page that may hold generated parts."""
    top = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    return [*top, *sorted((ROOT / "docs").rglob("*.md"))]


def generated(text: str) -> str:
    """The page with its generated parts as they must be now."""

    def write(part: re.Match[str]) -> str:
        written = WRITERS[part["kind"]](part["argument"] or "")
        return f"{part['begin']}\n{written.strip()}\n\n{part['end']}"

    return PART.sub(write, text)


def main() -> None:
    for page in files():
        before = page.read_text(encoding="utf-8")
        after = generated(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"{page.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
