"""A real Chromium with an empty cache opens Home: when it has answered, shows, and can be used.

Can be used is when Ctrl-K opens the palette: by then all of the portal's JavaScript has run.
"""

import os
import shutil
import statistics
import time
from collections.abc import Mapping

from playwright.async_api import Browser, async_playwright
from tests.platform import PlatformProcess

from bench.portal.visitor import Visitor, processor_s

LOADS = 10
IDLE_PAGES = 20
IDLE_S = 20.0
NAVIGATION = """() => {
  const [one] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return {
    answered: one.responseEnd,
    loaded: one.domContentLoadedEventEnd,
    painted: paint.startTime,
  };
}"""
INTERACTIVE = """() => document.addEventListener("DOMContentLoaded", () => {
  const pressed = { key: "k", ctrlKey: true, bubbles: true };
  document.dispatchEvent(new KeyboardEvent("keydown", pressed));
  if (document.querySelector("dialog[open]")) window.usableAt = performance.now();
})"""

USABLE = """() => new Promise((done) => {
  const painted = () => performance.getEntriesByName("first-contentful-paint").length;
  const look = () => window.usableAt && painted() ? done(window.usableAt) : setTimeout(look, 5);
  look();
})"""


def chromium() -> str:
    """ "" where there is none."""
    return os.environ.get("TOWPATH_CHROMIUM") or shutil.which("chromium") or ""


async def measure(platform: PlatformProcess, visitor: Visitor) -> dict[str, object]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=arguments)
        try:
            loads = [await _first_load(browser, visitor) for _ in range(LOADS + 1)][1:]
            idle = await _idle(browser, platform, visitor)
        finally:
            await browser.close()
    medians = {
        f"{name}_ms": round(statistics.median(float(load[name]) for load in loads), 1)
        for name in ("answered", "painted", "loaded", "usable")
    }
    return {**medians, "loads": LOADS, **idle}


def _cookies(visitor: Visitor) -> list[dict[str, str]]:
    pairs = (one.split("=", 1) for one in visitor.cookie.split("; "))
    url = f"http://localhost:{visitor.port}"
    return [{"name": name, "value": value, "url": url} for name, value in pairs]


async def _first_load(browser: Browser, visitor: Visitor) -> Mapping[str, float]:
    """In a new context: nothing is in its cache."""
    context = await browser.new_context()
    await context.add_cookies(_cookies(visitor))  # type: ignore[arg-type]
    page = await context.new_page()
    await page.add_init_script(f"({INTERACTIVE})()")
    await page.goto(f"http://localhost:{visitor.port}/", wait_until="load")
    usable = await page.evaluate(USABLE)
    told = await page.evaluate(NAVIGATION)
    await context.close()
    return {**told, "usable": usable}


async def _idle(browser: Browser, platform: PlatformProcess, visitor: Visitor) -> dict[str, object]:
    """Twenty live pages, each in a browser of its own, while nothing changes."""
    contexts = []
    for _ in range(IDLE_PAGES):
        context = await browser.new_context()
        await context.add_cookies(_cookies(visitor))  # type: ignore[arg-type]
        page = await context.new_page()
        await page.goto(f"http://localhost:{visitor.port}/")
        await page.locator("#live[data-state=on]").wait_for()
        contexts.append(context)
    await contexts[-1].pages[0].wait_for_timeout(3000)
    before_s, began = processor_s(platform.pid), time.perf_counter()
    await contexts[-1].pages[0].wait_for_timeout(IDLE_S * 1000)
    percent = (processor_s(platform.pid) - before_s) * 100 / (time.perf_counter() - began)
    for context in contexts:
        await context.close()
    return {"live_pages": IDLE_PAGES, "idle_percent_of_a_core": round(percent, 2)}
