"""Filters of SCIM: `userName eq "alice" and not (emails[type eq "work" and value co "@old."])`.

Names of attributes and words of the language are the same in small and capital letters; so is what
is compared, as most attributes of people are.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

LENGTH_MAX = 4000
DEPTH_MAX = 20
_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\")|(?P<mark>[()\[\]])|(?P<word>[^\s()\[\]\"]+))"
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda one, other: bool(one == other),
    "ne": lambda one, other: bool(one != other),
    "co": lambda one, other: str(other) in str(one),
    "sw": lambda one, other: str(one).startswith(str(other)),
    "ew": lambda one, other: str(one).endswith(str(other)),
    "gt": lambda one, other: bool(one > other),
    "ge": lambda one, other: bool(one >= other),
    "lt": lambda one, other: bool(one < other),
    "le": lambda one, other: bool(one <= other),
}
_ORDERED = ("gt", "ge", "lt", "le")
URN = "urn:"


class BadFilter(Exception):
    """`str()` says what is wrong with it."""


class Filter(Protocol):
    """Asked of a resource, or of one value of an attribute with several."""

    def holds(self, of: Mapping[str, Any]) -> bool: ...


@dataclass(frozen=True, slots=True)
class Compared:
    path: tuple[str, ...]
    by: str
    """`pr`, or one of the comparisons."""
    value: Any = None

    def holds(self, of: Mapping[str, Any]) -> bool:
        found = list(values_at(of, self.path))
        if self.by == "pr":
            return any(one not in (None, "", [], {}) for one in found)
        if self.by == "ne":
            return all(_compare("ne", one, self.value) for one in found)
        return any(_compare(self.by, one, self.value) for one in found)


@dataclass(frozen=True, slots=True)
class Within:
    path: tuple[str, ...]
    inner: Filter

    def holds(self, of: Mapping[str, Any]) -> bool:
        found = values_at(of, self.path)
        return any(isinstance(one, dict) and self.inner.holds(one) for one in found)


@dataclass(frozen=True, slots=True)
class Both:
    parts: tuple[Filter, ...]

    def holds(self, of: Mapping[str, Any]) -> bool:
        return all(part.holds(of) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple[Filter, ...]

    def holds(self, of: Mapping[str, Any]) -> bool:
        return any(part.holds(of) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    part: Filter

    def holds(self, of: Mapping[str, Any]) -> bool:
        return not self.part.holds(of)


def parse_filter(text: str) -> Filter:
    """Raises BadFilter."""
    if len(text) > LENGTH_MAX:
        raise BadFilter(f"the filter is longer than {LENGTH_MAX} characters")
    reading = _Reading(_tokens(text))
    found = reading.either(0)
    if reading.rest:
        raise BadFilter(f"{reading.rest[0]!r} is not expected there")
    return found


def path_of(name: str) -> tuple[str, ...]:
    """`name.givenName`, `urn:...:User:manager.value`, as keys."""
    if not name.lower().startswith(URN):
        return tuple(name.split("."))
    schema, _, rest = name.rpartition(":")
    if rest in ("User", "Group"):
        return (name,)
    inner = tuple(rest.split("."))
    return inner if ":core:" in schema.lower() else (schema, *inner)


def values_at(of: Any, path: Sequence[str]) -> Iterator[Any]:
    """Of an attribute with several values, each; of an object that is asked as a value, its
    `value`."""
    if isinstance(of, list):
        for one in of:
            yield from values_at(one, path)
    elif not path:
        yield of
    elif isinstance(of, dict):
        key = key_in(of, path[0])
        if key is not None:
            yield from values_at(of[key], path[1:])


def key_in(of: Mapping[str, Any], name: str) -> str | None:
    """The key as it is written there."""
    if name in of:
        return name
    lower = name.lower()
    return next((key for key in of if key.lower() == lower), None)


def _compare(by: str, found: Any, wanted: Any) -> bool:
    if isinstance(found, dict):
        key = key_in(found, "value")
        found = found[key] if key else None
    if isinstance(found, bool) or isinstance(wanted, bool):
        # Some write booleans as texts.
        found, wanted = str(found).lower(), str(wanted).lower()
    if isinstance(found, str) and isinstance(wanted, str):
        found, wanted = found.lower(), wanted.lower()
    if found is None or (by in _ORDERED and type(found) is not type(wanted)):
        return by == "ne" and wanted is not None
    return _COMPARE[by](found, wanted)


def _tokens(text: str) -> list[str]:
    tokens, place = [], 0
    text = text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise BadFilter(f"{text[place : place + 20]!r} cannot be read")
        tokens.append(found.group().strip())
        place = found.end()
    return tokens


@dataclass(slots=True)
class _Reading:
    rest: list[str]

    def either(self, depth: int) -> Filter:
        if depth > DEPTH_MAX:
            raise BadFilter(f"it is nested more than {DEPTH_MAX} deep")
        parts = [self._both(depth)]
        while self._takes("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while self._takes("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _one(self, depth: int) -> Filter:
        if self._takes("not"):
            self._expect("(")
            return Not(self._until(")", depth))
        if self._takes("("):
            return self._until(")", depth)
        path = path_of(self._next("the name of an attribute"))
        if self._takes("["):
            return Within(path, self._until("]", depth))
        by = self._next("a comparison").lower()
        if by == "pr":
            return Compared(path, by)
        if by not in _COMPARE:
            raise BadFilter(f"{by!r} is none of pr, {', '.join(_COMPARE)}")
        return Compared(path, by, _value(self._next("a value")))

    def _until(self, end: str, depth: int) -> Filter:
        inner = self.either(depth + 1)
        self._expect(end)
        return inner

    def _takes(self, word: str) -> bool:
        if self.rest and self.rest[0].lower() == word:
            self.rest.pop(0)
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._takes(mark):
            raise BadFilter(f"{mark!r} is missing")

    def _next(self, what: str) -> str:
        if not self.rest:
            raise BadFilter(f"{what} is missing at its end")
        return self.rest.pop(0)


def _value(token: str) -> Any:
    try:
        value = orjson.loads(token if token.startswith('"') else token.lower())
    except orjson.JSONDecodeError:
        raise BadFilter(f'{token} is no value: quote texts, as in userName eq "alice"') from None
    if isinstance(value, dict):
        raise BadFilter(f"{token} is compared with nothing: a text, a number, true, false or null")
    return value
