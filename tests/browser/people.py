"""People with a browser each: signed in by a link, watched for complaints and for reloads."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from playwright.async_api import Browser, BrowserContext, Page, Request, expect
from tests.platform import TOWPATH, PlatformProcess

HEALTHY_MS = 60_000
SOON_MS = 20_000


@dataclass
class Person:
    name: str
    context: BrowserContext
    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    """What the console said: nothing is right only when it is silent."""
    documents: list[str] = field(default_factory=list)
    """Whole pages that were loaded since `begin`: everything else was swapped in."""

    def begin(self) -> None:
        self.documents.clear()

    async def open(self, path: str) -> None:
        await self.page.goto(self.base + path)

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._requested)

    def _requested(self, request: Request) -> None:
        if request.is_navigation_request():
            self.documents.append(request.url)


async def sign_in_link(platform: PlatformProcess, user: str) -> str:
    made = await platform.towpath("login-link", "--user", user)
    found = re.search(r"http://\S+", made.stdout)
    assert found, made.stderr
    return found.group(0)


async def person(browser: Browser, platform: PlatformProcess, name: str, **options: Any) -> Person:
    """A browser profile of their own, at the home page."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    made = Person(name, context, page, f"http://localhost:{platform.port}")
    made.watch(page)
    await page.goto(await sign_in_link(platform, name))
    await page.get_by_role("button", name="Continue to the portal").click()
    await expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()
    if options.get("java_script_enabled", True):
        # What needs JavaScript is offered when it is there.
        await expect(page.locator("[data-palette-open]").first).to_be_visible()
    return made


async def answers(platform: PlatformProcess, url: str) -> httpx2.Response:
    """What a service says at the address that the portal shows."""
    return await platform.service(url.partition("://")[2].partition(":")[0])


async def push_change(platform: PlatformProcess, name: str, cwd: Path) -> None:
    """A change to a service of demo, pushed in a terminal by whoever writes the code."""
    url = f"http://localhost:{platform.port}/git/demo/{name}.git"
    helper = f"credential.helper=!{TOWPATH} git credential"
    clone = cwd / name
    cloned = await platform.run("git", "clone", "-q", "-c", helper, url, str(clone))
    assert cloned.code == 0, cloned.stderr
    (clone / "docs" / "index.md").write_text("# Orders\n\nChanged.\n")
    author = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org")
    for command in ((*author, "commit", "-qam", "Say more"), ("push", "-q")):
        done = await platform.run("git", "-C", str(clone), *command)
        assert done.code == 0, done.stderr
