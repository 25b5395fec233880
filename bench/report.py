"""How figures are shown: a table for people, and one JSON object as the last line."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence

LOAD_AT_START = os.getloadavg()[0]
BUSY_PER_CORE = 0.5


def table(rows: Sequence[Mapping[str, object]]) -> None:
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    for row in cells:
        first, *rest = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(["", first, *rest]).rstrip())


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def last_line(name: str, figures: Mapping[str, object]) -> None:
    if BUSY_PER_CORE * (os.cpu_count() or 1) < LOAD_AT_START:
        print(
            f"  The machine was busy before we began (load {LOAD_AT_START:.1f}): "
            "budgets are for an idle one."
        )
    print(json.dumps({"bench": name, "machine": machine(), **figures}), flush=True)


def machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_at_start": round(LOAD_AT_START, 2),
    }


def median_and_worst(values: Sequence[float]) -> dict[str, float]:
    return {"median_s": round(statistics.median(values), 3), "worst_s": round(max(values), 3)}
