"""What is kept of facts in memory says after any changes what it says when it is read anew."""

import random

import pytest
from pyroaring import BitMap

from towpath.records.columns import Column, Spellings

VALUES = ("account-api", "Billing", "billing-api", "cart", "api")


def drawn(chance: random.Random, *, several: bool) -> set[tuple[str, int]]:
    count = 2 if several else 1
    return {(value, one) for one in range(40) for value in chance.sample(VALUES, count)}


@pytest.mark.parametrize("several", [False, True], ids=["one value each", "several values"])
def test_a_changed_column_is_as_one_that_is_read(several: bool) -> None:
    chance = random.Random(several)
    rows = drawn(chance, several=several)
    column = Column(sorted(rows))
    assert column.is_single is not several
    for _ in range(200):
        row = (chance.choice(VALUES), chance.randrange(60))
        column.change(*row, came=row not in rows)
        rows ^= {row}
        assert column.containing("api") == BitMap([one for value, one in rows if "api" in value])
    read = Column(sorted(rows))
    assert (column.values, [*column.entities]) == (read.values, [*read.entities])
    assert (column.having, column.is_single) == (read.having, read.is_single)
    assert [*map(column.value, column.having)] == [*map(read.value, read.having)]


@pytest.mark.parametrize("several", [False, True], ids=["one value each", "several values"])
@pytest.mark.parametrize("count", [0, 3, 35], ids=["of none", "of few", "of many"])
def test_values_are_counted_whatever_is_quicker(several: bool, count: int) -> None:
    chance = random.Random(count)
    rows = drawn(chance, several=several)
    chosen = BitMap(chance.sample(range(60), count))
    spellings = Spellings(
        {value: BitMap([one for known, one in rows if known == value]) for value in VALUES}
    )
    counts = {
        value: sum(one in chosen for known, one in rows if known == value) for value in VALUES
    }
    assert spellings.counted(chosen) == [(value, n) for value, n in counts.items() if n]


@pytest.mark.parametrize("several", [False, True], ids=["one value each", "several values"])
def test_changed_spellings_are_as_those_that_are_read(several: bool) -> None:
    chance = random.Random(several)
    rows = drawn(chance, several=several)

    def read() -> dict[str, BitMap]:
        known = {value for value, _ in rows}
        return {one: BitMap([number for value, number in rows if value == one]) for one in known}

    spellings = Spellings(read())
    for _ in range(200):
        row = (chance.choice(VALUES), chance.randrange(60))
        spellings.change(*row, came=row not in rows)
        rows ^= {row}
        chosen = BitMap(chance.sample(range(60), 5))
        assert sorted(spellings.counted(chosen)) == sorted(Spellings(read()).counted(chosen))
    assert spellings.ids == read()
    assert spellings.having == BitMap([number for _, number in rows])
