"""The portal's look as one file: the sheets of `styles/` in their order, joined at start.

A reader finds a rule by the name of its sheet; a browser fetches everything in one request, whose
address changes with the content.
"""

import re
from pathlib import Path

STYLES = Path(__file__).parent / "styles"
SHEETS = (
    "tokens",
    "elements",
    "frame",
    "page",
    "states",
    "actions",
    "tables",
    "forms",
    "runs",
    "code",
    "delivery",
    "failures",
    "dialogs",
    "inbox",
    "catalog",
    "pages",
    "create",
    "objects",
    "preferences",
)
"""What comes later wins where two rules say something about the same thing."""
NAME = "portal.css"

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def stylesheet() -> str:
    """All sheets, without what only their readers need."""
    whole = "\n".join((STYLES / f"{name}.css").read_text(encoding="utf-8") for name in SHEETS)
    lines = (line.strip() for line in _COMMENT.sub("", whole).splitlines())
    return "\n".join(line for line in lines if line) + "\n"
