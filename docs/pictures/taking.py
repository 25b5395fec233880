"""Pictures of every page: light and dark, at the widths of a desk, a tablet and a telephone."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

from playwright.async_api import Browser, Page
from tests.worlds.addresses import follow_links, routes
from tests.worlds.visiting import Visitor

THEMES = ("light", "dark")
WINDOWS = {1440: 900, 1024: 768, 390: 844}
PAGE_MS_MAX = 120_000
"""A platform that has just started with a crowd has much to do beside."""
OUTSIDE = {"/sign-in": "Sign in", "/nowhere": "An address without a page"}
"""Pages that are not in the table of routes."""
FRONT = {"home": "/", "service": "/projects/demo/workloads/order-service"}
"""What the README shows, of the normal world."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One page in one theme and width."""

    route: str
    title: str
    address: str
    theme: str
    width: int
    image: bytes

    @property
    def file_name(self) -> str:
        plain = re.sub(r"[^a-z0-9]+", "-", self.route.lower()).strip("-") or "home"
        return f"{plain}.{self.width}.{self.theme}"


async def take_all(
    browser: Browser,
    visitor: Visitor,
    *,
    first: Iterable[str] = (),
    only: str = "",
    whole: bool = False,
) -> list[Shot]:
    """`whole` pages to their end, or what a window shows at first."""
    found = await follow_links(visitor, first)
    names = routes()
    wanted = [
        (route, names[route], found.addresses[route])
        for route in sorted(names)
        if route in found.addresses
    ]
    wanted += [(address, title, address) for address, title in OUTSIDE.items()]
    context = await visitor.context(browser, reduced_motion="reduce")
    context.set_default_timeout(PAGE_MS_MAX)
    page = await context.new_page()
    shots = []
    for route, title, address in wanted:
        if only in address:
            await page.goto(visitor.base + address)
            shots += [shot async for shot in _take(page, route, title, address, whole=whole)]
    await context.close()
    return shots


async def take_front(browser: Browser, visitor: Visitor) -> dict[str, bytes]:
    """The README's pictures by file name: a few pages in a small window, in each theme."""
    context = await visitor.context(browser, viewport={"width": 1280, "height": 720})
    page = await context.new_page()
    taken = {}
    for name, address in FRONT.items():
        for theme in THEMES:
            await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            await page.goto(visitor.base + address)
            await page.evaluate("document.fonts.ready")
            taken[f"{name}-{theme}.png"] = await page.screenshot(animations="disabled")
    await context.close()
    return taken


def variants() -> Iterator[tuple[str, int]]:
    """Every theme and width that a page is taken in."""
    for theme in THEMES:
        for width in WINDOWS:
            yield theme, width


async def _take(
    page: Page, route: str, title: str, address: str, *, whole: bool
) -> AsyncIterator[Shot]:
    for theme, width in variants():
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        await page.set_viewport_size({"width": width, "height": WINDOWS[width]})
        await page.evaluate("document.fonts.ready")
        image = await page.screenshot(full_page=whole, animations="disabled")
        yield Shot(route, title, address, theme, width, image)
