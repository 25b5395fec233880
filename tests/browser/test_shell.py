"""The frame: live pages, journeys without a reload, keys, palette, themes, what one holds."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from tests.platform import PlatformProcess

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.machinery.objects import RawObject

pytestmark = pytest.mark.browser

CATALOG = "/catalog"
WORKLOAD_PAGE = "/projects/demo/workloads/shop"


@dataclass
class Visitor:
    """A browser that has signed in, and what it complained of."""

    context: BrowserContext
    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        await self.page.goto(self.base + path)

    async def marked(self) -> bool:
        """Whether the document is the one that `mark` was called on: nothing was reloaded."""
        return bool(await self.page.evaluate("window.marked === true"))

    async def mark(self) -> None:
        await self.page.evaluate("window.marked = true")


@pytest.fixture
async def visitor(browser: Browser, platform: PlatformProcess) -> AsyncIterator[Visitor]:
    context = await browser.new_context()
    page = await context.new_page()
    visitor = Visitor(context, page, f"http://localhost:{platform.port}")
    page.on("console", lambda message: visitor.complaints.append(message.text))
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    await page.goto(platform.sign_in_link)
    await page.get_by_role("button", name="Continue to the portal").click()
    await expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    yield visitor
    await context.close()


def _shop(owner: str = "team-a") -> RawObject:
    spec = {"repository": "shop", "environments": ["staging"], "owner": owner}
    return WORKLOAD.object("shop", "demo", spec=spec)


async def test_a_page_shows_a_change_by_itself_and_keeps_what_was_typed(
    visitor: Visitor, platform: PlatformProcess
) -> None:
    async with platform.client() as client:
        await client.create(WORKLOAD, _shop())
        await visitor.open(WORKLOAD_PAGE)
        await visitor.mark()
        await expect(visitor.page.locator("#live[data-state=on]")).to_be_visible()
        await visitor.page.evaluate(
            "document.querySelector('main').insertAdjacentHTML("
            "'afterbegin', '<input id=typed data-added>')"
        )
        await visitor.page.locator("#typed").fill("half a word")
        await client.patch(WORKLOAD, "shop", "demo", {"spec": {"owner": "team-b"}})
        await expect(visitor.page.locator("main")).to_contain_text("team-b")
    await expect(visitor.page.locator("#typed")).to_have_value("half a word")
    await expect(visitor.page.locator("#typed")).to_be_focused()
    assert await visitor.marked()
    assert visitor.complaints == []


async def test_links_palette_and_keys_go_on_without_a_reload(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.mark()
    rail = page.get_by_role("navigation", name="Main")
    await rail.get_by_role("link", name="Catalog").click()
    await expect(page).to_have_url(visitor.base + CATALOG)
    await expect(page.get_by_role("heading", level=1, name="Catalog")).to_be_visible()

    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox").fill("about")
    await expect(page.get_by_role("option", name="About this platform")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="About this platform")).to_be_visible()
    await expect(page.get_by_text("All 7 engines answer.")).to_be_visible()

    await page.keyboard.press("g")
    await page.keyboard.press("h")
    await expect(page).to_have_url(visitor.base + "/")
    await page.go_back()
    await expect(page.get_by_role("heading", level=1, name="About this platform")).to_be_visible()

    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Search, go to, do")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await visitor.marked()
    assert visitor.complaints == []


async def test_a_token_is_shown_once_works_and_ends(
    visitor: Visitor, platform: PlatformProcess
) -> None:
    page = visitor.page
    await visitor.open("/account")
    await page.get_by_label("What is the new token for?").fill("a test")
    await page.get_by_role("button", name="Make a token").click()
    token = await page.locator("main .code code").first.inner_text()
    read = f"{visitor.base}/api/v1/projects"
    allowed = {"Authorization": f"Bearer {token}"}
    assert (await visitor.context.request.get(read, headers=allowed)).status == 200

    await visitor.open("/account")
    await expect(page.locator("main")).not_to_contain_text(token)
    row = page.get_by_role("row", name="a test")
    await row.get_by_role("button", name="Revoke").click()
    await expect(page.get_by_text("Ended. It opens nothing any more.")).to_be_visible()
    await expect(row).to_have_count(0)
    assert (await visitor.context.request.get(read, headers=allowed)).status == 401


async def test_the_theme_is_chosen_and_kept_without_javascript(
    browser: Browser, platform: PlatformProcess
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(platform.sign_in_link)
    await page.get_by_role("button", name="Continue to the portal").click()
    await page.get_by_title("admin", exact=True).click()
    await page.get_by_role("button", name="Dark").click()
    await page.get_by_role("navigation", name="Main").get_by_role("link", name="Catalog").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.get_by_role("heading", level=1, name="Catalog")).to_be_visible()
    await context.close()


async def test_nothing_is_wider_than_the_window(visitor: Visitor) -> None:
    """320 is what is left of 1280 at 400 % zoom."""
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    wider = []
    for path in ("/_/styleguide", "/account", "/about"):
        for width in (1440, 1024, 390, 320):
            await visitor.page.set_viewport_size({"width": width, "height": 800})
            await visitor.open(path)
            if await visitor.page.evaluate(overflow):
                wider.append((path, width))
    assert wider == []
    assert visitor.complaints == []
