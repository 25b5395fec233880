"""The pictures of the docs: all worlds are there, and small enough for a repository."""

from pathlib import Path

from docs.pictures import sheets, taking
from tests.worlds import WORLDS

ROOT = Path(__file__).parent.parent.parent.parent
PICTURES = ROOT / "docs" / "pictures"
FRONT_BYTES_MAX = 150_000
"""Of each picture that opens with the README."""


def test_every_world_has_its_sheet_and_none_is_too_large() -> None:
    sizes = {path.stem: path.stat().st_size for path in PICTURES.glob("*.webp")}
    assert sizes.keys() == WORLDS.keys()
    assert {name: size for name, size in sizes.items() if size > sheets.BYTES_MAX} == {}


def test_every_sheet_is_shown() -> None:
    page = (ROOT / "docs" / "reference" / "pages.md").read_text(encoding="utf-8")
    assert [world for world in WORLDS if f"../pictures/{world}.webp" not in page] == []


def test_the_readme_has_its_pages_in_both_themes_and_none_is_too_large() -> None:
    wanted = {f"{name}-{theme}.png" for name in taking.FRONT for theme in taking.THEMES}
    sizes = {path.name: path.stat().st_size for path in PICTURES.glob("*.png")}
    assert sizes.keys() == wanted
    assert {name: size for name, size in sizes.items() if size > FRONT_BYTES_MAX} == {}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in sorted(wanted) if f"docs/pictures/{name}" not in readme] == []
