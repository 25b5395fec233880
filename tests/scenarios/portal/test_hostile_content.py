"""Whatever people write into names, texts, links, logs and commits, no page of ours runs it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, BrowserContext, Page
from tests.scenarios.portal import hostile
from tests.scenarios.portal.world import OWN, OWN_SERVICE, World, routes

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CANARY = """
window.canary = () => { window.sang = true; };
window.violations = [];
document.addEventListener("securitypolicyviolation",
  (event) => window.violations.push(`${event.violatedDirective}: ${event.sample}`));
"""
MADE = """() => [...document.querySelectorAll(
  "[onerror], [onload], [onclick], [srcdoc], iframe, object, embed, base, meta[http-equiv]," +
  "img[src=x], script:not([src]), style, [style]")].map((one) => one.outerHTML.slice(0, 120))"""
LINKS = """() => [...document.querySelectorAll("[href], [src], [action], [formaction]")]
  .flatMap((one) => ["href", "src", "action", "formaction"].map((name) => one.getAttribute(name)))
  .filter((link) => link && /^\\s*(javascript|data|vbscript|blob):/i.test(link))"""
PAGES_MAX = 150


@dataclass
class Reader:
    page: Page
    base: str
    said: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    shown: int = 0
    """Pages on which such a text stands, to be read."""

    async def look(self, path: str) -> list[str]:
        """Read a page, note what it should not have, and tell where it leads."""
        self.said.clear()
        answer = await self.page.goto(self.base + path, wait_until="load")
        assert answer is not None
        found = [
            *self.said,
            *await self.page.evaluate(MADE),
            *await self.page.evaluate(LINKS),
            *await self.page.evaluate("window.violations"),
        ]
        if await self.page.evaluate("window.sang === true"):
            found.append("the canary sang")
        if answer.status >= 500:
            found.append(f"{answer.status}")
        self.shown += "canary()" in await self.page.inner_text("body")
        self.wrong += [f"{path[:100]}: {one}" for one in found]
        links: list[str] = await self.page.eval_on_selector_all(
            "main a[href^='/']", "all => all.map((one) => one.getAttribute('href'))"
        )
        return links


@pytest.fixture(scope="module")
async def run(world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything hostile has been made; the pipeline run that told of it."""
    return await hostile.make(world, tmp_path_factory.mktemp("hostile"))


@pytest.fixture
async def reader(browser: Browser, world: World) -> AsyncIterator[Reader]:
    context: BrowserContext = await browser.new_context(user_agent=f"Firefox {hostile.TAGS} Linux")
    await context.add_init_script(CANARY)
    page = await context.new_page()
    made = Reader(page, world.base)
    page.on("console", lambda said: made.said.append(said.text) if said.type != "info" else None)
    page.on("pageerror", lambda error: made.said.append(str(error)))
    page.on("dialog", lambda dialog: made.said.append(f"dialog {dialog.message}"))
    await page.goto(f"{world.base}/sign-in?link={await world.estate.link('alice')}")
    await page.get_by_role("button", name="Continue to the portal").click()
    await page.wait_for_url(f"{world.base}/")
    yield made
    await context.close()


