"""What shares a platform stays together, the longest come first, and the figures add up."""

import itertools

import pytest
from tests.spreading import FIRST, TOGETHER, longest_first, scope_of, seconds_of_folders


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("tests/unit/a/test_b.py::test_c[x::y]", "tests/unit/a/test_b.py::test_d", True),
        ("tests/unit/a/test_b.py::test_c", "tests/unit/a/test_c.py::test_c", False),
        ("tests/scenarios/portal/test_a.py::test_c", "tests/scenarios/portal/test_b.py::t", True),
        (
            "tests/scenarios/spine/test_crash.py::t[1]",
            "tests/scenarios/spine/test_crash.py::t[2]",
            False,
        ),
    ],
)
def test_a_file_or_a_folder_with_one_platform_is_told_by_one_process(
    one: str, other: str, together: bool
) -> None:
    assert (scope_of(one) == scope_of(other)) is together


def test_folders_that_are_named_are_there(pytestconfig: pytest.Config) -> None:
    assert [one for one in (*TOGETHER, *FIRST) if not (pytestconfig.rootpath / one).is_dir()] == []


def test_the_order_within_a_file_stays(request: pytest.FixtureRequest) -> None:
    items = list(request.session.items)
    longest_first(items)
    for _, same in itertools.groupby(items, key=lambda item: scope_of(item.nodeid)):
        numbers = [request.session.items.index(item) for item in same]
        assert numbers == sorted(numbers)


def test_seconds_are_those_of_all_phases() -> None:
    reports = [
        pytest.TestReport(f"{file}::test_a", (file, 1, ""), {}, "passed", None, when, duration=2.0)
        for file in ("tests/unit/store/test_a.py", "tests/conformance/test_b.py")
        for when in ("setup", "call")
    ]
    assert seconds_of_folders(reports) == [
        "    4.0 s      1 tests  unit/store",
        "    4.0 s      1 tests  conformance",
    ]
