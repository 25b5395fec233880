"""Many tabs of one browser: all are live or look now and then, none waits for a connection."""

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from tests.platform import PlatformProcess
from tests.support import eventually

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.machinery.objects import RawObject

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TABS = 9
"""More than the six connections that a browser keeps to one host."""
PAGE = "/projects/demo/workloads/shop"
SHARED_DEADLINE_MS = 30_000
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def _shop() -> RawObject:
    spec = {"repository": "shop", "environments": ["staging"], "owner": "team-a"}
    return WORKLOAD.object("shop", "demo", spec=spec)


async def _sign_in(context: BrowserContext, platform: PlatformProcess) -> Page:
    page = await context.new_page()
    await page.goto(platform.sign_in_link)
    await page.get_by_role("button", name="Continue to the portal").click()
    await expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    return page


async def test_more_tabs_than_connections_and_one_that_nobody_looks_at(
    browser: Browser, platform: PlatformProcess
) -> None:
    base = f"http://localhost:{platform.port}"
    context = await browser.new_context()
    async with platform.client() as client:
        await client.create(WORKLOAD, _shop())
        first = await _sign_in(context, platform)
        tabs = [first, *[await context.new_page() for _ in range(TABS - 1)]]
        for tab in tabs:
            await tab.goto(base + PAGE)
            await expect(tab.locator("main")).to_contain_text("team-a")
        await expect(first.locator("#live[data-state=on]")).to_be_visible()
        await expect(tabs[-1].locator("#live")).to_have_attribute("data-state", "shared")

        await client.patch(WORKLOAD, "shop", "demo", {"spec": {"owner": "team-b"}})
        for tab in tabs:
            await expect(tab.locator("main")).to_contain_text("team-b", timeout=SHARED_DEADLINE_MS)

        # Hidden, it hangs up: its place is free for another, and it fetches nothing.
        fetched: list[str] = []
        first.on("request", lambda request: fetched.append(request.url))
        await first.evaluate(HIDE, True)

        async def another_is_live() -> bool:
            states = [await tab.locator("#live").get_attribute("data-state") for tab in tabs[1:]]
            return states.count("on") == 3

        await eventually(another_is_live, deadline_s=40, every_s=0.2)
        await client.patch(WORKLOAD, "shop", "demo", {"spec": {"owner": "team-c"}})
        await expect(tabs[1].locator("main")).to_contain_text("team-c", timeout=SHARED_DEADLINE_MS)
        assert fetched == []
        assert "team-b" in await first.locator("main").inner_text()

        await first.evaluate(HIDE, False)
        await expect(first.locator("main")).to_contain_text("team-c", timeout=SHARED_DEADLINE_MS)
    await context.close()
