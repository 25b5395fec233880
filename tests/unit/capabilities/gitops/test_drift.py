"""What is told of a change past Git: the fields with what Git says and what was there."""

from typing import Any

import pytest

from towpath.capabilities.delivery.gitops.reconcile.drift import shown, value_at
from towpath.capabilities.delivery.gitops.state.differences import changed_paths


@pytest.mark.parametrize(
    ("git", "live", "values"),
    [
        pytest.param({"spec": {"replicas": 1}}, {"spec": {"replicas": 3}}, (1, 3), id="a number"),
        pytest.param(
            {"spec": {"env": [{"value": "a"}]}},
            {"spec": {"env": [{"value": "b"}]}},
            ("a", "b"),
            id="an entry of a list",
        ),
        pytest.param(
            {"labels": {"a.example/b.c": "1"}},
            {"labels": {"a.example/b.c": "2"}},
            ("1", "2"),
            id="a name with dots",
        ),
        pytest.param({}, {"data": {"k": "v"}}, (None, {"k": "v"}), id="what Git does not have"),
    ],
)
def test_the_values_at_a_changed_path(git: Any, live: Any, values: tuple[Any, Any]) -> None:
    (path,) = changed_paths(git, live)
    assert (value_at(git, path), value_at(live, path)) == values


def test_a_path_that_is_nowhere_has_no_value() -> None:
    assert value_at({"spec": {"containers": []}}, "spec.containers[0].image") is None


def test_a_long_value_is_cut() -> None:
    assert len(shown("x" * 1000)) < 220
    assert shown(None) == ""
