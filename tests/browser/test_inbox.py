"""News come to the page that is open; keys, palette and filter go on without a reload."""

import re

import pytest
from playwright.async_api import Browser, Page, expect
from tests.platform import PlatformProcess

from towpath.capabilities.delivery.promotions.kinds import PROMOTION

pytestmark = pytest.mark.browser

ALICE = ("alice", ("team-a", "system:authenticated"))


async def signed_in(browser: Browser, platform: PlatformProcess, complaints: list[str]) -> Page:
    page = await (await browser.new_context()).new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    asked = await platform.towpath("login-link", "--user", "alice")
    link = re.search(r"http://\S+", asked.stdout)
    assert link is not None, asked
    await page.goto(link.group())
    await page.get_by_role("button", name="Continue to the portal").click()
    await expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()
    return page


async def fail_a_promotion(platform: PlatformProcess) -> None:
    """To a stage of a service that is not there."""
    spec = {
        "workload": "nothing",
        "environment": "staging",
        "release": "nothing-1",
        "requestedBy": "alice",
    }
    async with platform.client() as client:
        await client.acting_as(*ALICE).create(
            PROMOTION, PROMOTION.object("nothing-1", "demo", spec=spec)
        )


async def test_news_come_to_the_open_page_and_keys_go_on(
    browser: Browser, platform: PlatformProcess
) -> None:
    complaints: list[str] = []
    page = await signed_in(browser, platform, complaints)
    await page.evaluate("window.marked = true")
    await page.keyboard.press("g")
    await page.keyboard.press("r")
    await expect(page.get_by_role("heading", level=1, name="Create")).to_be_visible()

    await fail_a_promotion(platform)
    note = page.locator("#told").get_by_role("link", name="nothing-1 did not reach staging")
    await expect(note).to_be_visible()
    await expect(page.locator("#bell .bell-number")).to_have_text("1")
    await note.click()
    await expect(page).to_have_url(re.compile("/promotions/nothing-1$"))
    await expect(page.locator("#bell")).to_be_hidden()

    await page.keyboard.press("g")
    await page.keyboard.press("i")
    row = page.get_by_role("listitem").filter(has_text="nothing-1 did not reach staging")
    await expect(row).to_contain_text("You asked for it.")
    await row.get_by_role("button", name="Mark as unread").click()
    await expect(page.locator("#bell .bell-number")).to_have_text("1")

    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await expect(page.get_by_role("heading", level=1, name="Catalog")).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type("zzz")
    await expect(page.get_by_text("Nothing fits this filter")).to_be_visible()
    await expect(page.get_by_role("searchbox", name="Filter the catalogue")).to_be_focused()

    await page.keyboard.press("Control+k")
    await page.keyboard.type("environment staging")
    await expect(page.get_by_role("option", name="Environment staging")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="staging")).to_be_visible()
    assert await page.evaluate("window.marked === true")

    await page.keyboard.press("Control+k")
    await page.keyboard.type("dark theme")
    await page.keyboard.press("Enter")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert complaints == []
