"""Short texts are read once; long ones are not kept."""

from towpath.machinery.remembering import LENGTH_MAX, remember_short


def test_short_texts_are_read_once_and_long_ones_are_not_kept() -> None:
    seen: list[str] = []

    @remember_short(2)
    def read(text: str) -> int:
        seen.append(text)
        return len(text)

    long = "x" * (LENGTH_MAX + 1)
    assert [read("a"), read("a"), read(long), read(long)] == [1, 1, len(long), len(long)]
    assert seen == ["a", long, long]
