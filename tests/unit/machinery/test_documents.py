"""YAML: read strictly, written so that every reader sees the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.machinery.documents import (
    DocumentError,
    dump_document,
    load_document,
    load_documents,
)

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
