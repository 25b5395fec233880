"""`--8<--`: brings in what lies beside the docs, and nothing from anywhere else."""

import pytest

from towpath.capabilities.portal.docs.snippets import SNIPPETS_MAX, with_snippets

FILES = {"parts/a.md": b"Part A\n", "self.md": b'--8<-- "self.md"\n', "docs/x.md": b"X\n"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('--8<-- "parts/a.md"', "Part A\n"),
        ('    --8<-- "parts/a.md"', "    Part A\n"),
        ("--8<--\nparts/a.md\ndocs/x.md\n--8<--\nend", "Part A\nX\nend\n"),
        ('```\n--8<-- "parts/a.md"\n```', "```\nPart A\n```\n"),
        ("no snippet", "no snippet"),
    ],
)
def test_files_of_the_folder_are_brought_in(text: str, wanted: str) -> None:
    assert with_snippets(text, FILES) == wanted


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../secrets.md", "parts/../../x", "https://evil.example/x.md"]
)
def test_what_lies_outside_is_refused_by_name(path: str) -> None:
    shown = with_snippets(f'--8<-- "{path}"', FILES)
    assert shown == f"*(the snippet {path} lies outside the folder of the docs and is not read)*\n"


def test_a_snippet_that_brings_in_itself_ends() -> None:
    assert "one too many" in with_snippets('--8<-- "self.md"', FILES)


def test_a_page_brings_in_so_many_and_no_more() -> None:
    shown = with_snippets('--8<-- "parts/a.md"\n' * (SNIPPETS_MAX + 1), FILES)
    assert shown.count("Part A") == SNIPPETS_MAX
