"""The public read API: evidence for portal, CLI and agents alike, each query with its viewer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from towpath.machinery.errors import BadRequest
from towpath.records.contract import Viewer

DIGITS_MAX = 18
"""What every database can count to."""


@dataclass(frozen=True, slots=True)
class Read:
    """`GET /api/v1/<path>`; `{name}` parts of the path and the query arrive in the parameters.

    The answer is JSON data, or an iterator of JSON data that is streamed as lines while it goes on.
    Raises the StatusError family. What the viewer may not see is answered as if it did not exist.
    """

    path: str
    answer: Callable[[Viewer, Mapping[str, str]], Awaitable[Any] | AsyncIterator[Any]]


def number(parameters: Mapping[str, str], name: str, otherwise: int = 0) -> int:
    """A parameter that is a number, `otherwise` when it is not given. Raises BadRequest."""
    text = parameters.get(name, "")
    if text and not (text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX):
        raise BadRequest(f"{name}={text[:40]}: a number is expected")
    return int(text) if text else otherwise
