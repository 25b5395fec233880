"""How tests are spread over processes (`-n`), and where their time went.

A file is told by one process, so that what its tests share is made once; so is a folder that shares
a platform. What takes longest is begun first, and the many short ones fill up the end.
"""

import os
from collections import defaultdict
from collections.abc import Iterable

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

TOGETHER = ("tests/browser/looks/", "tests/scenarios/portal/")
"""Folders whose platform is shared by all their files."""

APART = ("tests/scenarios/spine/test_crash",)
"""Files whose tests are long and share almost nothing."""

FIRST = (
    "tests/browser/looks/",
    "tests/scenarios/",
    "tests/browser/",
    "tests/contract/",
    "tests/conformance/",
)
"""The longest first; what is not named comes last."""


class Spreading(LoadScopeScheduling):
    """Gives every process the next file, folder or long test when it has nothing left to do."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """What is never spread over two processes."""
    if nodeid.startswith(APART):
        return nodeid
    for folder in TOGETHER:
        if nodeid.startswith(folder):
            return folder
    return nodeid.partition("::")[0]


def longest_first(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        for number, folder in enumerate(FIRST):
            if item.nodeid.startswith(folder):
                return number
        return len(FIRST)

    items.sort(key=place)


def seconds_of_folders(reports: Iterable[pytest.TestReport]) -> list[str]:
    """A line for each folder of the second floor: its tests, and what they took together."""
    seconds: dict[str, float] = defaultdict(float)
    tests: dict[str, int] = defaultdict(int)
    for report in reports:
        folder = "/".join(report.nodeid.partition("::")[0].split("/")[1:-1][:2])
        seconds[folder] += report.duration
        tests[folder] += report.when == "call"
    ordered = sorted(seconds, key=lambda folder: -seconds[folder])
    return [f"{seconds[one]:7.1f} s  {tests[one]:5} tests  {one}" for one in ordered]
