"""The table of the portal's pages that capabilities contribute."""

from towpath.app.capabilities import BUILT_IN


def addresses() -> dict[str, str]:
    """Each page's address, and what it is called."""
    return {page.path: page.name for capability in BUILT_IN for page in capability.load_pages()}


def table() -> str:
    lines = ["| page | address |", "|---|---|"]
    lines += [f"| {name} | `{path}` |" for path, name in sorted(addresses().items())]
    return "\n".join(lines)
