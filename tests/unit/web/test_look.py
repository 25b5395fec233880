"""The look's promises that can be computed: contrast in both themes, no style in the markup."""

import re
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from towpath.web import rendering
from towpath.web.assets import Assets
from towpath.web.bundles import MODULES, SCRIPTS, SHEETS, STYLES, module_text, script, stylesheet
from towpath.web.rendering import STATIC

CSS = stylesheet()
SOURCE = rendering.HERE.parent

TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", CSS
    )
}
TEXT_CONTRAST = 4.5
EDGE_CONTRAST = 3.0

STATES = ("good", "busy", "warn", "bad", "still")
GROUNDS = ("ground", "raised", "sunken", "hover")
TEXTS = [
    *((text, ground) for text in ("text", "quiet", "accent") for ground in GROUNDS),
    *((state, ground) for state in STATES for ground in GROUNDS),
    *((state, f"{state}-wash") for state in STATES),
    ("accent-strong", "accent-wash"),
    ("quiet", "accent-wash"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
]


def _luminance(colour: str) -> float:
    def linear(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(colour[at : at + 2]) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(theme: int) -> None:
    faint = {
        f"{text} on {ground}": round(ratio, 2)
        for text, ground in TEXTS
        if (ratio := _contrast(TOKENS[text][theme], TOKENS[ground][theme])) < TEXT_CONTRAST
    }
    assert faint == {}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_edges_of_fields_can_be_seen(theme: int) -> None:
    for ground in ("ground", "raised"):
        assert _contrast(TOKENS["edge"][theme], TOKENS[ground][theme]) >= EDGE_CONTRAST


def test_every_sheet_is_served_and_short_enough_to_read() -> None:
    assert sorted(path.stem for path in STYLES.iterdir()) == sorted(SHEETS)
    lengths = {path.name: len(path.read_text().splitlines()) for path in STYLES.iterdir()}
    assert {name: lines for name, lines in lengths.items() if lines > 500} == {}


def test_only_the_tokens_name_colours() -> None:
    """So that both themes are thought of wherever a colour is used."""
    elsewhere = [name for name in SHEETS if name != "tokens"]
    named = {
        name
        for name in elsewhere
        if re.search(r":[^;{}]*(#[0-9a-f]{3,8}\b|\brgb\()", (STYLES / f"{name}.css").read_text())
    }
    assert named == set()


def _templates() -> list[Path]:
    return [
        path
        for path in sorted(SOURCE.rglob("templates/*.html"))
        if "golden_paths" not in path.parts
    ]


def test_no_template_holds_a_script_or_a_style() -> None:
    """The policy would refuse them, and in silence."""
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)
    found = [str(path) for path in _templates() if inline.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_nothing_is_marked_as_safe_in_a_template() -> None:
    unsafe = re.compile(r"\|\s*safe\b|autoescape\s+false")
    found = [str(path) for path in _templates() if unsafe.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_every_icon_that_is_named_has_been_drawn() -> None:
    from towpath.web.icons import NAMES

    named = re.compile(r"""draw_icon\("([a-z-]+)"|\bui\.icon\("([a-z-]+)"|icon="([a-z-]+)\"""")
    used = {
        name
        for path in _templates()
        for match in named.findall(path.read_text(encoding="utf-8"))
        for name in match
        if name
    }
    assert used - set(NAMES) == set()


async def test_assets_are_kept_for_good_and_packed_for_who_takes_that() -> None:
    assets = Assets(STATIC, {"portal.css": "body { color: red }", "portal.js": "void 0"})
    app = Starlette(routes=[assets.route])
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for name, media_type in (
            ("portal.css", "text/css"),
            ("portal.js", "text/javascript"),
            ("mark.svg", "image/svg+xml"),
        ):
            packed = await client.get(assets.address(name), headers={"accept-encoding": "gzip"})
            plain = await client.get(assets.address(name), headers={"accept-encoding": "identity"})
            assert packed.headers["content-encoding"] == "gzip"
            assert "content-encoding" not in plain.headers
            assert packed.content == plain.content
            assert packed.headers["content-type"].startswith(media_type)
            assert "immutable" in plain.headers["cache-control"]
        assert (await client.get(assets.address("absent.js"))).status_code == 404


def test_every_module_is_joined_after_what_it_imports() -> None:
    assert sorted(path.stem for path in SCRIPTS.glob("*.js")) == sorted(MODULES)
    whole = script()
    assert not re.search(r"^(import|export)\b", whole, re.MULTILINE)
    seen = set()
    for line in whole.splitlines():
        if made := re.fullmatch(r"const (\w+Module) = \(\(\) => \{", line):
            seen.add(made[1])
        elif taken := re.fullmatch(r"const \{ [\w, :]+ \} = (\w+);", line):
            assert taken[1] in seen, line


def test_what_cannot_be_joined_is_said_with_its_module() -> None:
    with pytest.raises(ValueError, match=r"live\.js: cannot join `import \* as bell from"):
        module_text("live", 'import * as bell from "./bell.js";\n')
    with pytest.raises(ValueError, match=r"live\.js: cannot join `export default"):
        module_text("live", "export default 1;\n")
