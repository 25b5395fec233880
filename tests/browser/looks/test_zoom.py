"""Near and far: 400 % zoom, text spaced as some readers need it, nothing behind what is fixed."""

import pytest
from playwright.async_api import Browser, Page
from tests.browser.looks.looking import Look

pytestmark = pytest.mark.browser

ZOOMED = {"width": 320, "height": 256}
"""What is left of 1280 by 1024 at 400 %."""
TELEPHONE = {"width": 390, "height": 844}

SPACING = """
* { line-height: 1.5 !important; letter-spacing: 0.12em !important; }
* { word-spacing: 0.16em !important; }
p { margin-bottom: 2em !important; }
"""


async def test_at_400_percent_nothing_scrolls_in_two_directions_nor_hides_the_focus(
    browser: Browser, bad_day: Look
) -> None:
    async with bad_day.page(browser, viewport=ZOOMED) as page:
        assert await bad_day.examine(page, "wider", "obscured", "swollen") == {}


@pytest.mark.slow
async def test_on_a_telephone_the_focus_is_never_behind_the_bar(
    browser: Browser, bad_day: Look
) -> None:
    async with bad_day.page(browser, viewport=TELEPHONE) as page:
        assert await bad_day.examine(page, "wider", "obscured", "swollen") == {}


@pytest.mark.slow
async def test_text_that_is_spaced_widely_is_not_cut_off(browser: Browser, bad_day: Look) -> None:
    async def spread(page: Page) -> None:
        await page.add_style_tag(content=SPACING)

    async with bad_day.page(browser, viewport={"width": 1280, "height": 900}) as page:
        assert await bad_day.examine(page, "wider", "cutOff", first=spread) == {}
