"""JSON pointers (RFC 6901), as JSON patches use them."""

from typing import Any
from urllib.parse import unquote


def parse_pointer(pointer: str) -> list[str]:
    """The steps of a pointer. Raises ValueError."""
    if pointer == "":
        return []
    if not pointer.startswith("/"):
        raise ValueError(f'the path "{pointer}" does not start with "/"')
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def escape(step: str) -> str:
    """A name as one step of a pointer."""
    return step.replace("~", "~0").replace("/", "~1")


def walk(document: Any, pointer: str) -> Any:
    """What a pointer, as the fragment of an address, leads to. Raises LookupError, ValueError."""
    found = document
    for step in parse_pointer(unquote(pointer)):
        found = found[int(step)] if isinstance(found, list) else _item(found, step)
    return found


def _item(found: Any, step: str) -> Any:
    if not isinstance(found, dict):
        raise LookupError(step)
    return found[step]
