"""axe-core has nothing to complain of, on any page, in both themes; and no page is out of reach."""

from collections.abc import Mapping
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Page
from tests.browser.looks.looking import Look
from tests.worlds.addresses import routes

pytestmark = pytest.mark.browser

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = ["color-contrast", "link-in-text-block"]
"""What a theme changes."""
NOT_FOR_ALICE = {"/projects/-/new"}
"""Pages that take more rights than the demo's alice has."""

RUN = "(options) => axe.run(document, options)"
TELL_NODES_MAX = 3


def rules(kind: str, values: list[str]) -> dict[str, Any]:
    return {"resultTypes": ["violations"], "runOnly": {"type": kind, "values": values}}


ALL_RULES = rules("tag", WCAG)
CONTRAST_RULES = rules("rule", CONTRAST)


async def complaints(look: Look, browser: Browser, *, width: int = 1280) -> Mapping[str, Any]:
    """Of every page: all rules in the light, and in the dark those that a theme changes."""

    async def examine(page: Page) -> list[str]:
        found = []
        for theme, options in (("light", ALL_RULES), ("dark", CONTRAST_RULES)):
            await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            result = await page.evaluate(RUN, options)
            found += [f"{theme}: {_sentence(one)}" for one in result["violations"]]
        return found

    window = {"width": width, "height": 900}
    # Halfway through a transition nothing has its contrast yet.
    async with look.page(browser, viewport=window, reduced_motion="reduce") as page:
        await page.add_init_script(AXE_SCRIPT)
        return await look.each(page, examine)


def _sentence(violation: dict[str, Any]) -> str:
    nodes = [str(node["target"][-1]) for node in violation["nodes"]]
    return f"{violation['id']}: {violation['help']}: {', '.join(nodes[:TELL_NODES_MAX])}"


def test_links_lead_to_every_page_and_none_leads_nowhere(bad_day: Look) -> None:
    assert set(routes()) - set(bad_day.found.addresses) - NOT_FOR_ALICE == set()
    assert bad_day.found.strays == []


async def test_no_page_breaks_a_rule(browser: Browser, bad_day: Look) -> None:
    assert await complaints(bad_day, browser) == {}


@pytest.mark.slow
async def test_no_page_breaks_a_rule_on_a_telephone(browser: Browser, bad_day: Look) -> None:
    assert await complaints(bad_day, browser, width=390) == {}


@pytest.mark.slow
async def test_no_empty_page_breaks_a_rule(browser: Browser, first_day: Look) -> None:
    assert await complaints(first_day, browser) == {}
