"""What people do in the portal, by clicking; every wait is for something that the page shows."""

import re

from playwright.async_api import Locator, Page, expect
from tests.browser.people import HEALTHY_MS, SOON_MS

GOLDEN_PATH = "Python web service with PostgreSQL"


def main(page: Page) -> Locator:
    return page.get_by_role("main")


def rail(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Main")


async def open_form(page: Page) -> None:
    await rail(page).get_by_role("link", name="Create", exact=True).click()
    await main(page).get_by_role("link", name=GOLDEN_PATH, exact=True).click()
    await expect(page.get_by_role("heading", level=1, name=GOLDEN_PATH)).to_be_visible()


async def create(page: Page, name: str) -> str:
    """From anywhere to the page of the healthy service; the address at which it answers."""
    await open_form(page)
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.get_by_role("heading", level=1, name=f"Create {name}")).to_be_visible()
    await page.get_by_role("link", name="Open the service").click(timeout=HEALTHY_MS)
    await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    await expect(page.get_by_text("in staging for")).to_be_visible(timeout=HEALTHY_MS)
    address = await lane(page, "staging").get_by_role("link", name=f"{name}.").get_attribute("href")
    assert address is not None
    return address


def lane(page: Page, environment: str) -> Locator:
    heading = page.get_by_role("heading", name=environment, exact=True)
    stages = page.get_by_role("list", name="Environments in the order of promotion")
    return stages.get_by_role("listitem").filter(has=heading)


async def promote(page: Page) -> None:
    """What runs in staging to production, from the service's page; it then waits for somebody."""
    await promote_link(page).click()
    await promote_button(page).click()
    await expect(lane(page, "production")).to_contain_text("approve", timeout=SOON_MS)


def promote_link(page: Page) -> Locator:
    """Of the service's page: to the form that shows what it changes."""
    return lane(page, "production").get_by_role("link", name=re.compile("^Promote "))


def promote_button(page: Page) -> Locator:
    """Of that form."""
    return page.get_by_role("button", name=re.compile("^Promote .* to production$"))


async def open_service(page: Page, name: str) -> None:
    await rail(page).get_by_role("link", name="Catalog", exact=True).click()
    await main(page).get_by_role("link", name=name, exact=True).first.click()
    await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


async def open_tab(page: Page, name: str) -> None:
    parts = page.get_by_role("navigation", name="Parts of the service")
    await parts.get_by_role("link", name=name).click()
    await expect(parts.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")


async def delete(page: Page, name: str) -> None:
    await open_tab(page, "Overview")
    await page.get_by_role("link", name="Delete this service").click()
    await page.get_by_label("to confirm").fill(name)
    await page.get_by_role("button", name=f"Delete {name}").click()
    await expect(page.get_by_role("heading", level=1, name="demo")).to_be_visible()
    await expect(main(page).get_by_role("link", name=name, exact=True)).to_have_count(
        0, timeout=HEALTHY_MS
    )
