"""The portal's look and its scripts as one file each, joined at start.

A reader finds a rule by the name of its sheet, and what happens by the name of its module; a
browser fetches everything in one request, whose address changes with the content. No tool has to
build anything: the modules import and export functions by name, and nothing else.
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
    "insights",
    "graph",
    "prose",
    "preferences",
)
"""What comes later wins where two rules say something about the same thing."""
SCRIPTS = Path(__file__).parent / "scripts"
MODULES = (
    "morph",
    "journey",
    "palette",
    "keys",
    "bell",
    "connections",
    "live",
    "logs",
    "preview",
    "graph",
    "portal",
)
"""What another one imports comes before it."""

_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_JS_COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)
_IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function (\w+))", re.MULTILINE)
_NOT_JOINED = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def stylesheet() -> str:
    """All sheets, without what only their readers need."""
    whole = "\n".join(_read(STYLES / f"{name}.css") for name in SHEETS)
    lines = (line.strip() for line in _CSS_COMMENT.sub("", whole).splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def script() -> str:
    """All modules, each in a scope of its own, without what only their readers need."""
    return "".join(module_text(name, _read(SCRIPTS / f"{name}.js")) for name in MODULES)


def module_text(name: str, text: str) -> str:
    """A module as a constant named after it, which holds the functions that it exports.

    Raises ValueError for an import or export of another form.
    """
    functions = ", ".join(function for _, function in _EXPORT.findall(text))
    text = _EXPORT.sub(r"\1", _IMPORT.sub(_taken, _JS_COMMENT.sub("", text)))
    if other := _NOT_JOINED.search(text):
        raise ValueError(f"{name}.js: cannot join `{other[0]}`: import or export functions by name")
    return f"const {name}Module = (() => {{\n{text.strip()}\nreturn {{ {functions} }};\n}})();\n"


def _taken(found: re.Match[str]) -> str:
    return f"const {{ {found[1].replace(' as ', ': ')} }} = {found[2]}Module;"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
