"""Placeholders: files beside the descriptor, and nothing else."""

import pytest

from towpath.capabilities.portal.catalog.placeholders import PlaceholderError, fill_in
from towpath.engines.git.port import File

FILES = {
    "docs/api.yaml": File(b"openapi: 3.1.0\n"),
    "data.json": File(b'{"a": [1]}'),
    "logo.png": File(b"\xff\xfe"),
}

CASES = {
    "a text beside the descriptor": ({"$text": "./api.yaml"}, "openapi: 3.1.0\n"),
    "json above it": ({"$json": "../data.json"}, {"a": [1]}),
    "yaml": ({"$yaml": "api.yaml"}, {"openapi": "3.1.0"}),
    "an api definition stays a text": ({"$openapi": "api.yaml"}, "openapi: 3.1.0\n"),
    "deep inside": ({"a": [{"$text": "api.yaml"}]}, {"a": ["openapi: 3.1.0\n"]}),
    "a key among others is no placeholder": ({"$text": "x", "b": 1}, {"$text": "x", "b": 1}),
}


@pytest.mark.parametrize(("value", "expected"), CASES.values(), ids=CASES.keys())
def test_fills_in(value: object, expected: object) -> None:
    assert fill_in(value, FILES, "docs/catalog-info.yaml") == expected


REFUSED = {
    "a file that is not there": {"$text": "nothing"},
    "a file outside the repository": {"$text": "../../etc/passwd"},
    "an address": {"$text": "https://example.com/x"},
    "a file that is no text": {"$text": "../logo.png"},
    "json that is none": {"$json": "api.yaml"},
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED.keys())
def test_refuses(value: object) -> None:
    with pytest.raises(PlaceholderError):
        fill_in(value, FILES, "docs/catalog-info.yaml")
