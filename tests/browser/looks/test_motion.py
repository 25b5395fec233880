"""Wishes of the visitor: less motion, colours of the system; and the words around every page."""

import pytest
from playwright.async_api import Browser
from tests.browser.looks.looking import Look

pytestmark = pytest.mark.browser


async def test_nothing_moves_for_who_wants_less_motion_and_every_page_says_what_it_is(
    browser: Browser, bad_day: Look
) -> None:
    async with bad_day.page(browser, reduced_motion="reduce") as page:
        assert await bad_day.examine(page, "moving", "around") == {}


@pytest.mark.slow
async def test_in_the_system_s_colours_everything_keeps_an_edge(
    browser: Browser, bad_day: Look
) -> None:
    async with bad_day.page(browser, forced_colors="active") as page:
        assert await bad_day.examine(page, "withoutEdge") == {}


async def test_the_skip_link_comes_first_and_leads_to_the_content(
    browser: Browser, bad_day: Look
) -> None:
    async with bad_day.page(browser) as page:
        await page.goto(bad_day.visitor.base)
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
