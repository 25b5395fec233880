"""A site of docs: its order, addresses and links, and what is wrong with it."""

import pytest

from towpath.capabilities.portal.docs.site import Entry, address, inside, site_of


def test_the_navigation_is_that_of_mkdocs_yml() -> None:
    settings = b"""
site_name: Orders
nav:
  - index.md
  - Running it:
      - Start: ops/start.md
      - Elsewhere: https://example.com/x
  - Gone: gone.md
  - 7
"""
    files = {"mkdocs.yml": settings, "docs/index.md": b"# Orders\n", "docs/ops/start.md": b"x"}
    site = site_of(files, "orders")
    assert site.name == "Orders"
    assert site.nav == (
        Entry("Orders", "index.md"),
        Entry(
            "Running it",
            children=(
                Entry("Start", "ops/start.md"),
                Entry("Elsewhere", url="https://example.com/x"),
            ),
        ),
    )
    assert site.problems == (
        "nav names gone.md, which is not there",
        "nav: 7 is neither a page nor a list of pages",
    )


def test_without_settings_pages_come_by_folder_with_the_first_page_first() -> None:
    files = {
        "docs/zebra.md": b"Zebra\n=====\n",
        "docs/index.md": b"# Here",
        "docs/how-to/b_c.md": b"no heading",
        "docs/how-to/README.md": b"# How to `do` it",
    }
    site = site_of(files, "orders")
    assert site.name == "orders"
    assert site.nav == (
        Entry("Here", "index.md"),
        Entry("Zebra", "zebra.md"),
        Entry(
            "How to",
            children=(
                Entry("How to do it", "how-to/README.md"),
                Entry("B c", "how-to/b_c.md"),
            ),
        ),
    )
    assert site.beside("zebra.md") == (
        Entry("Here", "index.md"),
        Entry("How to do it", "how-to/README.md"),
    )


def test_a_repository_without_docs_shows_its_readme() -> None:
    site = site_of({"README.md": b"# Orders", "src/x.md": b"no"}, "orders")
    assert (site.page_at(""), site.pages) == ("README.md", ["README.md"])
    assert site_of({"main.py": b""}, "orders").page_at("") is None


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("", "index.md"),
        ("ops", "ops/index.md"),
        ("ops/start", "ops/start.md"),
        ("ops/start.md", "ops/start.md"),
        ("ops/start.html", "ops/start.md"),
        ("/ops/start/", "ops/start.md"),
        ("nowhere", None),
        ("../mkdocs.yml", None),
    ],
)
def test_which_page_an_address_means(asked: str, path: str | None) -> None:
    files = {f"docs/{name}": b"x" for name in ("index.md", "ops/index.md", "ops/start.md")}
    site = site_of(files, "orders")
    assert site.page_at(asked) == path
    if path is not None:
        assert site.page_at(address(path)) == path


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("start.md", ("ops/start.md", "")),
        ("../index.md#what", ("index.md", "what")),
        ("/index.md", ("index.md", "")),
        ("start/", ("ops/start.md", "")),
        ("#here", ("ops/index.md", "here")),
        ("a%20b.png", ("ops/a b.png", "")),
        ("../../secret.md", None),
        ("https://example.com/", None),
        ("//example.com/", None),
        ("gone.md", None),
    ],
)
def test_where_a_link_leads(link: str, target: tuple[str, str] | None) -> None:
    names = ("index.md", "ops/index.md", "ops/start.md", "ops/a b.png")
    site = site_of({f"docs/{name}": b"x" for name in names}, "orders")
    assert site.target("ops/index.md", link) == target


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (b"docs_dir: ../../etc", "docs_dir '../../etc' leads out of the repository"),
        (b"docs_dir: /etc", "docs_dir '/etc' leads out of the repository"),
        (b"a: [", "mkdocs.yml cannot be read"),
        (b"just words", "mkdocs.yml holds no settings"),
    ],
)
def test_settings_that_are_wrong_are_told_and_the_docs_are_shown(
    settings: bytes, problem: str
) -> None:
    site = site_of({"mkdocs.yml": settings, "docs/index.md": b"# Here"}, "orders")
    assert site.page_at("") == "index.md"
    (told,) = site.problems
    assert told.startswith(problem)


def test_what_mkdocs_yml_asks_python_for_is_never_made() -> None:
    settings = b"site_name: !!python/object/apply:os.system ['exit 1']\nplugins: [!ENV HOME]\n"
    site = site_of({"mkdocs.yml": settings, "docs/index.md": b""}, "orders")
    assert (site.name, site.problems) == ("orders", ())


def test_paths_are_made_plain() -> None:
    assert inside("a/b", "../c.md") == "a/c.md"
    assert inside("a", "/x/../y") == "y"
    assert inside("", "..") is None
    assert inside("a", "../../b") is None
    assert inside("a", "..") == ""
