"""The list of hooks: what a capability can contribute, from the docstrings of its fields."""

import ast
import inspect

from towpath.hooks import capability

GIVEN = ("package", "name", "summary")
"""What every capability says of itself; no hooks."""


def hooks() -> dict[str, str]:
    """Each hook with its own words."""
    tree = ast.parse(inspect.getsource(capability.Capability))
    (definition,) = tree.body
    assert isinstance(definition, ast.ClassDef), "Capability is a class"
    found: dict[str, str] = {}
    name = ""
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            found[name] = ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            found[name] = " ".join(str(node.value.value).split())
    return {hook: text for hook, text in found.items() if hook not in GIVEN}


def sections() -> str:
    return "\n\n".join(f"### {name}\n\n{text}" for name, text in hooks().items())
