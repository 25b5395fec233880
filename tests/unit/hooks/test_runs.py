"""What of a long log is shown where it is told why a run failed."""

from collections.abc import Sequence

from towpath.hooks.runs import FAILURE_LINES, last_words
from towpath.records.contract import LogLine


def lines(texts: Sequence[str]) -> list[LogLine]:
    return [LogLine(number, 0.0, text) for number, text in enumerate(texts, 1)]


def texts(found: Sequence[LogLine]) -> list[str]:
    return [line.text for line in found]


def test_the_end_of_a_log_is_shown() -> None:
    log = [f"line {number}" for number in range(40)]
    assert texts(last_words(lines(log))) == log[-FAILURE_LINES:]
    assert texts(last_words(lines(log[:2]))) == log[:2]
    assert last_words([]) == []


def test_the_test_that_failed_is_named_before_what_it_compared() -> None:
    named = "FAILED tests/test_orders.py::test_total - assert {'a': 1} == {'a': 2}"
    log = ["collected 3 items", named, *(f"  - 'field {number}': 1," for number in range(30))]
    shown = texts(last_words(lines(log)))
    assert shown[0] == named
    assert shown[-1] == log[-1]
    assert len(shown) == FAILURE_LINES


def test_of_many_that_failed_the_last_ones_are_named() -> None:
    log = [*(f"FAILED test_{number}" for number in range(9)), *("x" for _ in range(20))]
    assert texts(last_words(lines(log)))[:4] == [f"FAILED test_{number}" for number in range(5, 9)]