async def test_nothing_that_people_write_is_run(world: World, reader: Reader, run: str) -> None:
    waiting = [
        *(route.path for route in routes() if "{" not in route.path and _is_page(route.path)),
        f"/projects/{OWN}/pipelines/{run}",
        f"/projects/{hostile.PROJECT_NAME}/runs/hostile-run",
        f"/projects/{hostile.PROJECT_NAME}/workloads/{hostile.SERVICE}",
        f"/create/{hostile.PROJECT_NAME}/hostile",
        f"/catalog/component/{OWN}/{OWN_SERVICE}",
        f"/objects/platform/core/v1/configmaps/{hostile.PROJECT_NAME}/hostile",
        f"/docs/{OWN}/component/{OWN_SERVICE}",
        *(f"/apis/{OWN}/{OWN_SERVICE}{part}" for part in ("", "/changes", "/source")),
        f"/search?q={OWN_SERVICE}",
        f"/search?q={_q(hostile.TAGS)}",
        *(f"/catalog?{name}={_q(hostile.TAGS)}" for name in ("q", "kind", "owner", "health")),
        f"/create?q={_q(hostile.TAGS)}",
        f"/{_q(hostile.TAGS, safe='')}",
        f"/projects/{_q(hostile.TAGS, safe='')}",
        f"/projects/{OWN}/workloads/{_q(hostile.TAGS, safe='')}",
        f"/catalog/{_q(hostile.TAGS, safe='')}/a/b",
        f"/create/{hostile.PROJECT_NAME}/hostile?name={_q(hostile.BREAK_OUT)}&link={hostile.LINK}",
        f"/projects/{OWN}/promote/{OWN_SERVICE}?reason={_q(hostile.TAGS)}&release={_q(hostile.TAGS)}",
        f"/sign-in?link={_q(hostile.TAGS)}&next={hostile.LINK}",
    ]
    while waiting and len(reader.read) < PAGES_MAX:
        path = waiting.pop(0)
        if path in reader.read:
            continue
        reader.read.add(path)
        links = [link.partition("#")[0] for link in await reader.look(path)]
        waiting += [link for link in links if _is_page(link) and link not in reader.read]
    wrong = [
        one for one in reader.wrong if not one.endswith(("404 (Not Found)", "400 (Bad Request)"))
    ]
    assert wrong == []
    assert len(reader.read) > 40
    assert reader.shown > 15


def _is_page(path: str) -> bool:
    own = (OWN_SERVICE, hostile.SERVICE, hostile.PROJECT_NAME)
    if path.startswith(("/api/", "/-/", "/static/", "/sign-")):
        return False
    return path.count("/") < 2 or any(name in path for name in own)


def _q(text: str, safe: str = "/") -> str:
    return quote(text, safe=safe)


async def test_what_is_posted_and_comes_back_is_not_run(
    world: World, reader: Reader, run: str
) -> None:
    assert run
    page = reader.page
    await page.goto(f"{world.base}/account")
    for text in (hostile.TAGS[:60], hostile.LINK, hostile.TURNED):
        await page.get_by_label("What is the new token for?").fill(text)
        await page.get_by_role("button", name="Make a token").click()
        await page.locator("main .code").first.wait_for()
        await reader.look("/account")
    await page.goto(
        f"{world.base}/projects/{hostile.PROJECT_NAME}/workloads/{hostile.SERVICE}/delete"
    )
    await page.get_by_label("to confirm").evaluate("one => one.removeAttribute('pattern')")
    await page.get_by_label("to confirm").fill(hostile.TAGS)
    await page.get_by_role("button", name=f"Delete {hostile.SERVICE}").click()
    await page.get_by_text("was typed").first.wait_for()
    assert await page.evaluate("window.sang") is None
    assert await page.evaluate("window.violations") == []
    # What is swapped in by our own script is no different from what is loaded.
    await page.get_by_role("navigation", name="Main").get_by_role("link", name="Catalog").click()
    await page.get_by_role("heading", level=1, name="Catalog").wait_for()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("img")
    await page.locator("#palette-results p, #palette-results a").first.wait_for()
    assert await page.evaluate("window.sang") is None
    assert await page.evaluate(MADE) == []
    assert reader.wrong == []


async def test_a_log_is_plain_text(reader: Reader, run: str) -> None:
    """No colours, no terminal's links, nothing that turns or hides what stands beside it."""
    await reader.look(f"/projects/{OWN}/pipelines/{run}")
    lines = await reader.page.locator(".log .text").all_text_contents()
    assert any("<img src=x onerror=canary()>" in line for line in lines)
    strange = re.compile(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    )
    assert [line for line in lines if strange.search(line)] == []
