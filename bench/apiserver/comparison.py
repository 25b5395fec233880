"""Runs the measures on each side, and shows them beside each other."""


import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.engines.kube import missing

from bench.apiserver.measures import Figures, measure
from bench.apiserver.sides import kube, ours
from bench.report import last_line, table

ROWS = (
    ("ready_s", "ready after s", "sooner", 10.0),
    ("create_per_s", "durable create/s", "more", 3.0),
    ("get_per_s", "GET/s", "more", 6.0),
    ("list_ms", "LIST of 10,000, ms", "sooner", 10.0),
    ("merge_patch_per_s", "merge patch/s", "more", 3.0),
    ("apply_per_s", "server-side apply/s", "more", 3.0),
    ("watch_p50_ms", "create to event p50 ms", "sooner", 1.0),
    ("watch_p99_ms", "create to event p99 ms", "sooner", 1.0),
    ("memory_mib", "resident MiB", "sooner", 8.0),
)


def compare(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench apiserver")
    parser.add_argument("--alone", action="store_true", help="measure ours only")
    options = parser.parse_known_args(arguments)[0]
    found: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as name:
        folder = Path(name)
        if options.alone or missing():
            print(f"  without the real one: {missing() or 'not asked for'}")
        else:
            with kube(folder / "kube") as side:
                found["kube"] = measure(side)
        with ours(folder / "ours") as side:
            found["ours"] = measure(side)
    report(found)


def report(found: dict[str, Figures]) -> None:
    ratios: dict[str, float] = {}
    rows = []
    for name, words, better, goal in ROWS:
        values = {side: getattr(figures, name) for side, figures in found.items()}
        row: dict[str, object] = {"c=16": words}
        row |= {side: f"{value:,.1f}" for side, value in values.items()}
        if "kube" in values:
            mine, theirs = values["ours"], values["kube"]
            ratios[name] = round(mine / theirs if better == "more" else theirs / mine, 1)
            row |= {"times": ratios[name], "goal": goal}
        rows.append(row)
    table(rows)
    for side, figures in found.items():
        print(f"  {side}: cores of the client {figures.client_cores}, of the server {figures.server_cores}")
    last_line("apiserver", {**{s: asdict(f) for s, f in found.items()}, "times": ratios})
