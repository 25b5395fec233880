"""When a job starts pods, and when it has ended."""

import pytest

from towpath.localcluster.jobs import Count, missing, outcome_of
from towpath.machinery.objects import RawObject


@pytest.mark.parametrize(
    ("spec", "count", "expected"),
    [
        pytest.param(
            {"completions": 3, "parallelism": 2}, Count(0, 0, 0, 0), 2, id="as parallel as allowed"
        ),
        pytest.param(
            {"completions": 3, "parallelism": 2},
            Count(0, 0, 2, 0),
            1,
            id="never more than are missing",
        ),
        pytest.param({"completions": 1}, Count(1, 1, 0, 5), 0, id="one is at work"),
        pytest.param({"parallelism": 3}, Count(1, 1, 0, 0), 2, id="a work queue fills up"),
        pytest.param(
            {"parallelism": 3}, Count(2, 2, 1, 0), 0, id="a work queue that has succeeded runs out"
        ),
        pytest.param(
            {"completions": 5, "parallelism": 1}, Count(3, 3, 0, 0), -2, id="too many are let go"
        ),
    ],
)
def test_missing(spec: RawObject, count: Count, expected: int) -> None:
    assert missing(spec, count) == expected


@pytest.mark.parametrize(
    ("spec", "count", "waited_s", "expected"),
    [
        pytest.param({"completions": 2}, Count(0, 0, 1, 0), 0.0, None, id="one more to come"),
        pytest.param(
            {"completions": 2}, Count(0, 0, 2, 0), 0.0, "CompletionsReached", id="complete"
        ),
        pytest.param(
            {"completions": 1}, Count(0, 0, 0, 6), 0.0, None, id="the limit itself is allowed"
        ),
        pytest.param(
            {"completions": 1},
            Count(0, 0, 0, 7),
            0.0,
            "BackoffLimitExceeded",
            id="failed too often",
        ),
        pytest.param(
            {"completions": 1, "backoffLimit": 0},
            Count(0, 0, 0, 1),
            0.0,
            "BackoffLimitExceeded",
            id="no second try",
        ),
        pytest.param(
            {"completions": 1, "activeDeadlineSeconds": 5},
            Count(1, 1, 0, 0),
            5.0,
            "DeadlineExceeded",
            id="too late",
        ),
        pytest.param({}, Count(1, 1, 1, 0), 0.0, None, id="a work queue waits for its last worker"),
        pytest.param(
            {}, Count(0, 0, 1, 0), 0.0, "CompletionsReached", id="a work queue that is empty"
        ),
    ],
)
def test_outcome(spec: RawObject, count: Count, waited_s: float, expected: str | None) -> None:
    outcome = outcome_of(spec, count, waited_s)
    assert (outcome and outcome.reason) == expected
