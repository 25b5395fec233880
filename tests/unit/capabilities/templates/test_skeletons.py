"""Skeletons: names and contents are templates, and no name leaves the workspace."""

import pytest

from towpath.capabilities.portal.templates.expressions import Dialect
from towpath.capabilities.portal.templates.skeleton import (
    SkeletonError,
    SkeletonOptions,
    render_skeleton,
)
from towpath.engines.git.port import File
from towpath.machinery.globs import Globs

VALUES = {"name": "a", "empty": "", "deep": "x/y", "up": "..", "root": "/etc", "yes": True}

CASES: dict[str, tuple[dict[str, str], SkeletonOptions, dict[str, str]]] = {
    "contents and names are rendered": (
        {"src/${{ values.name }}.txt": "I am ${{ values.name }}"},
        SkeletonOptions(),
        {"src/a.txt": "I am a"},
    ),
    "an empty name drops the file": (
        {"${{ values.empty }}": "x", "d/${{ values.empty }}/f": "x", "kept": "x"},
        SkeletonOptions(),
        {"kept": "x"},
    ),
    "a name that holds for some values only": (
        {"${{ 'Dockerfile' if values.yes }}": "x", "${{ 'no' if not values.yes }}": "x"},
        SkeletonOptions(),
        {"Dockerfile": "x"},
    ),
    "a value with a slash makes folders": (
        {"${{ values.deep }}.md": "x"},
        SkeletonOptions(),
        {"x/y.md": "x"},
    ),
    "an absolute value has an empty part and is dropped": (
        {"${{ values.root }}": "x"},
        SkeletonOptions(),
        {},
    ),
    "copied files keep their content, and their names are rendered": (
        {"t/${{ values.name }}.hbs": "${{ x }}", "u/b.hbs": "${{ values.name }}"},
        SkeletonOptions(copy_only=["t"]),
        {"t/a.hbs": "${{ x }}", "u/b.hbs": "a"},
    ),
    "only files with the extension are rendered, and lose it": (
        {"a.yaml.njk": "${{ values.name }}", "b.yaml": "${{ x }}", ".njk": "${{ x }}"},
        SkeletonOptions(extension=".njk"),
        {"a.yaml": "a", "b.yaml": "${{ x }}", ".njk": "${{ x }}"},
    ),
    "cookiecutter has its own tags and root": (
        {"{{ cookiecutter.name }}": "{{ cookiecutter.name | jsonify }}"},
        SkeletonOptions(dialect=Dialect(cookiecutter=True)),
        {"a": '"a"'},
    ),
}


@pytest.mark.parametrize(("files", "options", "expected"), CASES.values(), ids=CASES.keys())
def test_renders(files: dict[str, str], options: SkeletonOptions, expected: dict[str, str]) -> None:
    given = {path: File(text.encode()) for path, text in files.items()}
    rendered = render_skeleton(given, VALUES, options)
    assert {path: file.content.decode() for path, file in rendered.items()} == expected


def test_binary_files_and_modes_pass_unchanged() -> None:
    files = {"logo.png": File(b"\x89PNG\0${{ values.name }}"), "run": File(b"x", executable=True)}
    assert render_skeleton(files, VALUES, SkeletonOptions()) == files


REFUSED = {
    "a name that climbs out": {"${{ values.up }}/x": "x"},
    "a name inside Git's folder": {".git/hooks/${{ values.name }}": "x"},
    "a content that cannot be rendered": {"f": "${{ values.name | }}"},
}


@pytest.mark.parametrize("files", REFUSED.values(), ids=REFUSED.keys())
def test_refuses(files: dict[str, str]) -> None:
    given = {path: File(text.encode()) for path, text in files.items()}
    with pytest.raises(SkeletonError):
        render_skeleton(given, VALUES, SkeletonOptions())


GLOBS = {
    "a star stays within a folder": ("*.hbs", ["a.hbs"], ["d/a.hbs"]),
    "two stars cross folders": ("**/*.hbs", ["a.hbs", "d/e/a.hbs"], ["a.txt"]),
    "a folder covers what is in it": ("docs", ["docs/a", "docs/b/c"], ["docs2/a"]),
    "a folder with all below": ("docs/**", ["docs/a", "docs/b/c"], ["doc"]),
    "choices": ("a.{js,ts}", ["a.js", "a.ts"], ["a.py"]),
    "dots are no wild cards": ("a.b", ["a.b"], ["axb"]),
}


@pytest.mark.parametrize(("pattern", "matching", "others"), GLOBS.values(), ids=GLOBS.keys())
def test_globs(pattern: str, matching: list[str], others: list[str]) -> None:
    globs = Globs([pattern])
    assert [path for path in [*matching, *others] if globs.match(path)] == matching
