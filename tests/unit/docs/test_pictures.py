"""The pictures of the docs: all worlds are there, and small enough for a repository."""

from pathlib import Path

from docs.pictures import sheets
from tests.worlds import WORLDS

ROOT = Path(__file__).parent.parent.parent.parent
PICTURES = ROOT / "docs" / "pictures"


def test_every_world_has_its_sheet_and_none_is_too_large() -> None:
    sizes = {path.stem: path.stat().st_size for path in PICTURES.glob("*.webp")}
    assert sizes.keys() == WORLDS.keys()
    assert {name: size for name, size in sizes.items() if size > sheets.BYTES_MAX} == {}


def test_every_sheet_is_shown() -> None:
    page = (ROOT / "docs" / "reference" / "pages.md").read_text(encoding="utf-8")
    assert [world for world in WORLDS if f"../pictures/{world}.webp" not in page] == []
