"""Every page of a portal, opened one after the other in real Chromium as somebody who looks."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page
from tests.worlds.addresses import Found
from tests.worlds.visiting import Visitor

EXAMINATIONS = Path(__file__).with_name("examinations.js")
OUTSIDE = ("/sign-in", "/nowhere")
"""What is shown to strangers, and what is shown where there is nothing."""

OnPage = Callable[[Page], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Look:
    """A world, who looks at it, and what there is to be seen."""

    visitor: Visitor
    found: Found

    @asynccontextmanager
    async def page(self, browser: Browser, **options: Any) -> AsyncIterator[Page]:
        """A page of a profile that is signed in; our own scripts may be put into it."""
        context = await self.visitor.context(browser, bypass_csp=True, **options)
        yield await context.new_page()
        await context.close()

    async def each(self, page: Page, examine: OnPage) -> Mapping[str, Any]:
        """What `examine` has to say of each page, by its address; silence is left out."""
        said = {}
        for address in (*self.found.addresses.values(), *OUTSIDE):
            await page.goto(self.visitor.base + address)
            if remark := await examine(page):
                said[address] = remark
        return said

    async def examine(
        self, page: Page, *names: str, first: OnPage | None = None
    ) -> Mapping[str, Any]:
        """What these examinations find on each page."""

        async def examine(page: Page) -> list[str]:
            if first is not None:
                await first(page)
            return [
                f"{name}: {one}"
                for name in names
                for one in await page.evaluate(f"examinations.{name}()")
            ]

        await page.add_init_script(path=EXAMINATIONS)
        return await self.each(page, examine)
