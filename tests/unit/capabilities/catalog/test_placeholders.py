"""Placeholders: what another file says, and never what must not be read."""

import pytest

from towpath.capabilities.portal.catalog.placeholders import PlaceholderError, fill_in
from towpath.capabilities.portal.catalog.sources.hosted_git import HostedGit
from towpath.capabilities.portal.catalog.sources.place import Places
from towpath.engines.git.port import File, RepositoryName
from towpath.machinery.documents import load_document
from towpath.machinery.objects import CommitSHA

ORDERS = RepositoryName("demo", "orders")
BASE = "towpath-git:demo/orders/docs/catalog-info.yaml"
API = b"""openapi: 3.1.0
paths:
  /a: {$ref: parts/paths.yaml#/a}
  /b: {$ref: "#/paths/~1a"}
components:
  schemas:
    Node: {$ref: parts/node.yaml}
"""
FILES = {
    "docs/api.yaml": File(b"openapi: 3.1.0\n"),
    "docs/split.yaml": File(API),
    "docs/parts/paths.yaml": File(b"a: {get: {schema: {$ref: ./node.yaml}}}\n"),
    "docs/parts/node.yaml": File(b"properties: {next: {$ref: node.yaml}}\n"),
    "docs/lost.yaml": File(b"a: {$ref: parts/node.yaml#/nothing}\n"),
    "data.json": File(b'{"a": [1]}'),
    "logo.png": File(b"\xff\xfe"),
}


def place() -> Places:
    hosted = HostedGit(git=None, may_read=lambda project: project == "demo")  # type: ignore[arg-type]
    hosted.commits[ORDERS] = CommitSHA("c" * 40)
    hosted._files[ORDERS] = FILES
    return Places({"towpath-git": hosted})


CASES = {
    "a text beside the descriptor": ({"$text": "./api.yaml"}, "openapi: 3.1.0\n"),
    "json above it": ({"$json": "../data.json"}, {"a": [1]}),
    "a path from the root": ({"$json": "/data.json"}, {"a": [1]}),
    "yaml": ({"$yaml": "api.yaml"}, {"openapi": "3.1.0"}),
    "an api definition stays a text": ({"$openapi": "api.yaml"}, "openapi: 3.1.0\n"),
    "deep inside": ({"a": [{"$text": "api.yaml"}]}, {"a": ["openapi: 3.1.0\n"]}),
    "a key among others is no placeholder": ({"$text": "x", "b": 1}, {"$text": "x", "b": 1}),
    "an unknown one is left alone": ({"$ref": "#/a"}, {"$ref": "#/a"}),
}


@pytest.mark.parametrize(("value", "expected"), CASES.values(), ids=CASES.keys())
async def test_fills_in(value: object, expected: object) -> None:
    assert await fill_in(value, place(), BASE) == expected


async def test_a_definition_takes_in_the_files_that_it_refers_to() -> None:
    text = await fill_in({"$openapi": "split.yaml"}, place(), BASE)
    assert load_document(text) == {
        "openapi": "3.1.0",
        "paths": {
            "/a": {
                "get": {
                    "schema": {
                        "properties": {"next": {"$ref": "#/paths/~1a/get/schema"}},
                    }
                }
            },
            "/b": {"$ref": "#/paths/~1a"},
        },
        "components": {"schemas": {"Node": {"$ref": "#/paths/~1a/get/schema"}}},
    }


REFUSED = {
    "a file that is not there": {"$text": "nothing"},
    "a file outside the repository": {"$text": "../../etc/passwd"},
    "an address where the web is not read": {"$text": "https://example.com/x"},
    "a file that is no text": {"$text": "../logo.png"},
    "json that is none": {"$json": "api.yaml"},
    "something that is no path": {"$text": 5},
    "a reference that leads to nothing": {"$openapi": "lost.yaml"},
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED.keys())
async def test_refuses(value: object) -> None:
    with pytest.raises(PlaceholderError):
        await fill_in(value, place(), BASE)
