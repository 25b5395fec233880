"""What is measured, in the names of kube-apiserver that dashboards and alerts ask for.

Counting is on the way of every request: a dictionary, a search among bounds, a few sums. The text
is made when somebody reads it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field

BOUNDS_S = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20),
    *(30, 45, 60),
)
"""Of durations, as there; service levels leave out the first two."""

Labels = tuple[str, ...]


class Histogram(Struct):
    """How often, and how long in all; by BOUNDS_S."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    seconds: float = 0.0

    def note(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.seconds += seconds


class Durations:
    """Histograms by the values of some labels."""

    def __init__(self, name: str, *labels: str) -> None:
        self._name = name
        self._labels = labels
        self._series: dict[Labels, Histogram] = {}

    def note(self, values: Labels, seconds: float) -> None:
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = Histogram()
        series.note(seconds)

    def lines(self) -> Sequence[str]:
        series = {
            labelled(zip(self._labels, values, strict=True)): histogram
            for values, histogram in sorted(self._series.items())
        }
        return list(histogram_lines(self._name, series))


def histogram_lines(
    name: str, series: Mapping[str, Histogram], *, without_first: int = 0
) -> Iterator[str]:
    """`series` by its labels in text; `without_first` leaves bounds out."""
    yield f"# TYPE {name} histogram"
    for labels, histogram in series.items():
        total = 0
        comma = "," if labels else ""
        for index, (bound, count) in enumerate(
            zip((*BOUNDS_S, "+Inf"), histogram.counts, strict=True)
        ):
            total += count
            if index >= without_first:
                yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {total}'
        yield f"{name}_sum{{{labels}}} {histogram.seconds:.6f}"
        yield f"{name}_count{{{labels}}} {total}"


def labelled(pairs: Iterable[tuple[str, str]]) -> str:
    """`name="value",...`, escaped."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
