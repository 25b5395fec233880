"""The checker finds what is wrong, and the server's histories have nothing of it."""

from pathlib import Path

import pytest

from tests.durability.histories import (
    Change,
    Listing,
    Operation,
    is_linearizable,
    unexplained,
    wrong_lists,
    wrong_order,
)
from tests.durability.linearizing import run


def did(
    began: float, ended: float, kind: str, answer: str = "ok", revision: int = 0, **more: object
) -> Operation:
    return Operation(began, ended, "a", kind, answer, revision, **more)  # type: ignore[arg-type]


CREATED = did(0, 1, "create", revision=1, value="x")
UPDATED = did(2, 3, "update", revision=2, value="y", expected=1)


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([CREATED, UPDATED, did(4, 5, "get", revision=2, value="y")], id="in turn"),
        pytest.param(
            [CREATED, UPDATED, did(2, 3, "get", revision=1, value="x")], id="a read during a write"
        ),
        pytest.param(
            [CREATED, did(0, 1, "create", "conflict"), did(0, 1, "get", "absent")],
            id="before and after a creation",
        ),
        pytest.param(
            [
                CREATED,
                did(2, 9, "delete"),
                did(3, 4, "get", revision=1, value="x"),
                did(5, 6, "get", "absent"),
                did(7, 8, "create", revision=3, value="z"),
            ],
            id="a long deletion",
        ),
        pytest.param(
            [CREATED, UPDATED, did(2, 4, "update", "conflict", expected=1)], id="a lost race"
        ),
    ],
)
def test_what_one_order_explains_is_fine(history: list[Operation]) -> None:
    assert is_linearizable(history)


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(
            [CREATED, UPDATED, did(4, 5, "get", revision=1, value="x")], id="a stale read"
        ),
        pytest.param([CREATED, did(2, 3, "get", "absent")], id="a lost creation"),
        pytest.param(
            [CREATED, UPDATED, did(2, 3, "update", revision=3, value="z", expected=1)],
            id="two writes of one revision",
        ),
        pytest.param([CREATED, did(2, 3, "create", revision=2, value="y")], id="created twice"),
        pytest.param(
            [CREATED, did(2, 3, "delete"), did(4, 5, "get", revision=1, value="x")],
            id="a deletion undone",
        ),
        pytest.param(
            [
                CREATED,
                did(2, 9, "update", revision=2, value="y", expected=1),
                did(3, 4, "get", revision=2, value="y"),
                did(5, 6, "get", revision=1, value="x"),
            ],
            id="a new value and then the old one",
        ),
        pytest.param(
            [CREATED, did(2, 3, "update", "conflict", expected=1)], id="a conflict with nobody"
        ),
    ],
)
def test_what_no_order_explains_is_found(history: list[Operation]) -> None:
    assert not is_linearizable(history)


def test_lists_show_one_moment_and_no_old_one() -> None:
    changes = [Change(1, "a", "x", False), Change(2, "b", "y", False), Change(3, "a", "x", True)]
    good = Listing(0, 1, 2, {"a": (1, "x"), "b": (2, "y")})
    assert wrong_lists([good], changes, []) == []
    torn = Listing(0, 1, 2, {"b": (2, "y")})
    assert wrong_lists([torn], changes, [])
    old = Listing(4, 5, 1, {"a": (1, "x")})
    assert wrong_lists([old], changes, [did(2, 3, "create", revision=2, value="y")])


def test_revisions_follow_the_order_of_answers() -> None:
    changes = [Change(1, "a", "x", False), Change(2, "a", "y", False)]
    assert wrong_order([CREATED, UPDATED], changes) == []
    late = did(4, 5, "update", revision=1, value="x", expected=2)
    assert wrong_order([UPDATED, late], changes)
    assert wrong_order([CREATED, UPDATED], changes[:1])


async def test_one_order_explains_what_many_clients_were_answered(tmp_path: Path) -> None:
    history = await run(tmp_path, seconds=3, clients=8, seed=20261121)
    history.check()
    stale = next(one for one in history.operations if one.kind == "get" and one.answer == "ok")
    assert unexplained([*history.operations, Operation(0, 0.1, stale.key, "get", "ok", 10**9)])
