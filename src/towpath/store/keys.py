"""Keys in order, in pieces: one more costs the same whether there are a thousand or a million.

A plain list in order moves half of its content for every key that comes in between.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

LAST_CHARACTER = "\U0010ffff"
PIECE_MAX = 2048


class OrderedKeys:
    """Every key once; who adds one knows that it is new."""

    __slots__ = ("_first", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[list[str]] = [[]]
        self._first: list[str] = [""]
        """No key of a piece comes before its entry here."""

    @classmethod
    def of(cls, keys: Iterable[str]) -> "OrderedKeys":
        made, ordered = cls(), sorted(keys)
        if ordered:
            made._pieces = [
                ordered[at : at + PIECE_MAX] for at in range(0, len(ordered), PIECE_MAX)
            ]
            made._first = ["", *(piece[0] for piece in made._pieces[1:])]
        return made

    def __bool__(self) -> bool:
        return bool(self._pieces[0])

    def add(self, key: str) -> None:
        at = bisect_right(self._first, key) - 1
        piece = self._pieces[at]
        insort(piece, key)
        if len(piece) > PIECE_MAX:
            half = piece[PIECE_MAX // 2 :]
            del piece[PIECE_MAX // 2 :]
            self._pieces.insert(at + 1, half)
            self._first.insert(at + 1, half[0])

    def remove(self, key: str) -> None:
        at = bisect_right(self._first, key) - 1
        piece = self._pieces[at]
        del piece[bisect_left(piece, key)]
        if not piece and len(self._pieces) > 1:
            del self._pieces[at], self._first[at]
            self._first[0] = ""

    def between(self, prefix: str = "", after: str = "", limit: int = 0) -> list[str]:
        """Those that begin with `prefix`, above `after`; at most `limit`, if that is not 0."""
        (at, start), (last, end) = self._bounds(prefix, after)
        if at == last:
            found = self._pieces[at][start:end]
        else:
            found = self._pieces[at][start:]
            for place in range(at + 1, last):
                if 0 < limit <= len(found):
                    break
                found += self._pieces[place]
            else:
                found += self._pieces[last][:end]
        return found[:limit] if limit else found

    def count(self, prefix: str = "", after: str = "") -> int:
        (at, start), (last, end) = self._bounds(prefix, after)
        return max(0, sum(map(len, self._pieces[at:last])) + end - start)

    def _bounds(self, prefix: str, after: str) -> tuple[tuple[int, int], tuple[int, int]]:
        # `after` is a client's word: it never leads out of what begins with the prefix.
        at = bisect_right(self._first, max(prefix, after)) - 1
        piece = self._pieces[at]
        start = max(bisect_left(piece, prefix), bisect_right(piece, after))
        if not prefix:
            return (at, start), (len(self._pieces) - 1, len(self._pieces[-1]))
        beyond = prefix + LAST_CHARACTER
        last = bisect_right(self._first, beyond) - 1
        end = bisect_left(self._pieces[last], beyond)
        return (at, start), max((last, end), (at, start))
