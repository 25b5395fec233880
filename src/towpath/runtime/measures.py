"""What controllers and their loop are measured by, as Prometheus reads it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence


class Histogram:
    """How often and how long in all, by bounds in seconds."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self._bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0

    def note(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds_s, seconds)] += 1
        self._sum_s += seconds

    def lines(self, name: str, labels: str = "") -> Iterator[str]:
        """Of Prometheus' text format; `labels` as `name="a"`."""
        total, comma, all_of_it = 0, "," if labels else "", f"{{{labels}}}" if labels else ""
        for bound, count in zip((*self._bounds_s, "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {total}'
        yield f"{name}_sum{all_of_it} {self._sum_s:.6f}"
        yield f"{name}_count{all_of_it} {total}"
