"""The style guide shows every component, and what opens by itself opens by keyboard too."""

import re

import pytest
from playwright.async_api import Browser, expect
from tests.browser.looks.looking import Look

from towpath.web import rendering

pytestmark = pytest.mark.browser

GUIDE = "/_/styleguide"
TEMPLATES = rendering.HERE / "templates"
WITHIN_OTHERS = {
    "ansi": "log",
    "avatar": "person",
    "token": "post_button",
    "field": "fields",
    "node_line": "tree",
    "text_field": "field",
    "area_field": "field",
    "external": "lanes",
    "button": "confirm_form",
    "code": "as_code",
    "as_object": "object_details",
    "sparkline": "figure",
}
"""Macros that others show, or that are another with less to say."""


def test_every_component_is_in_the_guide() -> None:
    whole = (TEMPLATES / "components.html").read_text(encoding="utf-8")
    rooms = re.findall(r'{% import "web/(_\w+\.html)"', whole)
    text = whole + "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in rooms)
    macros = set(re.findall(r"{% macro (\w+)\(", text))
    shown = set(re.findall(r"\bui\.(\w+)\(", (TEMPLATES / "styleguide.html").read_text()))
    assert macros - shown - set(WITHIN_OTHERS) == set()


async def test_menus_and_dialogs_open_and_close_by_keyboard(
    browser: Browser, bad_day: Look
) -> None:
    async with bad_day.page(browser, java_script_enabled=False) as page:
        await page.goto(bad_day.visitor.base + GUIDE)
        actions = page.get_by_role("button", name="Actions of shop", exact=True)
        await actions.focus()
        await page.keyboard.press("Enter")
        menu = page.get_by_role("group", name="Actions of shop", exact=True)
        await expect(menu.get_by_role("link", name="Delete")).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(menu.get_by_role("link", name="Open")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(menu).to_be_hidden()
        await expect(actions).to_be_focused()

        await page.get_by_role("button", name="Open a dialog").press("Enter")
        dialog = page.get_by_role("dialog", name="What was decided")
        await expect(dialog).to_be_visible()
        await dialog.get_by_role("button", name="Close").first.press("Enter")
        await expect(dialog).to_be_hidden()


async def test_which_columns_a_table_shows_is_an_address(browser: Browser, bad_day: Look) -> None:
    async with bad_day.page(browser, java_script_enabled=False) as page:
        await page.goto(bad_day.visitor.base + GUIDE)
        table = page.get_by_role("table", name="Services")
        await expect(table.get_by_role("columnheader", name="Owner")).to_be_visible()
        await page.get_by_role("button", name="Columns").click()
        await page.get_by_role("group", name="Columns").get_by_role("link", name="Owner").click()
        await expect(page).to_have_url(re.compile(r"columns=health\.cost\.changed"))
        await expect(table.get_by_role("columnheader", name="Owner")).to_have_count(0)
