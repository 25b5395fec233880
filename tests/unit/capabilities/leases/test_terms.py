"""When somebody is warned, and when a lease is over."""

from datetime import UTC, datetime, timedelta

import pytest

from towpath.capabilities.governance.leases.terms import (
    Warned,
    due_warning,
    may_reclaim,
    next_look,
    warnings_of,
)
from towpath.hooks.leases import WARNED, BadLease, length, moment, until, written

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("kept", "before"),
    [
        pytest.param(timedelta(days=30), (7 * 24, 24, 1), id="a month"),
        pytest.param(timedelta(days=7), (24, 1), id="a week: not when it has just begun"),
        pytest.param(timedelta(days=1), (1,), id="a day"),
        pytest.param(timedelta(hours=1), (0.5,), id="an hour: when half is over"),
    ],
)
def test_warnings_come_when_they_make_sense(kept: timedelta, before: tuple[float, ...]) -> None:
    end = BEGUN + kept
    found = tuple((end - when) / timedelta(hours=1) for when in warnings_of(BEGUN, end))
    assert found == before


def test_one_looks_again_when_something_is_due() -> None:
    end = BEGUN + timedelta(days=7)
    assert due_warning(BEGUN, end, BEGUN) == 0
    assert next_look(BEGUN, end, BEGUN) == timedelta(days=6).total_seconds()
    assert due_warning(BEGUN, end, end - timedelta(hours=2)) == 1
    assert due_warning(BEGUN, end, end) == 2


@pytest.mark.parametrize(
    ("warned", "expected"),
    [
        pytest.param(None, False, id="nobody was warned"),
        pytest.param(Warned(BEGUN, BEGUN - timedelta(hours=1)), True, id="warned long ago"),
        pytest.param(Warned(BEGUN, BEGUN - timedelta(minutes=1)), False, id="warned just now"),
        pytest.param(
            Warned(BEGUN - timedelta(days=1), BEGUN - timedelta(days=2)), False, id="of another end"
        ),
        pytest.param(Warned(BEGUN, BEGUN + timedelta(days=9)), False, id="the clock went back"),
    ],
)
def test_nothing_goes_of_which_nobody_was_warned(warned: Warned | None, expected: bool) -> None:
    assert may_reclaim(warned, BEGUN, BEGUN, MINUTES) is expected


def test_what_was_warned_of_is_written_down() -> None:
    warned = Warned(BEGUN, BEGUN - MINUTES)
    obj = {"metadata": {"annotations": {WARNED: warned.text()}}}
    assert Warned.of(obj) == warned
    assert Warned.of({"metadata": {"annotations": {WARNED: "nonsense"}}}) is None


def test_times_and_lengths_as_people_write_them() -> None:
    assert length("7d") == timedelta(days=7)
    assert length("1h30m") == timedelta(minutes=90)
    assert until("24h", now=BEGUN) == "2026-01-02T00:00:00Z"
    assert moment("2026-01-01T01:00:00+01:00") == BEGUN
    assert written(BEGUN) == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("text", ["", "soon", "-1h", "0s", "7w", "9" * 30 + "d"])
def test_no_length_is_refused(text: str) -> None:
    with pytest.raises(BadLease):
        length(text)


@pytest.mark.parametrize("text", ["tomorrow", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z"])
def test_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadLease):
        moment(text)


def test_a_bound_is_told() -> None:
    with pytest.raises(BadLease, match="48h at most"):
        until("7d", longest="48h")
