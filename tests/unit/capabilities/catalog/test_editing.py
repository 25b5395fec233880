"""One document of a descriptor file is changed, and the rest stays as people wrote it."""

import pytest

from towpath.capabilities.portal.catalog.editing import (
    EditError,
    document_of,
    pieces,
    with_document,
    with_owner,
)
from towpath.machinery.documents import load_documents

FILE = """# What we have
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: orders
  description: "--- not a break"
spec:
  # who to call
  type: service
  lifecycle: production
  owner: team-a  # since May
  providesApis: [orders]
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: orders}
spec: {type: openapi, lifecycle: production, owner: team-a, definition: {$text: ./a.yaml}}
--- # the last
apiVersion: backstage.io/v1alpha1
kind: System
metadata:
  name: shop
spec:
  domain: sales
"""


def test_the_pieces_are_the_file() -> None:
    assert "".join(pieces(FILE)) == FILE
    assert len(pieces(FILE)) == 3
    assert "".join(pieces(f"---\n{FILE}")) == f"---\n{FILE}"


def test_an_owner_is_a_line_of_its_document() -> None:
    changed = with_owner(FILE, "component:default/orders", "group:default/team-b")
    assert changed == FILE.replace("owner: team-a  #", "owner: group:default/team-b  #")


def test_an_owner_is_put_where_none_was() -> None:
    changed = with_owner(FILE, "system:default/shop", "team-b")
    assert changed == FILE.replace("spec:\n  domain", "spec:\n  owner: team-b\n  domain")


def test_what_is_written_in_one_line_is_written_anew() -> None:
    changed = with_owner(FILE, "API:default/Orders", "team-b")
    assert pieces(changed)[0] == pieces(FILE)[0]
    assert pieces(changed)[2] == pieces(FILE)[2]
    documents = load_documents(changed)
    assert documents[1]["spec"]["owner"] == "team-b"
    assert documents[1]["spec"]["definition"] == {"$text": "./a.yaml"}


def test_a_document_comes_back_where_it_was() -> None:
    piece = document_of(FILE, "api:default/orders")
    assert piece is not None
    without = with_document(FILE, "api:default/orders", None)
    assert [one["kind"] for one in load_documents(without)] == ["Component", "System"]
    back = with_document(without, "api:default/orders", piece)
    assert [one["kind"] for one in load_documents(back)] == ["Component", "System", "API"]
    changed = with_owner(FILE, "component:default/orders", "x")
    first = document_of(FILE, "component:default/orders")
    assert with_document(changed, "component:default/orders", first) == FILE


def test_what_the_file_does_not_describe_is_told() -> None:
    with pytest.raises(EditError):
        with_owner(FILE, "component:default/other", "x")
    with pytest.raises(EditError):
        with_document(FILE, "component:default/other", None)
