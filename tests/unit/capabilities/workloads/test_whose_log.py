"""Whose log the Logs tab begins with: what is not well, before what is."""

import pytest

from towpath.capabilities.delivery.workloads.lanes import Lane
from towpath.capabilities.delivery.workloads.reading import telling


def lane(name: str, release: str = "shop-1", health: str = "Healthy", unwell: str = "") -> Lane:
    return Lane(name, "local", "auto", release, health=health, moving={"unwell": unwell})


@pytest.mark.parametrize(
    ("lanes", "expected"),
    [
        pytest.param([], "", id="no environment"),
        pytest.param([lane("staging", "", "")], "", id="nothing runs"),
        pytest.param([lane("staging"), lane("production")], "staging", id="all are well"),
        pytest.param(
            [lane("staging"), lane("production", health="Progressing")], "production", id="not well"
        ),
        pytest.param(
            [lane("staging", health="Degraded"), lane("production", health="Progressing")],
            "staging",
            id="the sickest",
        ),
        pytest.param(
            [lane("staging"), lane("production", "", "Progressing", unwell="yes")],
            "production",
            id="the first one there does not come up",
        ),
    ],
)
def test_what_is_not_well_is_looked_at_first(lanes: list[Lane], expected: str) -> None:
    assert telling(lanes) == expected
