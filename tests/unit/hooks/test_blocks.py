"""Blocks: what comes from outside is of the right types and sizes, and leads nowhere it may not."""

from typing import Any

import pytest

from towpath.hooks.blocks import (
    Block,
    BlocksInvalid,
    Code,
    Facts,
    Link,
    Moment,
    Named,
    State,
    Table,
    Text,
    is_safe_link,
    parse_blocks,
    to_json,
)

EVERY: list[Block] = [
    Text("hello", tone="warn"),
    Facts({"a": 1, "b": None, "c": True, "d": 1.5, "e": Link("x", "/about")}, title="Facts"),
    Table(["A", "B"], [[Named("x", "y"), State("Failed")], [Moment(1.0), "z"]]),
    Code("towpath status"),
]


def test_every_block_comes_through_as_it_was() -> None:
    assert to_json(parse_blocks(to_json(EVERY))) == to_json(EVERY)


def test_one_block_is_a_list_of_one() -> None:
    assert to_json(Text("x")) == [{"type": "text", "text": "x", "tone": ""}]  # type: ignore[arg-type]


NONSENSE: dict[str, Any] = {
    "no list": {"type": "text", "text": "x"},
    "a block of no type": [{"text": "x"}],
    "a block of another type": [{"type": "html", "text": "<script>"}],
    "a tone that is none": [{"type": "text", "text": "x", "tone": "evil"}],
    "text that is a number": [{"type": "text", "text": 1}],
    "too much text": [{"type": "text", "text": "x" * 20_001}],
    "too many blocks": [{"type": "text", "text": "x"}] * 51,
    "too many rows": [{"type": "table", "columns": ["A"], "rows": [["x"]] * 501}],
    "a table without columns": [{"type": "table", "columns": [], "rows": []}],
    "an uneven table": [{"type": "table", "columns": ["A", "B"], "rows": [["x"]]}],
    "a value that is a list": [{"type": "facts", "facts": {"a": ["x"]}}],
    "a value of no type": [{"type": "facts", "facts": {"a": {"html": "x"}}}],
    "a link to a script": [
        {"type": "facts", "facts": {"a": {"type": "link", "text": "x", "href": "javascript:x"}}}
    ],
}


@pytest.mark.parametrize("data", NONSENSE.values(), ids=NONSENSE)
def test_what_is_refused_is(data: Any) -> None:
    with pytest.raises(BlocksInvalid):
        parse_blocks(data)


@pytest.mark.parametrize("href", ["/", "/about#plugins", "https://a.example/x?y=1", "http://a/"])
def test_a_link_leads_to_the_web_or_to_the_portal(href: str) -> None:
    assert is_safe_link(href)


@pytest.mark.parametrize(
    "href",
    [
        "",
        "about",
        "javascript:alert(1)",
        " javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:",
        "https:///x",
        "ftp://a/b",
        "http://[",
        "/a\nb",
    ],
)
def test_no_other_link_is_shown(href: str) -> None:
    assert not is_safe_link(href)
