"""`$text`, `$json`, `$yaml` and `$openapi` in a descriptor: the content of a file beside it."""

import json
import posixpath
from collections.abc import Mapping
from typing import Any

from towpath.engines.git.port import File
from towpath.machinery.documents import DocumentError, load_document

FILE_BYTES_MAX = 2 * 2**20
_PLACEHOLDERS = ("$text", "$json", "$yaml", "$openapi")


class PlaceholderError(Exception):
    """The placeholder cannot be replaced; `str()` is one sentence for the author."""


def fill_in(value: Any, files: Mapping[str, File], base: str) -> Any:
    """The value with every placeholder replaced by a file of the repository.

    `base` is the path of the descriptor, which the placeholders' paths are relative to.
    """
    if isinstance(value, list):
        return [fill_in(item, files, base) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key,) = value
        if key in _PLACEHOLDERS:
            return _read(key, value[key], files, base)
    return {key: fill_in(item, files, base) for key, item in value.items()}


def _read(key: str, location: Any, files: Mapping[str, File], base: str) -> Any:
    text = _text(key, location, files, base)
    if key == "$text":
        return text
    try:
        loaded = json.loads(text) if key == "$json" else load_document(text)
    except (DocumentError, ValueError) as error:
        raise PlaceholderError(f"{key}: {location}: {error}") from error
    # An API's definition is a text for Backstage. Its own `$ref`s are left to who reads it.
    return text if key == "$openapi" else loaded


def _text(key: str, location: Any, files: Mapping[str, File], base: str) -> str:
    if not isinstance(location, str) or "://" in location:
        raise PlaceholderError(f"{key}: only files of the same repository can be read")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(base), location))
    file = files.get(path)
    if file is None:
        raise PlaceholderError(f"{key}: the repository has no file {path}")
    if len(file.content) > FILE_BYTES_MAX:
        raise PlaceholderError(f"{key}: {path} is larger than {FILE_BYTES_MAX} bytes")
    try:
        return file.content.decode()
    except UnicodeDecodeError as error:
        raise PlaceholderError(f"{key}: {path} is not a text") from error
