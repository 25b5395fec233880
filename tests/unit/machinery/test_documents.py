"""YAML: read strictly, written so that every reader sees the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.machinery.dialect import SIZE_MAX
from towpath.machinery.documents import (
    DocumentError,
    as_json,
    dump_document,
    load_document,
    load_documents,
)
from towpath.machinery.nesting import DEPTH_MAX

TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_what_is_written_reads_back(value: object) -> None:
    assert load_document(dump_document({"v": value})) == {"v": value}


@pytest.mark.parametrize(
    "text", ["1e3", "0x10", "010", "1_000", "12:30:00", "y", "on", "null", "~", "1.0", ".5", "true"]
)
def test_a_text_that_looks_like_something_else_is_quoted(text: str) -> None:
    assert dump_document({"v": text}).strip() in (f"v: '{text}'", f'v: "{text}"')


def test_a_timestamp_stays_text_and_empty_documents_are_skipped() -> None:
    assert load_documents("a: 2026-01-01\n---\n---\nb: 2026-01-01T00:00:00Z\n") == [
        {"a": "2026-01-01"},
        {"b": "2026-01-01T00:00:00Z"},
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: 1\na: 2", id="a key twice"),
        pytest.param("a: {b: 1, b: 2}", id="a key twice, deeper"),
        pytest.param("a: [", id="an open bracket"),
        pytest.param("a: !!python/object:os.system {}", id="a foreign tag"),
        pytest.param("\x00", id="a control character"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        load_documents(text)


def test_merge_keys_still_work() -> None:
    text = "base: &base {a: 1}\nb:\n  <<: *base\n  c: 2\n"
    assert load_document(text)["b"] == {"a": 1, "c": 2}


def doubled(first: str, line: str, times: int) -> str:
    """Each anchor holds the one before it several times."""
    lines = [f"a0: &a0 {first}"]
    for number in range(1, times):
        lines.append(f"a{number}: &a{number} " + line.replace("*", f"*a{number - 1}"))
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 100_000, id="open brackets"),
        pytest.param("- " * 100_000 + "1", id="sequences in one line"),
        pytest.param("{a: " * 100_000 + "}" * 100_000, id="mappings in one line"),
        pytest.param("\n".join(" " * n + "-" for n in range(1000)), id="sequences by indentation"),
        pytest.param(
            "\n".join(" " * n + "a:\n" + " " * n + "-" for n in range(150)),
            id="mappings and sequences in turn",
        ),
        pytest.param(
            doubled("{a: 1, b: 2}", "{<<: [" + ",".join(["*"] * 90) + "]}", 20), id="merge keys"
        ),
        pytest.param("a: &a {b: 1}\nc: {<<: [" + "*a," * 1000 + "]}", id="many merge keys"),
        pytest.param("a: " + "1" * 100_000, id="a number without end"),
        pytest.param("- a\n" * 300_000, id="more items than anybody writes"),
        pytest.param("#" * (SIZE_MAX + 1), id="a large comment"),
    ],
)
def test_what_would_cost_more_than_it_is_worth_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        load_documents(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(doubled("[lol]", "[" + ",".join(["*"] * 9) + "]", 12), id="a billion laughs"),
        pytest.param("a: &a\n  b: *a", id="an anchor that contains itself"),
        pytest.param(f"a: &a '{'x' * 100_000}'\nb: [{'*a,' * 1000}]", id="a long text, often"),
        pytest.param("a: .inf", id="infinity"),
        pytest.param("a: !!set {b}", id="a set"),
        pytest.param("? [a, b]\n: c", id="a key that is a list"),
    ],
)
def test_what_json_cannot_have_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        as_json(load_document(text), size=len(text))


def test_a_document_becomes_json_as_kubectl_makes_it() -> None:
    text = "7: a\ntrue: &b [1:30, 2026-01-01, 0x10, 1e3]\nc: *b\nd: 123456789012345678901234567890"
    made = as_json(load_document(text), size=len(text))
    times = ["1:30", "2026-01-01", 16, "1e3"]
    assert made == {"7": "a", "true": times, "c": times, "d": 123456789012345678901234567890.0}
    assert made["c"] is not made["true"]


def test_what_is_deep_but_not_too_deep_is_read() -> None:
    levels = DEPTH_MAX - 1
    assert load_document("a: " + "[" * levels + "]" * levels)
    assert load_document("a: '" + "[" * 100_000 + "'")
    assert load_document(json.dumps({"a": "  - [" * 1000}))
