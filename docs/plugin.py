"""The public names of `towpath.plugin`, each with the first sentence of its docstring."""

import importlib
import inspect
from types import ModuleType
from typing import Any


def table(part: str) -> str:
    """Of the module itself, or of `testing` in it."""
    module = importlib.import_module(f"towpath.plugin.{part}" if part else "towpath.plugin")
    lines = ["| name | what it is |", "|---|---|"]
    lines += [f"| `{_form(module, name)}` | {_words(module, name)} |" for name in module.__all__]
    return "\n".join(lines)


def _form(module: ModuleType, name: str) -> str:
    """A function and a small declaration with its parameters, anything else by its name."""
    found = getattr(module, name)
    if not callable(found) or getattr(found, "_is_protocol", False):
        return name
    if isinstance(found, type) and issubclass(found, Exception):
        return name
    try:
        parameters = list(inspect.signature(found).parameters)
    except (TypeError, ValueError):
        return name
    return f"{name}({', '.join(parameters)})"


def _words(module: ModuleType, name: str) -> str:
    found: Any = getattr(module, name)
    if name == "API_VERSION":
        return f"`{found}`: the version of these names."
    if name == "Block":
        return "Any block: `Text`, `Facts`, `Table` or `Code`."
    text = inspect.cleandoc(found.__doc__ or "").split("\n\n")[0]
    return " ".join(text.split()).replace("|", "\\|")
