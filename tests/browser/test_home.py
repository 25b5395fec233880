"""Home: a link signs in once, the page lists what runs, signing out ends it."""

import pytest
from playwright.async_api import Browser, expect
from tests.platform import PlatformProcess

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD

pytestmark = pytest.mark.browser


async def test_a_link_signs_in_once_and_the_page_lists_what_runs(
    browser: Browser, platform: PlatformProcess
) -> None:
    page = await browser.new_page()
    await page.goto(platform.sign_in_link)
    await page.get_by_role("button", name="Continue to the portal").click()
    await expect(page.get_by_role("heading", name="Home")).to_be_visible()
    await expect(page.get_by_text("three steps lead from a name to production")).to_be_visible()

    async with platform.client() as client:
        spec = {"repository": "shop", "environments": ["staging"], "owner": "team-a"}
        await client.create(WORKLOAD, WORKLOAD.object("shop", "demo", spec=spec))
    row = page.get_by_role("row", name="shop")
    await expect(row).to_contain_text("waits for its first release")

    await page.get_by_title("admin", exact=True).click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.goto(platform.sign_in_link)
    await page.get_by_role("button", name="Continue to the portal").click()
    await expect(page.get_by_role("alert")).to_contain_text("has been used")


@pytest.mark.parametrize("width", [1440, 390])
async def test_nothing_is_wider_than_the_window_and_nothing_is_refused_by_the_policy(
    browser: Browser, platform: PlatformProcess, width: int
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 800})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    await page.goto(platform.sign_in_link)
    await page.get_by_role("button", name="Continue to the portal").click()
    await expect(page.get_by_role("heading", name="Home")).to_be_visible()
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(overflow) == 0
    assert complaints == []
