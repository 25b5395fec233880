"""What is read again and again is remembered, as long as it is short.

Texts come from clients: a cache that counts entries would keep a thousand of any size for good.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

LENGTH_MAX = 512

Text = TypeVar("Text", str, bytes)
Read = TypeVar("Read")


def remember_short(entries_max: int) -> Callable[[Callable[[Text], Read]], Callable[[Text], Read]]:
    """For a function of one text whose result nobody changes."""

    def decorate(read: Callable[[Text], Read]) -> Callable[[Text], Read]:
        remembered = lru_cache(maxsize=entries_max)(read)

        @wraps(read)
        def call(text: Text) -> Read:
            return remembered(text) if len(text) <= LENGTH_MAX else read(text)

        return call

    return decorate
