"""Ordered keys are what a sorted list is, whatever was added and removed before."""

from bisect import insort

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from towpath.store import keys as ordered
from towpath.store.keys import OrderedKeys

PARTS = st.text(alphabet="ab/", max_size=4)
KEYS = PARTS.filter(bool)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few keys are many pieces."""
    monkeypatch.setattr(ordered, "PIECE_MAX", 4)


class AgainstASortedList(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.keys = OrderedKeys()
        self.model: list[str] = []

    @rule(key=KEYS)
    def change(self, key: str) -> None:
        if key in self.model:
            self.model.remove(key)
            self.keys.remove(key)
        else:
            insort(self.model, key)
            self.keys.add(key)

    @rule(keys=st.sets(KEYS))
    def begin_with(self, keys: set[str]) -> None:
        self.keys, self.model = OrderedKeys.of(keys), sorted(keys)

    @rule(prefix=PARTS, after=PARTS, limit=st.integers(0, 5))
    def look(self, prefix: str, after: str, limit: int) -> None:
        expected = [key for key in self.model if key.startswith(prefix) and key > after]
        assert self.keys.count(prefix, after) == len(expected)
        assert self.keys.between(prefix, after, limit) == expected[: limit or None]

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.keys.between() == self.model
        assert bool(self.keys) == bool(self.model)


@pytest.mark.usefixtures("small_pieces")
class TestOrderedKeys(AgainstASortedList.TestCase):
    settings = settings(max_examples=25, stateful_step_count=50, deadline=None)
