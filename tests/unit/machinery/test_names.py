from typing import Any

import pytest

from towpath.machinery.names import (
    check_metadata,
    check_metadata_update,
    label_errors,
    label_value_errors,
    qualified_name_errors,
    subdomain_errors,
)


@pytest.mark.parametrize("name", ["a", "a-1", "0", "a" * 63])
def test_labels(name: str) -> None:
    assert label_errors(name) == []


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a_b", "a" * 64, "a\n"])
def test_no_labels(name: str) -> None:
    assert label_errors(name)


def test_words_are_those_of_kubernetes() -> None:
    assert label_errors("a.b") == ["must not contain dots"]
    assert subdomain_errors("A") == [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
        "or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "
        r"used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    ]


def test_keys_and_values_of_labels() -> None:
    assert qualified_name_errors("towpath.dev/Project_1") == []
    for key in ("", "/a", "a/b/c", "A/b", "a/", "a b", "x" * 64):
        assert qualified_name_errors(key), key
    assert label_value_errors("") == []
    assert label_value_errors("a/b")


@pytest.mark.parametrize(
    ("metadata", "fields"),
    [
        pytest.param({"name": "a", "namespace": "n"}, [], id="all is well"),
        pytest.param({"namespace": "n"}, ["metadata.name"], id="no name"),
        pytest.param({"name": "A", "namespace": "n"}, ["metadata.name"], id="capitals"),
        pytest.param({"name": "a"}, ["metadata.namespace"], id="no namespace"),
        pytest.param(
            {"name": "a", "namespace": "n", "labels": {"x y": "1", "k": "a b"}},
            ["metadata.labels", "metadata.labels"],
            id="labels",
        ),
        pytest.param(
            {"name": "a", "namespace": "n", "annotations": {"K": "any thing"}},
            [],
            id="annotations may say anything",
        ),
        pytest.param(
            {"name": "a", "namespace": "n", "ownerReferences": [{"kind": "K", "name": "o"}]},
            ["metadata.ownerReferences.apiVersion", "metadata.ownerReferences.uid"],
            id="an owner without identity",
        ),
    ],
)
def test_metadata(metadata: dict[str, Any], fields: list[str]) -> None:
    causes = check_metadata({"metadata": metadata}, namespaced=True)
    assert [cause.field for cause in causes] == fields


def test_what_never_changes() -> None:
    old = {"metadata": {"name": "a", "uid": "1", "deletionTimestamp": "t", "finalizers": ["x/y"]}}
    new = {"metadata": {"name": "a", "uid": "2", "finalizers": ["x/y", "x/z"]}}
    fields = [cause.field for cause in check_metadata_update(new, old)]
    assert fields == ["metadata.finalizers", "metadata.uid"]
