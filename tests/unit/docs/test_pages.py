"""The pages agree with the code: generated parts, kinds, commands, links, the nav, fragments."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs import commands, generate, hooks, house, reads, schemas

from towpath.app.capabilities import BUILT_IN

ROOT = Path(__file__).parent.parent.parent.parent
DOCS = ROOT / "docs"
HEADINGS = ["Example", "Spec", "Working with it", "Status", "Debugging"]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
PARTS = ("added", "changed", "fixed", "removed")


def pages() -> list[Path]:
    return generate.files()


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def shown(page: Path) -> str:
    return str(page.relative_to(ROOT))


KIND_PAGES = sorted((DOCS / "reference" / "kinds").glob("*.md"))


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_generated_parts_are_what_the_code_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generate.generated(text) == text, "run `make docs`"


def test_every_kind_has_its_tables_on_a_page() -> None:
    documented = {
        match["argument"]
        for page in KIND_PAGES
        for match in generate.PART.finditer(page.read_text(encoding="utf-8"))
        if match["kind"] == "spec"
    }
    assert documented == set(schemas.definitions())


@pytest.mark.parametrize("page", KIND_PAGES, ids=shown)
def test_every_page_of_a_kind_has_the_same_headings(page: Path) -> None:
    assert re.findall(r"^## (.+)$", prose(page), re.MULTILINE) == HEADINGS


def test_every_field_that_one_writes_in_our_kinds_is_described() -> None:
    ours = [
        kind
        for kind, definition in schemas.definitions().items()
        if definition["spec"]["group"] == "towpath.dev"
    ]
    silent = {f"{kind} {path}" for kind in ours for path in schemas.undescribed(kind)}
    # The descriptor is Backstage's, and documented there.
    assert {field for field in silent if " descriptor." not in field} == set()


def test_every_command_has_its_section() -> None:
    text = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (towpath .+)$", text, re.MULTILINE)
    assert sections == [words for words, _ in commands.commands()]
    assert "towpath up" in sections


OF_THE_PLUGIN = {"towpath on-call who"}
"""What the plug-in of the docs adds; a scenario installs it and types that."""

NAMED = re.compile(r"(?:^|\$\(|\$ |`)(towpath [a-z]+(?:-[a-z]+)*(?: [a-z]+)?)", re.MULTILINE)


def test_every_command_that_a_page_names_exists() -> None:
    known = {words for words, _ in commands.commands()} | OF_THE_PLUGIN
    for page in pages():
        for words in NAMED.findall(page.read_text(encoding="utf-8")):
            # The second word is an argument where the first is a command by itself.
            assert words in known or words.rpartition(" ")[0] in known, f"{shown(page)}: {words}"


def test_every_hook_has_its_words_and_a_user() -> None:
    assert [name for name, text in hooks.hooks().items() if not text] == []
    unused = [name for name in hooks.hooks() if not any(getattr(one, name) for one in BUILT_IN)]
    assert unused == []


def test_every_path_of_the_read_api_is_explained() -> None:
    text = prose(DOCS / "reference" / "read-api.md")
    for path in reads.paths():
        assert f"`{path}`" in text


def test_every_folder_says_what_it_is_for() -> None:
    table = house.folders(ROOT / "src" / "towpath")
    assert [line for line in table.splitlines() if line.endswith("|  |")] == []


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if target.startswith(("http:", "https:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{shown(page)} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", prose(file), re.MULTILINE)
            slugs = {re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") for heading in headings}
            assert anchor in slugs, f"{shown(page)} links to {target}"


def test_the_nav_has_every_page_once() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    listed = list(leaves(nav))
    # Records of decisions are listed by their own index.
    written = {
        str(page.relative_to(DOCS))
        for page in DOCS.rglob("*.md")
        if page.parent.name != "decisions" or page.name == "index.md"
    }
    assert sorted(listed) == sorted(written)


def leaves(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    values = entry.values() if isinstance(entry, dict) else entry
    return [leaf for value in values for leaf in leaves(value)]


def test_every_decision_has_a_status_and_is_listed() -> None:
    index = (DOCS / "decisions" / "index.md").read_text()
    for record in (DOCS / "decisions").glob("0*.md"):
        text = record.read_text()
        number = int(record.name[:4])
        assert text.startswith(f"# {number}. "), record.name
        (status,) = re.findall(r"^Status: (.+)\.$", text, re.MULTILINE)
        title = text.splitlines()[0].removeprefix("# ")
        assert f"| [{title}]({record.name}) | {status} |" in index


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_lines_can_be_read(page: Path) -> None:
    written = generate.PART.sub("", prose(page))
    # A table's row and a picture are one line each, whatever their length.
    long = [
        line
        for line in written.splitlines()
        if len(line) > 100 and not line.startswith(("|", "!["))
    ]
    assert long == []


def fragments() -> list[Path]:
    return sorted((ROOT / "changelog.d").iterdir())


@pytest.mark.parametrize("fragment", fragments(), ids=lambda path: path.name)
def test_changelog_fragments_are_well_formed(fragment: Path) -> None:
    topic, part, suffix = fragment.name.split(".")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", topic)
    assert part in PARTS
    assert suffix == "md"
    text = fragment.read_text(encoding="utf-8")
    assert text.strip() and text.endswith("\n") and not text.startswith("#")
