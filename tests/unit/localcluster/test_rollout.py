"""The arithmetic of rolling updates."""

import pytest

from towpath.localcluster.rollout import Bounds, Generation, bounds, scale_down, scale_up


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        pytest.param(10, "25%", "25%", Bounds(3, 2), id="surge is rounded up, unavailable down"),
        pytest.param(1, "25%", "25%", Bounds(1, 0), id="one replica surges and is never missing"),
        pytest.param(4, 0, 0, Bounds(0, 1), id="both zero would never move"),
        pytest.param(0, "25%", "25%", Bounds(0, 1), id="no replicas need no bounds"),
        pytest.param(2, 1, 5, Bounds(1, 2), id="no more can be missing than there are"),
        pytest.param(3, "100%", 0, Bounds(3, 0), id="all at once"),
    ],
)
def test_bounds(replicas: int, surge: int | str, unavailable: int | str, expected: Bounds) -> None:
    assert bounds(replicas, surge, unavailable) == expected


def old(name: str, replicas: int, available: int) -> Generation:
    return Generation(name, replicas, available)


@pytest.mark.parametrize(
    ("wanted", "new", "others", "limits", "expected"),
    [
        pytest.param(3, 0, [], Bounds(1, 0), 3, id="without old ones there is room for all"),
        pytest.param(3, 0, [3], Bounds(1, 0), 1, id="the surge is the room"),
        pytest.param(3, 1, [3], Bounds(1, 0), 1, id="no room, no step"),
        pytest.param(3, 1, [2], Bounds(1, 0), 2, id="an old one gone makes room"),
        pytest.param(3, 0, [3], Bounds(0, 1), 0, id="without surge the old must go first"),
        pytest.param(2, 5, [], Bounds(1, 0), 2, id="too many shrink to what is wanted"),
        pytest.param(2, 0, [5], Bounds(1, 0), 0, id="less wanted than old ones: wait"),
    ],
)
def test_scale_up(wanted: int, new: int, others: list[int], limits: Bounds, expected: int) -> None:
    generations = [old(str(index), size, size) for index, size in enumerate(others)]
    assert scale_up(wanted, Generation("new", new, new), generations, limits) == expected


@pytest.mark.parametrize(
    ("wanted", "new", "others", "limits", "expected"),
    [
        pytest.param(
            3, (1, 0), [("a", 3, 3)], Bounds(1, 0), {}, id="nothing goes before the new one serves"
        ),
        pytest.param(
            3, (1, 1), [("a", 3, 3)], Bounds(1, 0), {"a": 2}, id="one that serves frees one"
        ),
        pytest.param(
            3, (0, 0), [("a", 3, 3)], Bounds(0, 1), {"a": 2}, id="one may be missing from the start"
        ),
        pytest.param(
            2,
            (1, 0),
            [("a", 2, 0)],
            Bounds(1, 0),
            {},
            id="unready ones stay while nothing is better",
        ),
        pytest.param(
            2,
            (2, 2),
            [("a", 2, 0)],
            Bounds(1, 0),
            {"a": 0},
            id="unready old ones go when enough serve",
        ),
        pytest.param(
            2,
            (1, 1),
            [("a", 1, 0), ("b", 2, 2)],
            Bounds(1, 0),
            {"a": 0, "b": 1},
            id="what does not serve goes first",
        ),
        pytest.param(
            0, (0, 0), [("a", 2, 2)], Bounds(0, 1), {"a": 0}, id="scaled to nothing, all go"
        ),
    ],
)
def test_scale_down(
    wanted: int,
    new: tuple[int, int],
    others: list[tuple[str, int, int]],
    limits: Bounds,
    expected: dict[str, int],
) -> None:
    generations = [old(*one) for one in others]
    assert scale_down(wanted, Generation("new", *new), generations, limits) == expected


@pytest.mark.parametrize("replicas", [1, 2, 3, 7])
@pytest.mark.parametrize(("surge", "missing"), [(1, 0), (0, 1), ("25%", "25%"), ("100%", 0)])
def test_a_rollout_always_ends_and_never_leaves_its_bounds(
    replicas: int, surge: int | str, missing: int | str
) -> None:
    limits = bounds(replicas, surge, missing)
    new, former = Generation("new", 0, 0), old("old", replicas, replicas)
    for _ in range(4 * replicas + 4):
        size = scale_up(replicas, new, [former], limits)
        new = Generation("new", size, new.available)
        sizes = scale_down(replicas, new, [former], limits)
        left = sizes.get("old", former.replicas)
        former = old("old", left, left)
        assert new.replicas + former.replicas <= replicas + limits.max_surge
        assert new.available + former.available >= replicas - limits.max_unavailable
        new = Generation("new", new.replicas, new.replicas)  # they become ready
    assert (new.available, former.replicas) == (replicas, 0)
