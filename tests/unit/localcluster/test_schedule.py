"""Cron expressions."""

from datetime import UTC, datetime

import pytest

from towpath.localcluster.cronjobs import latest_due
from towpath.localcluster.schedule import Schedule, ScheduleInvalid

START = datetime(2026, 3, 4, 10, 17, 30, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("* * * * *", "2026-03-04 10:18", id="every minute"),
        pytest.param("*/15 * * * *", "2026-03-04 10:30", id="every quarter"),
        pytest.param("5,10 9-17 * * *", "2026-03-04 11:05", id="lists and ranges"),
        pytest.param("0 0 * * *", "2026-03-05 00:00", id="midnight"),
        pytest.param("@hourly", "2026-03-04 11:00", id="a macro"),
        pytest.param("30 6 * * MON", "2026-03-09 06:30", id="a named day"),
        pytest.param("0 12 * * 7", "2026-03-08 12:00", id="seven is Sunday too"),
        pytest.param("0 0 1 jan *", "2027-01-01 00:00", id="a named month"),
        pytest.param("0 0 13 * 5", "2026-03-06 00:00", id="date or weekday, as cron does"),
        pytest.param("0 0 29 2 *", "2028-02-29 00:00", id="a leap day"),
        pytest.param("10/20 * * * *", "2026-03-04 10:30", id="a step from a start"),
    ],
)
def test_the_next_time(text: str, expected: str) -> None:
    found = Schedule.parse(text).next_after(START)
    assert found is not None
    assert found.strftime("%Y-%m-%d %H:%M") == expected


def test_a_day_that_never_comes_is_none() -> None:
    assert Schedule.parse("0 0 31 2 *").next_after(START) is None


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "a * * * *", "*/0 * * * *", "5-1 * * * *"]
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ScheduleInvalid):
        Schedule.parse(text)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        pytest.param("2026-03-04 10:16", "2026-03-04 10:17", id="one was due"),
        pytest.param("2026-03-04 10:17", None, id="none is due yet"),
        pytest.param("2025-03-04 10:17", "2026-03-04 10:17", id="after a year only the newest"),
    ],
)
def test_missed_times_are_served_once(last: str, expected: str | None) -> None:
    moment = datetime.strptime(last, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    found = latest_due(Schedule.parse("* * * * *"), moment, START)
    assert (found and found.strftime("%Y-%m-%d %H:%M")) == expected
