"""YAML as manifests and descriptors use it: read strictly, written the same way every time.

Reading is YAML 1.1 as kubectl's users expect it, with two differences: a timestamp stays a string,
and a key that appears twice is an error, for one of the two values would be lost in silence.
Numbers of base 60 are text, as in kubectl. A text may come from anybody: one that is nested too
deep, or grows by its aliases, is refused before it costs anything.
Writing keeps the order of keys, and quotes what some YAML reader would take for a number.

The library behind it is loaded with the first document: servers start without, and speak JSON.
"""

import math
from collections.abc import Callable
from typing import Any

from towpath.machinery.nesting import DEPTH_MAX

NODE_WEIGHT = 8
"""What an item counts for beside its characters, when a document's true size is told."""
GROWS_BY_MAX = 1024 * 1024
"""What aliases may add to it, however small its text is."""
INT64_MIN, UINT64_MAX = -(2**63), 2**64 - 1


class DocumentError(ValueError):
    """The text is not the YAML it should be; `str()` is one sentence with line and column."""


def load_documents(text: str | bytes, *, of_backstage: bool = False) -> list[Any]:
    """Every document that is not empty. Raises DocumentError.

    `of_backstage`: by the rules of YAML 1.2, as it reads its descriptors: `yes` is a text there.
    """
    from towpath.machinery import dialect

    read = dialect.all_newer_documents if of_backstage else dialect.all_documents
    return [document for document in _read(read, text) if document is not None]


def load_document(text: str | bytes, *, of_backstage: bool = False) -> Any:
    """The only document. Raises DocumentError when there is none, or more than one."""
    documents = load_documents(text, of_backstage=of_backstage)
    if len(documents) != 1:
        raise DocumentError(f"it holds {len(documents)} YAML documents instead of one")
    return documents[0]


def repeated_keys(text: bytes) -> list[tuple[int, str]]:
    """Line and name of the keys that a mapping has already. Raises DocumentError."""
    from towpath.machinery import dialect

    return list(_read(dialect.repeated_keys, text))


def load_settings(text: str | bytes) -> Any:
    """A document of another program's, whose own tags stand for nothing. Raises DocumentError."""
    from towpath.machinery import dialect

    return _read(dialect.settings, text)


def dump_document(document: Any) -> str:
    """The same data gives the same text."""
    from towpath.machinery import dialect

    return dialect.dumped(document)


def _read(reader: Callable[[str], Any], text: str | bytes) -> Any:
    try:
        return reader(text.decode() if isinstance(text, bytes) else text)
    except ValueError as error:
        raise DocumentError(str(error).splitlines()[0]) from error


def as_json(document: Any, *, size: int) -> Any:
    """The document as JSON has it: keys are text, numbers have 64 bits, every alias is a copy.

    `size` is that of its text, which what it holds may not be many times as large as. Raises
    DocumentError.
    """
    return _Plain(GROWS_BY_MAX + 2 * NODE_WEIGHT * size).of(document, 0)


class _Plain:
    def __init__(self, size_max: int) -> None:
        self._left = size_max

    def of(self, value: Any, depth: int) -> Any:
        self._left -= NODE_WEIGHT + (len(value) if isinstance(value, str) else 0)
        if self._left < 0:
            raise DocumentError("the document contains excessive aliasing")
        if isinstance(value, dict | list) and depth >= DEPTH_MAX:
            raise DocumentError(f"exceeded max depth of {DEPTH_MAX}, or an anchor contains itself")
        if isinstance(value, dict):
            return {_key(key): self.of(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.of(inner, depth + 1) for inner in value]
        return _scalar(value)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if INT64_MIN <= value <= UINT64_MAX else float(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, bytes):
        return value.decode()
    raise DocumentError(f"{value!r} cannot be said in JSON")


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, str | int | float):
        return str(key)
    raise DocumentError(f"{str(key)[:40]!r} cannot be a key in JSON")
