"""Differences between documents, and the patch between two."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.capabilities.delivery.gitops.state.differences import (
    changed_paths,
    comparable,
    ignored_pointers,
    merge_patch_between,
)


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="equal"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b"], id="a deep value"),
        pytest.param({"a": 1}, {}, ["a"], id="one less"),
        pytest.param({"a": [1, 2]}, {"a": [1, 3]}, ["a[1]"], id="an item of a list"),
        pytest.param({"a": [1]}, {"a": [1, 2]}, ["a"], id="a longer list"),
        pytest.param({"a": 1, "b": 1}, {"a": 2, "b": 2}, ["a", "b"], id="in order of names"),
    ],
)
def test_changed_paths(old: Any, new: Any, paths: list[str]) -> None:
    assert changed_paths(old, new) == paths


def test_status_and_bookkeeping_are_not_compared() -> None:
    obj = {
        "kind": "A",
        "metadata": {"name": "a", "resourceVersion": "1", "managedFields": [], "labels": {}},
        "spec": {"a": 1, "b": [{"c": 1}]},
        "status": {"x": 1},
    }
    assert comparable(obj, ["/spec/b/0/c", "/spec/nothing/here"]) == {
        "kind": "A",
        "metadata": {"name": "a", "labels": {}},
        "spec": {"a": 1, "b": [{}]},
    }
    assert obj["spec"] == {"a": 1, "b": [{"c": 1}]}, "the object itself stays as it is"


def test_ignored_differences_are_chosen_by_group_kind_and_name() -> None:
    spec = {
        "ignoreDifferences": [
            {"group": "apps", "kind": "Deployment", "jsonPointers": ["/a"]},
            {"group": "apps", "kind": "Deployment", "name": "other", "jsonPointers": ["/b"]},
            {"group": "*", "kind": "*", "jsonPointers": ["/c"]},
        ]
    }
    assert ignored_pointers(spec, "apps", "Deployment", "mine") == ["/a", "/c"]
    assert ignored_pointers(spec, "", "Service", "mine") == ["/c"]


VALUES = st.recursive(
    st.integers() | st.text(max_size=3) | st.booleans(),
    lambda inner: (
        st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.lists(inner, max_size=3)
    ),
    max_leaves=10,
)
DOCUMENTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)


def merged(document: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@given(DOCUMENTS, DOCUMENTS)
def test_the_patch_turns_the_old_document_into_the_new_one(old: Any, new: Any) -> None:
    assert merged(old, merge_patch_between(old, new)) == new


@given(DOCUMENTS)
def test_equal_documents_need_no_patch(document: Any) -> None:
    assert merge_patch_between(document, document) == {}
