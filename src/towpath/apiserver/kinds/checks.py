"""What the rules of many kinds are made of: each says what is wrong with one value."""

import re
from collections.abc import Iterator
from typing import Any

from towpath.machinery.causes import invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.names import port_name_errors, port_number_errors, subdomain_errors

INT32_MAX = (1 << 31) - 1
FILE_MODE_MAX = 0o777
NOT_NEGATIVE = "must be greater than or equal to 0"
GREATER_THAN_ZERO = "must be greater than zero"
_PATH_FORMAT = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"
_PATH = re.compile(_PATH_FORMAT)


def one_of(field: str, value: Any, supported: tuple[str, ...]) -> Iterator[Cause]:
    """Required, and one of a few words."""
    if not value:
        yield required(field)
    elif value not in supported:
        yield unsupported(field, value, supported)


def maybe_one_of(field: str, value: Any, supported: tuple[str, ...]) -> Iterator[Cause]:
    """One of a few words where it is given, be it empty."""
    if value is not None and value not in supported:
        yield unsupported(field, value, supported)


def named(field: str, value: Any, errors: list[str]) -> Iterator[Cause]:
    yield from (invalid_value(field, value, words) for words in errors)


def not_negative(field: str, value: Any) -> Iterator[Cause]:
    if isinstance(value, int) and value < 0:
        yield invalid_value(field, value, NOT_NEGATIVE)


def between(field: str, value: Any, least: int, most: int) -> Iterator[Cause]:
    if value is not None and not least <= value <= most:
        yield invalid_value(field, value, f"must be between {least} and {most}, inclusive")


def domain_prefixed_path(field: str, text: str) -> Iterator[Cause]:
    """`example.dev/a/path`, as controllers are named."""
    if not text:
        yield required(field)
        return
    host, _, path = text.partition("/")
    if not host or not path:
        words = 'must be a domain-prefixed path (such as "acme.io/foo")'
        yield invalid_value(field, text, words)
        return
    yield from named(field, host, subdomain_errors(host))
    if not _PATH.fullmatch(path):
        words = f"Invalid path (regex used for validation is '{_PATH_FORMAT}')"
        yield invalid_value(field, path, words)


def port_or_name(field: str, port: Any) -> Iterator[Cause]:
    errors = port_number_errors(port) if isinstance(port, int) else port_name_errors(port)
    yield from named(field, port, errors)


def local_path(field: str, path: str) -> Iterator[Cause]:
    """A path that stays below where it begins."""
    if path.startswith("/"):
        yield invalid_value(field, path, "must be a relative path")
    yield from no_backsteps(field, path)


def no_backsteps(field: str, path: str) -> Iterator[Cause]:
    if ".." in path.split("/"):
        yield invalid_value(field, path, "must not contain '..'")


def file_path(field: str, path: str) -> Iterator[Cause]:
    """Of a file that is projected into a volume, where names with two dots are the kubelet's."""
    yield from local_path(field, path)
    if path.startswith("..") and not path.startswith("../"):
        yield invalid_value(field, path, "must not start with '..'")


def file_mode(field: str, mode: object) -> Iterator[Cause]:
    if isinstance(mode, int) and not 0 <= mode <= FILE_MODE_MAX:
        words = "must be a number between 0 and 0777 (octal), both inclusive"
        yield invalid_value(field, mode, words)
