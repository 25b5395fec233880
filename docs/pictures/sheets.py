"""A contact sheet: one row for each page, small pictures side by side, drawn by Chromium itself."""

import base64
from html import escape
from itertools import groupby

from playwright.async_api import Browser

from docs.pictures.taking import THEMES, WINDOWS, Shot

BYTES_MAX = 600_000
HEIGHT = 190
"""Of each small picture."""
QUALITIES = (82, 74, 66, 58, 50, 42, 34, 26)

STYLE = """
body { margin: 0; padding: 24px; width: max-content; background: #e9eceb; color: #17201d;
  font: 13px/18px system-ui, sans-serif; }
h1 { margin: 0 0 16px; font-size: 20px; }
section { margin-bottom: 16px; }
h2 { margin: 0 0 4px; font-size: 13px; }
h2 span { font-weight: 400; color: #56635d; }
div { display: flex; gap: 8px; }
img { display: block; border-radius: 3px; box-shadow: 0 0 0 1px rgb(0 0 0 / 18%); }
"""


async def compose(browser: Browser, world: str, shots: list[Shot]) -> bytes:
    """As WebP, as good as fits into the size that a repository can bear."""
    page = await browser.new_page(viewport={"width": 1500, "height": 900})
    await page.set_content(_html(world, shots))
    size = await page.evaluate(
        "Promise.all([...document.images].map((one) => one.decode()))"
        ".then(() => ({ width: document.body.offsetWidth, height: document.body.offsetHeight }))"
    )
    devtools = await page.context.new_cdp_session(page)
    sheet = b""
    for quality in QUALITIES:
        answer = await devtools.send(
            "Page.captureScreenshot",
            {
                "format": "webp",
                "quality": quality,
                "captureBeyondViewport": True,
                "clip": {"x": 0, "y": 0, **size, "scale": 1},
            },
        )
        sheet = base64.b64decode(answer["data"])
        if len(sheet) <= BYTES_MAX:
            break
    await page.close()
    return sheet


def _html(world: str, shots: list[Shot]) -> str:
    widths = ", ".join(map(str, WINDOWS))
    rows = "".join(_row(list(group)) for _, group in groupby(shots, lambda shot: shot.address))
    heading = f"Every page, {world}: {' and '.join(THEMES)}, {widths} px wide"
    return f"<!doctype html><style>{STYLE}</style><h1>{escape(heading)}</h1>{rows}"


def _row(shots: list[Shot]) -> str:
    first = shots[0]
    pictures = "".join(f'<img height="{HEIGHT}" src="{_inline(shot.image)}">' for shot in shots)
    title = f"<h2>{escape(first.title)} <span>{escape(first.address)}</span></h2>"
    return f"<section>{title}<div>{pictures}</div></section>"


def _inline(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"
