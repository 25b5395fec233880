"""Image references, as Docker reads them."""

import pytest

from towpath.engines.registry.port import ImageInvalid
from towpath.engines.registry.references import ImageReference, parse_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python", ImageReference("docker.io", "library/python", "latest")),
        ("python:3.12-slim", ImageReference("docker.io", "library/python", "3.12-slim")),
        ("org/app", ImageReference("docker.io", "org/app", "latest")),
        ("localhost:8080/demo/app:v1", ImageReference("localhost:8080", "demo/app", "v1")),
        (f"ghcr.io/a/b/c@{DIGEST}", ImageReference("ghcr.io", "a/b/c", "", DIGEST)),
        (f"ghcr.io/a/b:t@{DIGEST}", ImageReference("ghcr.io", "a/b", "t", DIGEST)),
    ],
)
def test_references(text: str, expected: ImageReference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "Upper/case", "a b", "host.io/", "x@sha256:12", "host.io/../x", "-x.io/a\n", "a:b:c"],
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(ImageInvalid):
        parse_reference(text)


def test_it_is_written_as_it_was_read() -> None:
    text = f"ghcr.io/a/b:t@{DIGEST}"
    assert str(parse_reference(text)) == text
