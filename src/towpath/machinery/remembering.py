"""What is read again and again is remembered, as long as it is short.

Texts come from clients: a cache that counts entries would keep a thousand of any size for good.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import Generic, TypeVar

LENGTH_MAX = 512

Key = TypeVar("Key", bound=Hashable)
Text = TypeVar("Text", str, bytes)
Read = TypeVar("Read")


class Kept(Generic[Key]):
    """Answers of at most so many bytes in all; the longest unused goes."""

    def __init__(self, *, bytes_max: int, one_bytes_max: int) -> None:
        self._bytes_max, self._one_bytes_max = bytes_max, one_bytes_max
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> bytes | None:
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
        return known

    def put(self, key: Key, answer: bytes) -> None:
        if len(answer) > self._one_bytes_max or key in self._kept:
            return
        self._kept[key] = answer
        self._bytes += len(answer)
        while self._bytes > self._bytes_max:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone)

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = 0


def remember_short(entries_max: int) -> Callable[[Callable[[Text], Read]], Callable[[Text], Read]]:
    """For a function of one text whose result nobody changes."""

    def decorate(read: Callable[[Text], Read]) -> Callable[[Text], Read]:
        remembered = lru_cache(maxsize=entries_max)(read)

        @wraps(read)
        def call(text: Text) -> Read:
            return remembered(text) if len(text) <= LENGTH_MAX else read(text)

        return call

    return decorate
