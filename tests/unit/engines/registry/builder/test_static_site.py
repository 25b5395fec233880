"""Which files a static site's image has."""

import zlib
from pathlib import Path

import pytest

from towpath.engines.registry.builder.static_site import site_entries, site_files
from towpath.engines.registry.port import ImageError


def write(folder: Path, *paths: str, content: str = "x") -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder


def addresses(folder: Path) -> list[str]:
    return [address for address, _ in site_files(folder)]


def test_of_a_repository_with_public_only_that_is_the_site(tmp_path: Path) -> None:
    write(tmp_path, "public/index.html", "public/.well-known/x", "README.md", "score.yaml")
    assert addresses(tmp_path) == [".well-known/x", "index.html"]


def test_of_a_bare_folder_what_is_about_the_site_stays_out(tmp_path: Path) -> None:
    write(tmp_path, "index.html", "a/b.css", "score.yaml", "catalog-info.yaml", "Dockerfile")
    write(tmp_path, ".github/workflows/ci.yaml", "a/.secret", ".well-known/security.txt")
    assert addresses(tmp_path) == [".well-known/security.txt", "a/b.css", "index.html"]


def test_a_link_is_followed_within_the_site_and_refused_out_of_it(tmp_path: Path) -> None:
    write(tmp_path, "public/index.html", "secret")
    (tmp_path / "public/home.html").symlink_to("index.html")
    assert addresses(tmp_path) == ["home.html", "index.html"]
    (tmp_path / "public/x").symlink_to("../secret")
    with pytest.raises(ImageError, match="outside the site"):
        addresses(tmp_path)


def test_text_is_there_compressed_too_where_that_is_smaller(tmp_path: Path) -> None:
    write(tmp_path, "public/long.css", "public/own.js", "public/own.js.gz", content="a" * 999)
    write(tmp_path, "public/short.css")
    entries = {entry.path: entry.content for entry in site_entries(tmp_path)}
    assert sorted(path for path in entries if path.startswith("app/public/")) == [
        "app/public/long.css",
        "app/public/long.css.gz",
        "app/public/own.js",
        "app/public/own.js.gz",
        "app/public/short.css",
    ]
    packed = entries["app/public/long.css.gz"]
    assert isinstance(packed, bytes)
    assert zlib.decompress(packed, 31) == b"a" * 999
