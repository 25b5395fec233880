"""Runs the measures on each side, and shows them beside each other."""

import argparse
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.engines.kube import missing

from bench.apiserver.growth import (
    DEFINITIONS_MIB_MAX,
    DEFINITIONS_S_MAX,
    measure_definitions,
    measure_growth,
)
from bench.apiserver.measures import Figures, measure
from bench.apiserver.sides import kube, ours
from bench.report import last_line, table


@dataclass(frozen=True, slots=True)
class Row:
    """One measure, which way is better, and how many times better ours is meant to be."""

    name: str
    words: str
    more_is_better: bool
    goal: float


ROWS = (
    Row("ready_s", "ready after s", False, 10.0),
    Row("create_per_s", "durable create/s", True, 3.0),
    Row("get_per_s", "GET/s", True, 6.0),
    Row("list_ms", "LIST of 10,000, ms", False, 10.0),
    Row("merge_patch_per_s", "merge patch/s", True, 3.0),
    Row("apply_per_s", "server-side apply/s", True, 3.0),
    Row("watch_p50_ms", "create to event p50 ms", False, 1.0),
    Row("watch_p99_ms", "create to event p99 ms", False, 1.0),
    Row("memory_mib", "resident MiB", False, 8.0),
)


def compare(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench apiserver")
    parser.add_argument("--alone", action="store_true", help="measure ours only")
    parser.add_argument("--growth", action="store_true", help="up to 100,000 objects, and kinds")
    parser.add_argument("--million", action="store_true", help="the same, up to 1,000,000")
    options = parser.parse_known_args(arguments)[0]
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as name:
        folder = Path(name)
        if options.growth or options.million:
            last_line("apiserver-growth", growth(folder, million=options.million))
            return
        found: dict[str, Figures] = {}
        if options.alone or missing():
            why = f"not built: {', '.join(missing())}" if missing() else "not asked for"
            print(f"  kube-apiserver is not measured; {why}")
        else:
            with kube(folder / "kube") as side:
                found["kube"] = measure(side)
        with ours(folder / "ours") as side:
            found["ours"] = measure(side)
    last_line("apiserver", report(found))


def growth(folder: Path, *, million: bool) -> dict[str, object]:
    objects = measure_growth(folder / "objects", million=million)
    definitions = measure_definitions(folder / "definitions")
    table(
        [{"": name.replace("_", " "), " ": round(value, 2)} for name, value in definitions.items()]
    )
    print(f"  Budgets: {DEFINITIONS_MIB_MAX:.0f} MiB and {DEFINITIONS_S_MAX:.0f} s of a start.")
    return {"objects": objects, "definitions": definitions}


def report(found: dict[str, Figures]) -> dict[str, object]:
    ratios = {}
    rows = []
    for row in ROWS:
        values = {side: float(getattr(figures, row.name)) for side, figures in found.items()}
        shown: dict[str, object] = {"16 connections": row.words}
        shown |= {side: f"{value:,.1f}" for side, value in values.items()}
        if "kube" in values:
            times = values["ours"] / values["kube"]
            ratios[row.name] = round(times if row.more_is_better else 1 / times, 1)
            shown |= {"times": ratios[row.name], "goal": f"{row.goal:.0f}"}
        rows.append(shown)
    table(rows)
    report_processors(found)
    return {**{side: asdict(figures) for side, figures in found.items()}, "times": ratios}


def report_processors(found: dict[str, Figures]) -> None:
    rows = []
    for name in next(iter(found.values())).server_us:
        shown: dict[str, object] = {"processor, µs a request": name}
        shown |= {side: figures.server_us[name] for side, figures in found.items()}
        if "kube" in found:
            shown["times"] = round(found["kube"].server_us[name] / found["ours"].server_us[name], 1)
        for side, figures in found.items():
            cores = figures.server_cores[name], figures.client_cores[name]
            shown[f"cores of {side}, its client"] = "{}, {}".format(*cores)
        rows.append(shown)
    table(rows)
